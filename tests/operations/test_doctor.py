"""The doctor against servers that accept, refuse, fail and are not there."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg.types.json import Jsonb
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cadenza.operations.doctor import examine
from cadenza.operations.findings import Finding, Verdict
from cadenza.operations.number_key_check import number_key
from cadenza.operations.processes import free_port
from cadenza.operations.readiness import mark_ready
from cadenza.operations.rehearsal_environment import RULES
from cadenza.operations.rules_check import calling_rules
from cadenza.records.database import Database
from cadenza.records.number_hash import number_key_check
from cadenza.records.number_key import note_number_key
from cadenza.settings import Settings
from rehearsal.servers import AsgiServer

GOOD_KEY = "good"


def answer(request: Request) -> Response:
    """Accepts the good key however it is sent; a key that is a number is answered with that status."""
    sent = " ".join([request.headers.get("authorization", ""), request.headers.get("xi-api-key", "")]).strip()
    key = sent.removeprefix("Bearer ")
    if key.isdigit():
        return Response(status_code=int(key))
    basic_of_good_key = "Basic QUMxOmdvb2Q="  # AC1:good
    return Response(status_code=200 if key == GOOD_KEY or sent == basic_of_good_key else 401)


@pytest_asyncio.fixture
async def vendors() -> AsyncIterator[int]:
    server = AsgiServer(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])]))
    await server.start("127.0.0.1", 0)
    yield server.port
    await server.stop()


def settings_for(port: int, key: str, **changes: object) -> Settings:
    here = f"127.0.0.1:{port}"
    secret = SecretStr(key)
    return Settings.model_validate(
        {
            "api_port": free_port(),
            "bridge_port": free_port(),
            "temporal_embedded_port": free_port(),
            "temporal_ui_port": free_port(),
            "twilio_base_url": f"http://{here}",
            "twilio_account_sid": "AC1",
            "twilio_auth_token": secret,
            "assemblyai_streaming_url": f"ws://{here}",
            "assemblyai_api_key": secret,
            "openai_base_url": f"http://{here}/v1",
            "openai_api_key": secret,
            "elevenlabs_base_url": f"http://{here}",
            "elevenlabs_api_key": secret,
            "calendly_base_url": f"http://{here}",
            "calendly_token": secret,
            **changes,
        }
    )


async def findings_for(settings: Settings) -> dict[str, Finding]:
    return {one.subject: one for one in await examine(settings)}


VENDORS = ["Twilio", "AssemblyAI", "OpenAI", "ElevenLabs", "Calendly"]


async def test_accepted_keys_are_good(vendors: int) -> None:
    found = await findings_for(settings_for(vendors, GOOD_KEY))
    assert {found[name].verdict for name in VENDORS} == {Verdict.GOOD}
    assert found["Microsoft"].verdict is Verdict.SKIPPED
    assert found["Ports"].verdict is Verdict.GOOD


async def test_refused_keys_name_the_variable_and_not_the_key(vendors: int) -> None:
    found = await findings_for(settings_for(vendors, "secret-wrong-key"))
    for name in VENDORS:
        assert found[name].verdict is Verdict.WRONG
        assert name.upper()[:6] in found[name].fix
    assert "secret-wrong-key" not in repr(found)


@pytest.mark.parametrize("status", ["404", "503"])
async def test_other_failures_are_wrong_too(vendors: int, status: str) -> None:
    found = await findings_for(settings_for(vendors, status))
    assert found["OpenAI"].verdict is Verdict.WRONG
    assert status in found["OpenAI"].detail


async def test_vendors_that_are_not_reached_are_told_from_refused_keys() -> None:
    found = await findings_for(settings_for(free_port(), GOOD_KEY))
    assert "not reached" in found["Calendly"].detail


async def test_keys_that_are_not_set_are_settings_problems_and_no_requests() -> None:
    found = await findings_for(settings_for(free_port(), ""))
    assert found["OPENAI_API_KEY"].verdict is Verdict.WRONG
    assert found["OpenAI"].verdict is Verdict.SKIPPED


async def test_a_taken_port_is_named_with_its_setting(vendors: int) -> None:
    found = await findings_for(settings_for(vendors, GOOD_KEY, api_port=vendors))
    assert found["API_PORT"].verdict is Verdict.WRONG
    assert "set API_PORT" in found["API_PORT"].fix


async def test_ports_of_a_running_cadenza_are_good(vendors: int) -> None:
    settings = settings_for(vendors, GOOD_KEY, api_port=vendors)
    mark_ready("api", settings.data_dir)
    found = await findings_for(settings)
    assert found["Ports"].verdict is Verdict.GOOD


@pytest.mark.servers
async def test_an_own_database_and_temporal_are_reached(vendors: int, postgres_url: str, temporal_env: object) -> None:
    address = temporal_env.client.service_client.config.target_host  # type: ignore[attr-defined]
    own = {"database_url": SecretStr(postgres_url), "temporal_address": address}
    found = await findings_for(settings_for(vendors, GOOD_KEY, **own))
    assert found["PostgreSQL"].detail == "version 18"
    assert found["Temporal"].verdict is Verdict.GOOD


async def test_an_own_database_and_temporal_that_are_away_are_wrong(vendors: int) -> None:
    nowhere = free_port()
    own = {
        "database_url": SecretStr(f"postgresql://nobody@127.0.0.1:{nowhere}/x"),
        "temporal_address": f"127.0.0.1:{nowhere}",
    }
    found = await findings_for(settings_for(vendors, GOOD_KEY, **own))
    assert "DATABASE_URL" in found["PostgreSQL"].fix
    assert "TEMPORAL_ADDRESS" in found["Temporal"].fix


@pytest.mark.parametrize(("secret", "verdict"), [("good", Verdict.GOOD), ("bad", Verdict.WRONG)])
async def test_microsoft_is_asked_for_a_token_over_its_own_certificate(
    tmp_path: Path, secret: str, verdict: Verdict
) -> None:
    import trustme

    async def token(request: Request) -> Response:
        form = await request.form()
        return Response(status_code=200 if form["client_secret"] == "good" else 400)

    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    bundle, chain, key = tmp_path / "ca.pem", tmp_path / "chain.pem", tmp_path / "key.pem"
    authority.cert_pem.write_to_path(bundle)
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(chain)
    app = Starlette(routes=[Route("/tenant/oauth2/v2.0/token", token, methods=["POST"])])
    server = AsgiServer(app, certificate=chain, private_key=key)
    await server.start("127.0.0.1", 0)
    try:
        microsoft = {
            "microsoft_login_url": f"https://127.0.0.1:{server.port}",
            "microsoft_tenant_id": "tenant",
            "microsoft_client_id": "client",
            "microsoft_client_secret": SecretStr(secret),
        }
        found = await findings_for(settings_for(free_port(), "", microsoft_ca_bundle=bundle, **microsoft))
        assert found["Microsoft"].verdict is verdict
        found = await findings_for(settings_for(free_port(), "", microsoft_ca_bundle=tmp_path / "no.pem", **microsoft))
        assert "MICROSOFT_CA_BUNDLE" in found["Microsoft"].fix
    finally:
        await server.stop()


async def test_rules_of_law_that_an_overlay_takes_away_are_shown(vendors: int) -> None:
    assert (await findings_for(settings_for(vendors, GOOD_KEY)))["Calling rules"].verdict is Verdict.GOOD
    found = (await findings_for(settings_for(vendors, GOOD_KEY, calling_rules=RULES)))["Calling rules"]
    assert found.verdict is Verdict.DOUBTFUL
    assert "AU: calls 09:00 to 20:00 on Monday" in found.detail
    assert "more" in found.detail
    assert found.fix


async def test_rules_that_cannot_be_read_are_wrong_by_their_setting(vendors: int, tmp_path: Path) -> None:
    found = await findings_for(settings_for(vendors, GOOD_KEY, calling_rules=tmp_path / "missing.json"))
    assert found["CALLING_RULES"].verdict is Verdict.WRONG
    assert "Calling rules" not in found


OLD, NEW = "the-secret-of-the-first-year", "the-secret-of-the-second-year"


async def write_under(database_url: str, *secrets: str) -> None:
    """As API processes that started one after the other note their keys."""
    database = Database(database_url)
    for secret in secrets:
        async with database.transaction() as session:
            await note_number_key(session, number_key_check(Settings(audit_hash_key=SecretStr(secret))))
    await database.close()


@pytest.mark.parametrize(
    ("written_under", "signing", "audit", "verdict"),
    [
        ((), OLD, None, Verdict.DOUBTFUL),  # whoever changes SIGNING_SECRET would change it, too
        ((), OLD, OLD, Verdict.GOOD),
        ((OLD,), NEW, OLD, Verdict.GOOD),
        ((OLD,), NEW, None, Verdict.WRONG),
        ((OLD, NEW), NEW, None, Verdict.DOUBTFUL),
        ((OLD, NEW), NEW, OLD, Verdict.WRONG),  # until a process has started with it
        ((OLD, NEW, OLD), NEW, OLD, Verdict.GOOD),
    ],
)
async def test_the_key_of_the_audit_logs_numbers_is_held_against_the_one_that_it_was_written_under(
    tables_url: str, written_under: tuple[str, ...], signing: str, audit: str | None, verdict: Verdict
) -> None:
    await write_under(tables_url, *written_under)
    settings = Settings(
        database_url=SecretStr(tables_url),
        signing_secret=SecretStr(signing),
        audit_hash_key=SecretStr(audit) if audit else None,
    )
    found = await number_key(settings)
    assert found.verdict is verdict
    assert verdict is Verdict.GOOD or "AUDIT_HASH_KEY" in found.fix
    assert OLD not in repr(found) and NEW not in repr(found)


@pytest.mark.parametrize(
    ("applied", "verdict", "words"),
    [
        (None, Verdict.GOOD, "version"),
        ({"version": "narrow", "blackout_days": [{"day": "2026-12-24", "reason": "x"}]}, Verdict.GOOD, ".narrow-"),
        ({"version": "weak", "jurisdictions": {"US-FL": {"attempt_caps": None}}}, Verdict.DOUBTFUL, "US-FL: at most 3"),
        ({"version": "old", "gone": 1}, Verdict.WRONG, "do not fit"),
    ],
)
def test_changes_to_the_rules_that_were_applied_over_the_api_are_judged_too(
    tables_url: str, applied: dict[str, object] | None, verdict: Verdict, words: str
) -> None:
    with psycopg.connect(tables_url) as connection:
        connection.execute(
            "insert into rule_overlay (overlay, who, why) values (%s, 'key:ak_1', 'because')",
            [None if applied is None else Jsonb(applied)],
        )
    [found] = calling_rules(Settings(database_url=SecretStr(tables_url)))
    assert found.verdict is verdict
    assert words in found.detail
