"""Brings notes that were written for running calls to them: within a second, whichever bridge has the call."""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cadenza.records.call_notes import notes_of
from cadenza.records.database import Database
from voice_bridge.call import Call
from voice_bridge.tasks import end_task

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 1.0


class NewsDesk:
    """One for each bridge process. A database that is away costs some seconds of delay, not a call."""

    def __init__(self, database: Database, running: Callable[[], Mapping[str, Call]]) -> None:
        self._database = database
        self._running = running
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._look_forever())

    async def stop(self) -> None:
        await end_task(self._task)

    async def look(self) -> None:
        """Read once, and tell the calls; each knows which notes it has."""
        calls = dict(self._running())
        if not calls:
            return
        try:
            async with asyncio.timeout(5), self._database.transaction() as session:
                notes = await notes_of(session, calls.keys())
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("notes_unreadable", error=type(error).__name__)
            return
        for note in notes:
            calls[note.attempt_id].take_note(note.id, note.text)

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            await self.look()
