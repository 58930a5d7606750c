"""Writes the journal while the call goes on: in order, off the talk's path, and again when the database is back."""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cadenza.records.database import Database
from cadenza.records.journal import TurnRow, write_turns
from voice_bridge.tasks import end_task

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 0.5
FLUSH_SECONDS = 10.0


class Journal:
    """The journal of one call. `write` never waits; a row written again replaces its older self."""

    def __init__(self, database: Database, attempt_id: str, last_position: int = 0) -> None:
        self._database = database
        self._attempt_id = attempt_id
        self._position = last_position
        self._pending: dict[int, TurnRow] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task = asyncio.create_task(self._run())

    @property
    def position(self) -> int:
        """The last position given out."""
        return self._position

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
                    async with self._database.transaction() as session:
                        await write_turns(session, self._attempt_id, rows)
                except (SQLAlchemyError, OSError) as error:
                    log.warning("journal_retry", attempt=self._attempt_id, error=type(error).__name__)
                    for row in rows:
                        self._pending.setdefault(row.position, row)  # a newer version stays
                    await asyncio.sleep(_RETRY_SECONDS)
            self._idle.set()
