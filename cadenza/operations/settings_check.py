"""What is wrong with the settings, said with the variable's name and the fix, before anything starts."""

import difflib
import ipaddress
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from cadenza.calling_rules import read_rules
from cadenza.domain.rules.rule_book import RulesRefused
from cadenza.settings import Settings, get_settings

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_NEEDED = {
    "twilio_account_sid": "copy the Account SID from console.twilio.com",
    "twilio_auth_token": "copy the Auth Token from console.twilio.com",
    "twilio_from_number": "set a number that you own or have verified at Twilio, such as +12025550123",
    "assemblyai_api_key": "copy the key from www.assemblyai.com/dashboard",
    "openai_api_key": "make a key at platform.openai.com/api-keys",
    "elevenlabs_api_key": "make a key at elevenlabs.io/app/settings/api-keys",
}
_MICROSOFT = ("microsoft_tenant_id", "microsoft_client_id", "microsoft_client_secret")


@dataclass(frozen=True)
class SettingProblem:
    """One thing to fix. `variable` is the environment variable's name."""

    variable: str
    problem: str
    fix: str


class SettingsError(Exception):
    """The settings cannot be used."""

    def __init__(self, problems: list[SettingProblem]) -> None:
        super().__init__("; ".join(f"{one.variable}: {one.problem}" for one in problems))
        self.problems = problems


def load_settings() -> Settings:
    """The process's settings. Raises SettingsError, naming each variable, instead of pydantic's own error."""
    try:
        return get_settings()
    except ValidationError as error:
        raise SettingsError([*explain(error), *unusable_rules(_stated_rules())]) from None


def _stated_rules() -> Path | None:
    """CALLING_RULES as it is written, where other settings keep all from being read: its mistakes are told, too."""
    stated = {**DotEnvSettingsSource(Settings)(), **EnvSettingsSource(Settings)()}.get("calling_rules")
    return Path(stated) if stated else None


def explain(error: ValidationError) -> list[SettingProblem]:
    """pydantic's errors as things to fix. Never shows the value: it may be a secret."""
    return [_explain_one(str(one["loc"][0]) if one["loc"] else "", one["type"], one["msg"]) for one in error.errors()]


def _explain_one(field: str, kind: str, message: str) -> SettingProblem:
    variable = field.upper()
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(field.lower(), Settings.model_fields, n=1)
        fix = f"did you mean {close[0].upper()}?" if close else "remove it; `cadenza settings` lists every name"
        return SettingProblem(variable, "there is no such setting in Cadenza", fix)
    known = Settings.model_fields.get(field)
    fix = f"it means: {known.description}" if known else "see `cadenza settings`"
    return SettingProblem(variable, message.removeprefix("Value error, "), fix)


def is_loopback(address: str) -> bool:
    """Whether a URL's host is this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def problems_for_calling(settings: Settings) -> list[SettingProblem]:
    """What has to be fixed before real people can be called with these settings."""
    return [
        *_missing_keys(settings),
        *_unusable_number(settings),
        *_weak_secret(settings),
        *_unreachable_addresses(settings),
        *_half_of_microsoft(settings),
        *unusable_rules(settings.calling_rules),
    ]


def _value(settings: Settings, field: str) -> str:
    value = getattr(settings, field)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _missing_keys(settings: Settings) -> Iterable[SettingProblem]:
    for field, fix in _NEEDED.items():
        if not _value(settings, field):
            yield SettingProblem(field.upper(), "is not set", fix)


def _unusable_number(settings: Settings) -> Iterable[SettingProblem]:
    number = settings.twilio_from_number
    if number and not _E164.fullmatch(number):
        yield SettingProblem(
            "TWILIO_FROM_NUMBER", "is not in E.164 form", "write + and the country code, digits only: +12025550123"
        )


def _weak_secret(settings: Settings) -> Iterable[SettingProblem]:
    secret = settings.signing_secret
    if secret == Settings.model_fields["signing_secret"].default or len(secret.get_secret_value()) < 24:
        yield SettingProblem(
            "SIGNING_SECRET",
            "is the published default or shorter than 24 characters",
            f"for example SIGNING_SECRET={secrets.token_urlsafe(32)}",
        )


def _unreachable_addresses(settings: Settings) -> Iterable[SettingProblem]:
    if is_loopback(settings.twilio_base_url):
        return  # a carrier on this machine reaches this machine
    for field, scheme, what in (("public_base_url", "https", "the API"), ("bridge_public_url", "wss", "the bridge")):
        address = _value(settings, field)
        example = f"{scheme}://calls.example.com"
        if is_loopback(address):
            problem = "is an address of this machine, which Twilio cannot reach"
            yield SettingProblem(field.upper(), problem, f"the address at which {what} is published: {example}")
        elif urlsplit(address).scheme != scheme:
            yield SettingProblem(field.upper(), f"is not {scheme}://", f"Twilio needs it encrypted: {example}")


def _half_of_microsoft(settings: Settings) -> Iterable[SettingProblem]:
    given = [field for field in _MICROSOFT if _value(settings, field)]
    if given and len(given) < len(_MICROSOFT):
        for field in set(_MICROSOFT) - set(given):
            yield SettingProblem(
                field.upper(), "is not set although other MICROSOFT_ settings are", "copy it from the app registration"
            )


def unusable_rules(overlay: Path | None) -> Iterable[SettingProblem]:
    """What is wrong with the file of CALLING_RULES."""
    try:
        read_rules(overlay)
    except RulesRefused as refused:
        for one in refused.problems:
            yield SettingProblem("CALLING_RULES", f"{one.field}: {one.message}", one.fix)
