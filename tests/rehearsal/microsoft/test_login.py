"""Sign-in with the real msal over the rehearsal's own certificate."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
from msal.exceptions import MsalServiceError

from rehearsal.microsoft.certificate import login_certificate
from rehearsal.microsoft.server import MicrosoftEmulator
from rehearsal.world import World
from tests.rehearsal.microsoft.conftest import LENA, sign_in


async def test_msal_gets_a_token(world: World, emulator: MicrosoftEmulator) -> None:
    answer = await asyncio.to_thread(sign_in, world, emulator)
    assert answer["token_type"] == "Bearer" and answer["expires_in"] == 3599


async def test_msal_takes_the_certificate_file_as_it_is(
    world: World, emulator: MicrosoftEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)  # requests prefers them to msal's `verify`
    settings = world.settings

    def acquire() -> Any:
        application = msal.ConfidentialClientApplication(
            settings.microsoft_client_id,
            authority=f"https://127.0.0.1:{emulator.login_port}/{settings.microsoft_tenant_id}",
            client_credential=settings.microsoft_client_secret.get_secret_value(),
            instance_discovery=False,
            verify=str(settings.microsoft_ca_bundle),
        )
        scopes = ["https://graph.microsoft.com/.default"]
        return application.acquire_token_for_client(scopes), application.acquire_token_for_client(scopes)

    first, second = await asyncio.to_thread(acquire)
    assert first["token_source"] == "identity_provider" and second["token_source"] == "cache"
    assert second["access_token"] == first["access_token"]


@pytest.mark.parametrize(
    ("change", "error", "number"),
    [
        ({"secret": "wrong"}, "invalid_client", 7000215),
        ({"client": "00000000-0000-4000-8000-000000000000"}, "unauthorized_client", 700016),
        ({"scope": "https://elsewhere.example.com/.default"}, "invalid_scope", 70011),
    ],
)
async def test_msal_is_told_what_is_wrong(
    world: World, emulator: MicrosoftEmulator, change: dict[str, str], error: str, number: int
) -> None:
    answer = await asyncio.to_thread(sign_in, world, emulator, **change)
    assert answer["error"] == error and answer["error_codes"] == [number]
    assert answer["error_description"].startswith(f"AADSTS{number}: ")


async def test_an_unknown_tenant_has_no_discovery_document(world: World, emulator: MicrosoftEmulator) -> None:
    with pytest.raises(ValueError):
        await asyncio.to_thread(sign_in, world, emulator, tenant="11111111-0000-4000-8000-000000000000")


async def test_the_login_address_is_trusted_through_its_own_authority_only(
    world: World, emulator: MicrosoftEmulator
) -> None:
    tenant = world.settings.microsoft_tenant_id
    address = f"https://localhost:{emulator.login_port}/{tenant}/v2.0/.well-known/openid-configuration"
    async with httpx.AsyncClient() as stranger:
        with pytest.raises(httpx.ConnectError):
            await stranger.get(address)
    trust = ssl.create_default_context(cafile=str(world.settings.microsoft_ca_bundle))
    async with httpx.AsyncClient(verify=trust) as client:
        document = (await client.get(address)).json()
        assert document["token_endpoint"] == f"https://localhost:{emulator.login_port}/{tenant}/oauth2/v2.0/token"
        refused = await client.post(document["token_endpoint"], data={"grant_type": "password"})
        assert refused.json()["error"] == "unsupported_grant_type"


def test_a_world_that_starts_again_keeps_its_certificate(tmp_path: Path) -> None:
    first = login_certificate(tmp_path).authority.read_bytes()
    assert login_certificate(tmp_path).authority.read_bytes() == first
    assert (tmp_path / "login-key.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("operation", ["discover", "token"])
async def test_the_login_address_can_fail_on_order(world: World, emulator: MicrosoftEmulator, operation: str) -> None:
    world.faults.order({"vendor": "microsoft", "operation": operation, "effect": "status:503"})
    with pytest.raises((ValueError, MsalServiceError)):  # the latter for a token
        await asyncio.to_thread(sign_in, world, emulator)
    assert "access_token" in await asyncio.to_thread(sign_in, world, emulator)


async def test_an_expired_token_is_refused_and_a_new_one_taken(
    world: World, emulator: MicrosoftEmulator, graph: httpx.AsyncClient
) -> None:
    assert (await graph.get(f"/users/{LENA}")).status_code == 200
    world.faults.order({"vendor": "microsoft", "operation": "get_user", "effect": "expired_token"})
    answer = await graph.get(f"/users/{LENA}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert (await graph.get(f"/users/{LENA}")).status_code == 401
    token = (await asyncio.to_thread(sign_in, world, emulator))["access_token"]
    answer = await graph.get(f"/users/{LENA}", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["displayName"] == "Lena Park"
    for wrong in ("", "Bearer nonsense"):
        assert (await graph.get(f"/users/{LENA}", headers={"Authorization": wrong})).status_code == 401
