"""A running Calendly emulator and a client with its token."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cadenza.operations.processes import free_port
from cadenza.operations.rehearsal_environment import rehearsal_environment
from cadenza.settings import Settings
from rehearsal.calendly.server import CalendlyEmulator, build
from rehearsal.world import World, create_world
from tests.support.clock import SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def world(tmp_path: Path, clock: SetClock, port: int) -> World:
    environment = rehearsal_environment(tmp_path) | {"CALENDLY_BASE_URL": f"http://127.0.0.1:{port}"}
    settings = Settings.model_validate({name.lower(): value for name, value in environment.items()})
    world = create_world(settings, write_truth=False)
    world.clock = clock  # type: ignore[assignment]
    return world


@pytest_asyncio.fixture
async def emulator(world: World, port: int) -> AsyncIterator[CalendlyEmulator]:
    emulator = build(world)
    await emulator.start("127.0.0.1", port)
    yield emulator
    await emulator.stop()


@pytest_asyncio.fixture
async def api(world: World, emulator: CalendlyEmulator) -> AsyncIterator[httpx.AsyncClient]:
    token = world.settings.calendly_token.get_secret_value()
    address = world.settings.calendly_base_url
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


class Booker:
    """Finds slots and books them, as a client would."""

    def __init__(self, api: httpx.AsyncClient, clock: SetClock) -> None:
        self._api = api
        self._clock = clock

    def event_type(self, identifier: str = "DANA30") -> str:
        return f"{str(self._api.base_url).rstrip('/')}/event_types/{identifier}"

    async def slots(self, identifier: str = "DANA30", days: int = 7) -> list[str]:
        start = self._clock.at + timedelta(minutes=1)
        query = {
            "event_type": self.event_type(identifier),
            "start_time": start.isoformat(),
            "end_time": (start + timedelta(days=days)).isoformat(),
        }
        answer = await self._api.get("/event_type_available_times", params=query)
        assert answer.status_code == 200, answer.text
        return [row["start_time"] for row in answer.json()["collection"]]

    def body(self, start: str, identifier: str = "DANA30", **changes: object) -> dict[str, object]:
        return {
            "event_type": self.event_type(identifier),
            "start_time": start,
            "invitee": {"name": "Ann Lee", "email": "ann@example.com", "timezone": "Australia/Sydney"},
            **changes,
        }

    async def book(self, start: str, identifier: str = "DANA30", **changes: object) -> httpx.Response:
        return await self._api.post("/invitees", json=self.body(start, identifier, **changes))


@pytest.fixture
def booker(api: httpx.AsyncClient, clock: SetClock) -> Booker:
    return Booker(api, clock)
