"""The journals of many calls are written together, and none pays for another's fault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cadenza.domain.identifiers import attempt_id
from cadenza.domain.outcomes import Speaker
from cadenza.records.database import Database
from cadenza.records.journal import TurnRow, read_turns
from cadenza.records.tables import Attempt
from tests.records.conftest import ACCOUNT, World, world
from voice_bridge.journal_writer import JournalWriter

__all__ = ["world"]

pytestmark = pytest.mark.servers

CALLS = 12


class Watched(Database):
    """Counts the times that somebody writes, and can be away."""

    writes = 0
    is_away = False

    @asynccontextmanager
    async def statement_by_statement(self) -> AsyncIterator[AsyncConnection]:
        self.writes += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise OSError("away")
        async with super().statement_by_statement() as connection:
            yield connection


@pytest.fixture
async def database(tables_url: str) -> AsyncIterator[Watched]:
    database = Watched(tables_url, 2)
    yield database
    await database.close()


@pytest.fixture
async def attempts(world: World) -> list[str]:
    await world.account()
    campaign = await world.campaign()
    leads = await world.leads(campaign, CALLS)
    made = [attempt_id(lead, 1) for lead in leads]
    async with world.database.transaction() as session:
        session.add_all(
            Attempt(
                id=name, lead_id=lead, campaign_id=campaign, account_id=ACCOUNT, number=1, phone="+12125550148",
                from_number="+12125550100", state="in_progress", lease_until=datetime.now(UTC),
            )
            for name, lead in zip(made, leads, strict=True)
        )  # fmt: skip
    return made


def rows(*texts: str) -> list[TurnRow]:
    """Those of the agent are begun, those of the callee are not."""
    return [
        TurnRow(place, Speaker.AGENT, text, started_at=datetime.now(UTC))
        if place % 2
        else TurnRow(place, Speaker.CALLEE, text)
        for place, text in enumerate(texts, start=1)
    ]


async def said(database: Database, attempt: str) -> list[str]:
    async with database.transaction() as session:
        return [turn.text for turn in await read_turns(session, attempt)]


async def test_what_comes_while_one_write_is_under_way_goes_together(database: Watched, attempts: list[str]) -> None:
    writer = JournalWriter(database)
    await asyncio.gather(*(writer.write(attempt, rows("Hello.", f"I am {attempt}.")) for attempt in attempts))
    assert database.writes <= 2
    for attempt in attempts:
        assert await said(database, attempt) == ["Hello.", f"I am {attempt}."]


async def test_a_row_written_again_replaces_its_older_self(database: Watched, attempts: list[str]) -> None:
    writer = JournalWriter(database)
    await writer.write(attempts[0], rows("Hel", "Yes?"))
    await writer.write(attempts[0], rows("Hello."))
    assert await said(database, attempts[0]) == ["Hello.", "Yes?"]


async def test_only_the_call_whose_row_is_refused_hears_of_it(database: Watched, attempts: list[str]) -> None:
    writer = JournalWriter(database)
    answers = await asyncio.gather(
        *(writer.write(name, rows("Hello.")) for name in [attempts[0], "ld_nobody-1", attempts[1]]),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [type(None), IntegrityError, type(None)]
    assert await said(database, attempts[1]) == ["Hello."]


async def test_who_does_not_wait_any_more_holds_nobody_up(database: Watched, attempts: list[str]) -> None:
    writer = JournalWriter(database)
    tired = asyncio.create_task(writer.write(attempts[0], rows("Hello.")))
    other = asyncio.create_task(writer.write(attempts[1], rows("Hello.")))
    await asyncio.sleep(0)
    tired.cancel()
    await other
    assert await said(database, attempts[0]) == ["Hello."], "it was on its way"


async def test_a_database_that_is_away_is_told_to_all_and_asked_anew(database: Watched, attempts: list[str]) -> None:
    writer = JournalWriter(database)
    database.is_away = True
    waiting = [writer.write(attempt, rows("Hello.")) for attempt in attempts]
    assert {type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)} == {OSError}
    database.is_away = False
    await writer.write(attempts[0], rows("Hello."))
    assert await said(database, attempts[0]) == ["Hello."]
