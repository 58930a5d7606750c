"""A migrated database and an office at each emulated vendor."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from activities.booking.activities import BookingActivities
from rehearsal.calendly.server import build as build_calendly
from rehearsal.microsoft.server import build as build_microsoft
from rehearsal.world import create_world
from tests.activities.booking.office import CalendlyOffice, Office, TeamsOffice
from tests.activities.house import House, free_address, rehearsal_settings


@pytest_asyncio.fixture
async def calendly_office(house: House, tmp_path: Path) -> AsyncIterator[CalendlyOffice]:
    address, port = free_address()
    settings = rehearsal_settings(tmp_path, calendly_base_url=address)
    world = create_world(settings, write_truth=False)
    emulator = build_calendly(world)
    await emulator.start("127.0.0.1", port)
    activities = BookingActivities(settings, house.database)
    yield CalendlyOffice(house, world, activities, emulator)
    await activities.close()
    await emulator.stop()


@pytest_asyncio.fixture
async def teams_office(house: House, tmp_path: Path) -> AsyncIterator[TeamsOffice]:
    world = create_world(rehearsal_settings(tmp_path), write_truth=False)
    emulator = build_microsoft(world)
    await emulator.start("127.0.0.1", 0)
    settings = rehearsal_settings(
        tmp_path,
        microsoft_login_url=f"https://127.0.0.1:{emulator.login_port}",
        microsoft_graph_url=f"http://127.0.0.1:{emulator.graph_port}",
    )
    object.__setattr__(world, "settings", settings)
    activities = BookingActivities(settings, house.database)
    yield TeamsOffice(house, world, activities, emulator)
    await activities.close()
    await emulator.stop()


@pytest.fixture(params=["calendly_office", "teams_office"])
def office(request: pytest.FixtureRequest) -> Office:
    """Every provider must pass what is asked of this one."""
    found: Office = request.getfixturevalue(request.param)
    return found
