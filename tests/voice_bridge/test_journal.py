"""The journal is off the talk's path, and yet ahead of what depends on it."""

import asyncio
from collections.abc import Sequence

import pytest

from cadenza.domain.outcomes import Speaker
from cadenza.records.journal import TurnRow
from voice_bridge import journal as module
from voice_bridge.journal import Journal


class Shelf:
    """A database that can be away."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.is_there = asyncio.Event()
        self.is_there.set()
        self.breaks = 0

    async def write(self, attempt_id: str, rows: Sequence[TurnRow]) -> None:
        await self.is_there.wait()
        if self.breaks:
            self.breaks -= 1
            raise OSError("away")
        self.rows += [row.position for row in rows]


@pytest.fixture
async def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    return shelf


def written(shelf: Shelf, count: int = 1) -> Journal:
    journal = Journal(shelf, "ld_1-1")
    for _ in range(count):
        journal.write(TurnRow(journal.next_position(), Speaker.CALLEE, "Yes."))
    return journal


async def test_a_row_is_kept_when_it_is_written(shelf: Shelf) -> None:
    journal = written(shelf, 2)
    assert await journal.kept(2)
    assert shelf.rows == [1, 2]
    await journal.close()


async def test_what_was_there_before_needs_no_waiting(shelf: Shelf) -> None:
    shelf.is_there.clear()
    journal = Journal(shelf, "ld_1-1", last_position=7)
    assert await journal.kept(7, 0)
    shelf.is_there.set()
    await journal.close()


async def test_a_row_that_failed_is_kept_when_it_was_written_again(shelf: Shelf) -> None:
    shelf.breaks = 2
    journal = written(shelf)
    assert await journal.kept(1, 5)
    assert shelf.rows == [1]
    await journal.close()


async def test_a_database_that_is_away_does_not_make_the_agent_mute(shelf: Shelf) -> None:
    shelf.is_there.clear()
    journal = written(shelf)
    assert not await journal.kept(1, 0.02)
    shelf.is_there.set()
    assert await journal.kept(1, 5)
    await journal.close()
