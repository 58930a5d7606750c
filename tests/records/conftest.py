"""A migrated database and a small campaign in it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio
from sqlalchemy import text

from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.identifiers import new_id
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.policy import CampaignPolicy
from cadenza.records.database import Database
from cadenza.records.operation_tables import BridgeNode
from cadenza.records.tables import Account, Campaign, Lead
from tests.support.databases import kept_database

ACCOUNT = "AC1"
AREA_CODES = (212, 202, 305, 312, 404, 415, 503, 617, 713, 801)


class World:
    """Makes rows; every default can be called at any hour."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = 0

    async def account(self, *, lines: int = 10, calls_per_second: float = 100.0, bridge_room: int = 100) -> None:
        async with self.database.transaction() as session:
            session.add(Account(id=ACCOUNT, calls_per_second=calls_per_second, max_lines=lines, tokens=0.0))
            session.add(BridgeNode(id="bridge-1", public_url="ws://bridge", max_calls=bridge_room))

    async def campaign(self, state: CampaignState = CampaignState.RUNNING, **policy: Any) -> str:
        settings = {"calling_hours": WeeklyHours.always().model_dump(mode="json"), **policy}
        campaign = Campaign(
            id=new_id("cmp"), account_id=ACCOUNT, name="Spring", state=state.value, caller_id="+12125550199",
            policy=CampaignPolicy.model_validate(settings).model_dump(mode="json"),
            script={"agent_company": "Acme", "purpose": "p", "opening": "Hello"}, started_at=datetime.now(UTC),
        )  # fmt: skip
        async with self.database.transaction() as session:
            session.add(campaign)
        return campaign.id

    async def leads(self, campaign_id: str, count: int = 1, phone: str | None = None, **fields: Any) -> list[str]:
        ids = []
        async with self.database.transaction() as session:
            now = (await session.execute(text("select now()"))).scalar_one()
            for _ in range(count):
                self._numbers += 1
                lead = Lead(
                    id=new_id("ld"), campaign_id=campaign_id, zones=["America/New_York"],
                    phone=phone or f"+1{AREA_CODES[self._numbers // 100]}55501{self._numbers % 100:02d}",
                    **{"due_at": now, **fields},
                )  # fmt: skip
                session.add(lead)
                ids.append(lead.id)
        return ids

    async def ended(self, campaign_id: str, count: int, tally: str | None, outcome: str, ago: float = 1.0) -> list[str]:
        """Attempts of new leads that ended `ago` seconds ago and count as `tally`; their ids."""
        made = []
        for lead in await self.leads(campaign_id, count, state="final", outcome="failed", due_at=None):
            await self.run(
                """
                insert into attempt (id, lead_id, campaign_id, account_id, number, phone, from_number, state,
                    leaves_voicemail, lease_until, sequence, outcome, outcome_reason, conversation_over,
                    disclosure_heard, listening_seconds, tokens, characters_spoken, ended_at, tally)
                select id || '-1', id, campaign_id, :account, 1, phone, '+12125550199', 'ended', false, now(), -1,
                    :outcome, '', true, false, 0, 0, 0, now() - make_interval(secs => :ago), :tally
                from lead where id = :lead
                """,
                lead=lead, account=ACCOUNT, outcome=outcome, ago=ago, tally=tally,
            )  # fmt: skip
            made.append(f"{lead}-1")
        return made

    async def run(self, statement: str, **parameters: Any) -> list[Any]:
        async with self.database.transaction() as session:
            result = await session.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []  # type: ignore[attr-defined]

    async def lead(self, lead_id: str) -> Lead:
        async with self.database.transaction() as session:
            return await session.get_one(Lead, lead_id)


@pytest_asyncio.fixture
async def world(tables_url: str) -> AsyncIterator[World]:
    database = kept_database(tables_url)
    yield World(database)
    await database.close()
