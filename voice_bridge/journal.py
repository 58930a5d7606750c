"""Writes the journal while the call goes on: in order, off the talk's path, and again when the database is back."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cadenza.records.journal import TurnRow
from voice_bridge.tasks import end_task

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 0.5
FLUSH_SECONDS = 10.0
KEPT_SECONDS = 1.0
"""A write takes some milliseconds."""


class Writer(Protocol):
    """Where rows are kept (journal_writer.JournalWriter)."""

    async def write(self, attempt_id: str, rows: Sequence[TurnRow]) -> None:
        """Raises SQLAlchemyError, OSError."""


class Journal:
    """The journal of one call. `write` never waits; a row written again replaces its older self."""

    def __init__(self, writer: Writer, attempt_id: str, last_position: int = 0) -> None:
        self._writer = writer
        self._attempt_id = attempt_id
        self._position = last_position
        self._pending: dict[int, TurnRow] = {}
        self._kept = last_position  # every row that was written up to here is in the database
        self._written = asyncio.Condition()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task = asyncio.create_task(self._run())

    def next_position(self) -> int:
        self._position += 1
        return self._position

    def write(self, row: TurnRow) -> None:
        """Write soon."""
        self._pending[row.position] = row
        self._idle.clear()
        self._wake.set()

    async def flush(self) -> bool:
        """Wait until everything is written; False if the database did not take it in time."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            log.error("journal_not_written", attempt=self._attempt_id, rows=len(self._pending))
            return False
        return True

    async def kept(self, position: int, patience_seconds: float = KEPT_SECONDS) -> bool:
        """Wait until the rows up to `position` are written, but not for long: a database that is away must not make
        the agent mute. False: they are still on their way."""
        if self._kept >= position:
            return True
        try:
            async with asyncio.timeout(patience_seconds):
                async with self._written:
                    await self._written.wait_for(lambda: self._kept >= position)
        except TimeoutError:
            log.warning("journal_is_behind", attempt=self._attempt_id, rows=len(self._pending))
            return False
        return True

    async def close(self) -> None:
        """Write what is left, and stop."""
        await self.flush()
        await end_task(self._task)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                rows = [self._pending[position] for position in sorted(self._pending)]
                self._pending.clear()
                try:
                    await self._writer.write(self._attempt_id, rows)
                except (SQLAlchemyError, OSError) as error:
                    log.warning("journal_retry", attempt=self._attempt_id, error=type(error).__name__)
                    for row in rows:
                        self._pending.setdefault(row.position, row)  # a newer version stays
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    await self._note_kept(rows[-1].position)
            self._idle.set()

    async def _note_kept(self, position: int) -> None:
        self._kept = max(self._kept, position)
        async with self._written:
            self._written.notify_all()
