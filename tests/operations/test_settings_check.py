"""Settings that cannot be used are named, with the fix, and never shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from cadenza.operations.rehearsal_environment import rehearsal_environment
from cadenza.operations.settings_check import (
    SettingsError,
    explain,
    is_loopback,
    load_settings,
    problems_for_calling,
)
from cadenza.settings import Settings

COMPLETE = {
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": SecretStr("token"),
    "twilio_from_number": "+12025550123",
    "assemblyai_api_key": SecretStr("a"),
    "openai_api_key": SecretStr("o"),
    "elevenlabs_api_key": SecretStr("e"),
    "signing_secret": SecretStr("a-secret-of-at-least-24-characters"),
    "public_base_url": "https://calls.example.com",
    "bridge_public_url": "wss://calls.example.com",
}


def variables(**changes: object) -> set[str]:
    return {one.variable for one in problems_for_calling(Settings.model_validate({**COMPLETE, **changes}))}


def test_complete_settings_have_no_problems() -> None:
    assert variables() == set()


@pytest.mark.parametrize(
    "field",
    [
        "twilio_account_sid",
        "twilio_auth_token",
        "twilio_from_number",
        "assemblyai_api_key",
        "openai_api_key",
        "elevenlabs_api_key",
    ],
)
def test_each_missing_key_is_named(field: str) -> None:
    assert variables(**{field: ""}) == {field.upper()}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("twilio_from_number", "02025550123"),
        ("twilio_from_number", "+0 202 555"),
        ("signing_secret", "rehearsal-only-signing-secret"),
        ("signing_secret", "short"),
        ("public_base_url", "http://calls.example.com"),
        ("public_base_url", "https://localhost:8000"),
        ("bridge_public_url", "ws://calls.example.com"),
        ("bridge_public_url", "wss://127.0.0.1:8001"),
    ],
)
def test_values_that_would_fail_in_a_call_are_refused_before_it(field: str, value: str) -> None:
    assert variables(**{field: value}) == {field.upper()}


def test_half_a_microsoft_registration_names_the_other_half() -> None:
    assert variables(microsoft_tenant_id="tenant") == {"MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET"}


def test_a_carrier_on_this_machine_may_call_back_to_this_machine() -> None:
    local = {"twilio_base_url": "http://127.0.0.1:9100"}
    assert variables(public_base_url="http://127.0.0.1:8000", bridge_public_url="ws://127.0.0.1:8001", **local) == set()


def test_a_misspelt_name_in_the_env_file_gets_a_suggestion(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("TWILIO_ACOUNT_SID=AC1\nNOTHING_LIKE_IT_AT_ALL=1\n")
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=env_file)  # type: ignore[call-arg]
    fixes = {one.variable: one.fix for one in explain(caught.value)}
    assert fixes["TWILIO_ACOUNT_SID"] == "did you mean TWILIO_ACCOUNT_SID?"
    assert "cadenza settings" in fixes["NOTHING_LIKE_IT_AT_ALL"]


def test_a_wrong_value_names_the_variable_and_never_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "very-secret-value")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert [one.variable for one in caught.value.problems] == ["API_PORT"]
    assert "very-secret-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.8.0.1", True),
        ("http://[::1]:80", True),
        ("https://localhost", True),
        ("https://calls.example.com", False),
        ("https://10.0.0.1", False),
    ],
)
def test_this_machine_is_known_by_its_loopback_addresses(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


def test_every_variable_of_the_rehearsal_environment_is_a_setting(tmp_path: Path) -> None:
    environment = rehearsal_environment(tmp_path, rehearsal_port=19100)
    settings = Settings.model_validate({name.lower(): value for name, value in environment.items()})
    assert settings.microsoft_graph_url == "http://127.0.0.1:19106"
    # Nothing but the published signing secret sets it apart from settings that can be used for real.
    assert {one.variable for one in problems_for_calling(settings)} == {"SIGNING_SECRET"}


@pytest.mark.parametrize("address", ["postgresql://h/d", "postgres://h/d", "postgresql+psycopg://h/d"])
def test_a_database_address_may_name_postgresql_in_any_usual_way(address: str) -> None:
    database_url = Settings(_env_file=None, database_url=SecretStr(address)).database_url
    assert database_url is not None
    assert database_url.get_secret_value() == "postgresql://h/d"


@pytest.mark.parametrize("address", ["mysql://h/d", "h/d", "postgresql://", "sqlite:///secret.db"])
def test_the_address_of_another_database_is_refused_before_anything_starts(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert [one.variable for one in refused.value.problems] == ["DATABASE_URL"]
    assert "postgresql://" in str(refused.value)
    assert "secret" not in str(refused.value)
