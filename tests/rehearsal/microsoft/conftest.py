"""A running Microsoft emulator, a token from it, and a client for Graph."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msal
import pytest
import pytest_asyncio
import requests

from cadenza.operations.rehearsal_environment import rehearsal_environment
from cadenza.settings import Settings
from rehearsal.microsoft.server import MicrosoftEmulator, build
from rehearsal.world import World, create_world
from tests.support.clock import SetClock

LENA, OMAR = "lena.park@rehearsal.test", "omar.haddad@rehearsal.test"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def world(tmp_path: Path, clock: SetClock) -> World:
    environment = rehearsal_environment(tmp_path)
    settings = Settings.model_validate({name.lower(): value for name, value in environment.items()})
    world = create_world(settings, write_truth=False)
    world.clock = clock  # type: ignore[assignment]
    return world


@pytest_asyncio.fixture
async def emulator(world: World) -> AsyncIterator[MicrosoftEmulator]:
    emulator = build(world)
    emulator.behaviour.latency_seconds = 0.0
    await emulator.start("127.0.0.1", 0)
    yield emulator
    await emulator.stop()


def sign_in(world: World, emulator: MicrosoftEmulator, **changes: str) -> Any:
    """What the real msal gets with the settings' registration; blocking, as msal is."""
    settings = world.settings
    tenant = changes.get("tenant", settings.microsoft_tenant_id)
    with requests.Session() as session:  # closed here: an open connection would hold up the emulator's stop
        session.verify = str(settings.microsoft_ca_bundle)
        session.trust_env = False  # REQUESTS_CA_BUNDLE would win over `verify`
        application = msal.ConfidentialClientApplication(
            changes.get("client", settings.microsoft_client_id),
            authority=f"https://127.0.0.1:{emulator.login_port}/{tenant}",
            client_credential=changes.get("secret", settings.microsoft_client_secret.get_secret_value()),
            instance_discovery=False,
            http_client=session,
        )
        scope = changes.get("scope", "https://graph.microsoft.com/.default")
        return application.acquire_token_for_client(scopes=[scope])


@pytest_asyncio.fixture
async def graph(world: World, emulator: MicrosoftEmulator) -> AsyncIterator[httpx.AsyncClient]:
    token = (await asyncio.to_thread(sign_in, world, emulator))["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Prefer": 'outlook.timezone="UTC"'}
    address = f"http://127.0.0.1:{emulator.graph_port}/v1.0"
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield client


def event_body(start: str = "2026-11-24T15:00:00", end: str = "2026-11-24T15:30:00", **changes: Any) -> dict[str, Any]:
    return {
        "subject": "Intro call",
        "body": {"contentType": "HTML", "content": "<p>Phone: +12025550101</p>"},
        "start": {"dateTime": start, "timeZone": "UTC"},
        "end": {"dateTime": end, "timeZone": "UTC"},
        "attendees": [{"emailAddress": {"address": "ann@example.com", "name": "Ann"}, "type": "required"}],
        "isOnlineMeeting": True,
        "onlineMeetingProvider": "teamsForBusiness",
        "transactionId": "7e6b1f6e-6c58-4f0a-9b39-1f6f0f5d8a11",
        **changes,
    }


def schedule_body(
    *mailboxes: str, start: str = "2026-11-24T14:00:00", end: str = "2026-11-24T22:00:00"
) -> dict[str, Any]:
    return {
        "schedules": list(mailboxes or [LENA]),
        "startTime": {"dateTime": start, "timeZone": "UTC"},
        "endTime": {"dateTime": end, "timeZone": "UTC"},
        "availabilityViewInterval": 30,
    }
