"""The calling activities with everything real around them: PostgreSQL, the carrier's SDK, an emulated carrier."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest_asyncio
from pydantic import SecretStr

from activities.calling import CallingActivities
from activities.carrier import Carrier
from cadenza.records import admission
from cadenza.records.attempts import get_attempt
from cadenza.records.tables import Attempt
from cadenza.settings import Settings
from rehearsal.twilio.server import TwilioEmulator
from rehearsal.world import World
from tests.records.conftest import ACCOUNT as OUR_ACCOUNT
from tests.records.conftest import World as Rows
from tests.rehearsal.twilio.conftest import ACCOUNT, FROM, TOKEN, System, emulator, system, world
from tests.support.databases import kept_database
from tests.support.gates import CAMPAIGN_ONLY, CAMPAIGN_RULES

__all__ = ["emulator", "system", "world"]


@dataclass
class Desk:
    """The activities, and hands to prepare and look at what they work on."""

    calling: CallingActivities
    rows: Rows
    carrier_world: World
    settings: Settings

    async def reserve(self, ending: str = "00", **policy: Any) -> str:
        """A campaign with one lead whose number ends so; its first attempt is reserved. Returns the attempt's id."""
        campaign = await self.rows.campaign(**policy)
        await self.rows.run("update campaign set caller_id = :number", number=FROM)
        await self.rows.leads(campaign, phone=f"+1212555{'01'}{ending}")
        async with self.rows.database.transaction() as session:
            tick = await admission.admit_due_leads(session, OUR_ACCOUNT, CAMPAIGN_ONLY)
        assert len(tick.admitted) == 1
        return tick.admitted[0].message.attempt_id

    async def attempt(self, attempt_id: str) -> Attempt:
        async with self.rows.database.transaction() as session:
            return await get_attempt(session, attempt_id)

    def fault(self, **order: Any) -> None:
        self.carrier_world.faults.order({"vendor": "twilio", **order})

    @property
    def calls(self) -> list[Any]:
        """What the emulated carrier has: one call is one ring."""
        return list(self.carrier_world.calls.values())


@pytest_asyncio.fixture
async def desk(tables_url: str, emulator: TwilioEmulator, system: System, world: World) -> AsyncIterator[Desk]:
    database = kept_database(tables_url)
    settings = Settings(
        _env_file=None,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=SecretStr(TOKEN),
        twilio_from_number=FROM,
        twilio_base_url=f"http://127.0.0.1:{emulator.port}",
        twilio_timeout_seconds=1.0,
        public_base_url=system.url(""),
    )
    rows = Rows(database)
    await rows.account()
    calling = CallingActivities(settings, database, Carrier(settings), CAMPAIGN_RULES, list_margin=timedelta(seconds=1))
    yield Desk(calling, rows, world, settings)
    await database.close()
