"""Every setting of every process, read once from the environment and `.env`.

An unknown name in `.env` is refused: a misspelt setting that is silently ignored is worse than a stop.
CADENZA_ENV_FILE names another file than `.env`, or none if it is blank. `.env.example` is generated from this file
(`cadenza settings`), so a description here is the documentation.
"""

import os
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Promotion(StrEnum):
    """When a worker that starts makes its build the current one (docs/deploy.md)."""

    ALWAYS = "always"
    NEW = "new"
    NEVER = "never"


class Settings(BaseSettings):
    """All settings. Field names in upper case are the names of the environment variables."""

    model_config = SettingsConfigDict(
        env_file=os.environ.get("CADENZA_ENV_FILE", ".env") or None,
        env_file_encoding="utf-8",
        extra="forbid",
        env_ignore_empty=True,
        frozen=True,
    )

    # Where things live
    data_dir: Path = Field(Path(".cadenza"), description="Folder for the embedded servers' data and recordings")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool = Field(False, description="Write log lines as JSON")

    # PostgreSQL
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL address (postgresql://user:password@host/db); unset starts the embedded server",
    )
    database_pool_size: int = Field(8, ge=1, description="Connections a process keeps open")

    # Temporal
    temporal_address: str | None = Field(
        None, description="host:port of a Temporal cluster; unset starts the embedded development server"
    )
    temporal_namespace: str = Field("default", description="Temporal namespace")
    temporal_api_key: SecretStr | None = Field(None, description="API key for Temporal Cloud; switches TLS on")
    temporal_embedded_port: int = Field(7233, description="Port of the embedded Temporal server")
    temporal_ui_port: int = Field(8233, description="Port of the embedded Temporal UI")
    worker_deployment_name: str = Field("cadenza", description="Worker deployment that versioned workers belong to")
    worker_build_id: str | None = Field(
        None,
        description="Version of this worker's code for Temporal's worker versioning; unset: not versioned",
    )
    worker_promotion: Promotion | None = Field(
        None,
        description="When a worker makes its build current: always, new (never was before), never (by hand); "
        "unset: always under `cadenza up`, else new",
    )
    payload_encryption_keys: SecretStr | None = Field(
        None,
        description="Comma-separated Fernet keys; the first encrypts workflow payloads, all decrypt; unset: plain",
    )

    # API and console
    api_host: str = Field("127.0.0.1", description="Address the API listens on")
    api_port: int = Field(8000, description="Port the API listens on")
    public_base_url: str = Field(
        "http://127.0.0.1:8000",
        description="Address at which Twilio reaches the API (https:// in production)",
    )
    api_rate_limit: str = Field("600/minute", description="Requests allowed to each API key")
    max_upload_bytes: int = Field(100_000_000, ge=1, description="Largest lead file taken, in bytes")
    max_upload_rows: int = Field(250_000, ge=1, description="Most rows taken from one lead file")
    cadenza_api_url: str = Field("http://127.0.0.1:8000", description="API address the `cadenza` command talks to")
    cadenza_api_key: SecretStr | None = Field(
        None, description="API key of the `cadenza` command; unset uses the key made at first start"
    )

    # Voice bridge
    bridge_host: str = Field("127.0.0.1", description="Address the voice bridge listens on")
    bridge_port: int = Field(8001, description="Port the voice bridge listens on")
    bridge_public_url: str = Field(
        "ws://127.0.0.1:8001", description="Address at which Twilio reaches the bridge (wss:// in production)"
    )
    bridge_max_calls: int = Field(100, ge=1, description="Conversations one bridge process takes")
    bridge_spoken_cache_mb: int = Field(
        16, ge=0, description="Memory for sentences that the agent may say again in the same words; 0: all anew"
    )
    signing_secret: SecretStr = Field(
        SecretStr("rehearsal-only-signing-secret"),
        description="Secret that signs stream tokens and audio links",
    )
    audit_hash_key: SecretStr | None = Field(
        None,
        description="Key under which numbers are hashed in the audit log; never change it. Unset: SIGNING_SECRET",
    )
    stream_token_seconds: int = Field(120, description="Life of a media stream's token, in seconds")

    # Calling rules
    calling_rules: Path | None = Field(
        None,
        description="JSON file with the operator's changes to the calling rules (docs/rules.md); unset: none",
    )

    # Twilio
    twilio_account_sid: str = Field("", description="Account SID (AC...)")
    twilio_auth_token: SecretStr = Field(SecretStr(""), description="Auth token: REST calls and webhook signatures")
    twilio_from_number: str = Field("", description="Caller ID in E.164; an owned or verified number")
    twilio_base_url: str = Field("https://api.twilio.com", description="Twilio REST address")
    twilio_timeout_seconds: float = Field(10.0, description="Patience for one Twilio request, in seconds")
    calls_per_second: float = Field(1.0, gt=0, description="Calls started per second by this account (Twilio: 1)")
    max_lines: int = Field(20, ge=1, description="Calls under way at the same time in this account")
    breaker_carrier_fault_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="All calling pauses when calls of several campaigns fail at the carrier: this share of the "
        "attempts that ended in two minutes; 0: never",
    )
    breaker_abandoned_share: float = Field(
        0.03,
        ge=0,
        le=1,
        description="All calling pauses when more than this share of the people who answered in 30 days heard nothing "
        "for two seconds; 0: never",
    )
    breaker_opt_out_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="All calling pauses when more than this share of the last talks of each campaign ended with an "
        "opt-out; 0: never",
    )
    recording_retention_days: int = Field(
        90, ge=0, description="Recordings older than this are deleted here and at Twilio; 0 keeps them"
    )

    # AssemblyAI
    assemblyai_api_key: SecretStr = Field(SecretStr(""), description="AssemblyAI key")
    assemblyai_streaming_url: str = Field("wss://streaming.assemblyai.com", description="AssemblyAI streaming address")
    assemblyai_speech_model: str = Field("universal-3-5-pro", description="Streaming speech model")

    # OpenAI
    openai_api_key: SecretStr = Field(SecretStr(""), description="OpenAI key")
    openai_base_url: str = Field("https://api.openai.com/v1", description="OpenAI or compatible address")
    openai_model: str = Field("gpt-5.4-mini", description="Chat model of the agent")
    openai_timeout_seconds: float = Field(8.0, description="Patience for the first token, in seconds")

    # ElevenLabs
    elevenlabs_api_key: SecretStr = Field(SecretStr(""), description="ElevenLabs key")
    elevenlabs_base_url: str = Field("https://api.elevenlabs.io", description="ElevenLabs address")
    elevenlabs_voice_id: str = Field("21m00Tcm4TlvDq8ikWAM", description="Voice of campaigns that name none")
    elevenlabs_model: str = Field("eleven_flash_v2_5", description="Speech synthesis model")
    elevenlabs_renders_at_once: int = Field(
        3, ge=1, description="Texts rendered ahead at the same time by a worker; the plan's limit holds for calls too"
    )

    # Calendly
    calendly_token: SecretStr = Field(SecretStr(""), description="Calendly personal access token (paid plan)")
    calendly_base_url: str = Field("https://api.calendly.com", description="Calendly address")

    # Microsoft Teams
    microsoft_tenant_id: str = Field("", description="Directory (tenant) id of the app registration")
    microsoft_client_id: str = Field("", description="Application (client) id")
    microsoft_client_secret: SecretStr = Field(SecretStr(""), description="Client secret")
    microsoft_login_url: str = Field("https://login.microsoftonline.com", description="Microsoft login address")
    microsoft_graph_url: str = Field("https://graph.microsoft.com", description="Microsoft Graph address")
    microsoft_ca_bundle: Path | None = Field(
        None,
        description="Certificate file for the login address behind a company proxy; unset: the usual ones",
    )

    # The customer's webhooks
    webhook_secret: SecretStr | None = Field(
        None, description="Secret that signs the results posted to campaigns' webhook addresses; unset: not signed"
    )
    webhook_allow_private: bool = Field(
        False, description="Let campaigns' webhooks go to private and loopback addresses: for tests only"
    )

    # Cost estimate, US dollars
    cost_telephony_minute: float = Field(0.014, description="Telephony, USD a connected minute")
    cost_machine_detection_call: float = Field(0.0075, description="Machine detection, USD an answered call")
    cost_listening_minute: float = Field(0.0075, description="Recogniser, USD a minute")
    cost_thinking_million_tokens: float = Field(0.60, description="Language model, USD a million tokens")
    cost_speaking_thousand_characters: float = Field(0.05, description="Synthesiser, USD a thousand characters")

    # Rehearsal world (never read by a production process)
    rehearsal_port: int = Field(9100, description="First of the eight ports of the rehearsal world")
    rehearsal_seed: int = Field(7, description="Seed of everything random in the rehearsal world")

    @field_validator(
        "public_base_url",
        "bridge_public_url",
        "cadenza_api_url",
        "twilio_base_url",
        "openai_base_url",
        "elevenlabs_base_url",
        "calendly_base_url",
        "microsoft_graph_url",
        "microsoft_login_url",
        "assemblyai_streaming_url",
    )
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https", "ws", "wss"} or not parts.hostname:
            raise ValueError("must be a full address such as https://calls.example.com")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _is_of_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme, _, rest = value.get_secret_value().partition("://")
        if scheme.split("+")[0] not in {"postgresql", "postgres"} or not rest:  # with a driver, as SQLAlchemy has it
            raise ValueError("must start with postgresql://, PostgreSQL is the only database")
        return SecretStr(f"postgresql://{rest}")

    @field_validator("log_level")
    @classmethod
    def _is_a_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @property
    def temporal_target(self) -> str:
        """host:port to connect to, embedded or not."""
        return self.temporal_address or f"127.0.0.1:{self.temporal_embedded_port}"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
