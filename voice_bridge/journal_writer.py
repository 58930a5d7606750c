"""Writes the journals of all calls of a bridge: what comes while one write is under way goes together in the next.

So one connection is enough for them, and the more there is to write, the less each row costs.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DataError, IntegrityError

from cadenza.records.database import Database
from cadenza.records.journal import TurnRow, write_journals


@dataclass(frozen=True, slots=True)
class _Request:
    attempt_id: str
    rows: Sequence[TurnRow]
    written: "asyncio.Future[None]"

    def settle(self, error: Exception | None = None) -> None:
        if self.written.done():  # whoever asked does not wait any more
            return
        if error is None:
            self.written.set_result(None)
        else:
            self.written.set_exception(error)


class JournalWriter:
    """One for each process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Request] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, attempt_id: str, rows: Sequence[TurnRow]) -> None:
        """Insert or replace rows by position; they are in the database then. Raises SQLAlchemyError, OSError."""
        request = _Request(attempt_id, rows, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await request.written

    async def _run(self) -> None:
        try:
            while self._waiting:
                requests, self._waiting = self._waiting, []
                await self._settle(requests)
        finally:
            self._task = None

    async def _settle(self, requests: Sequence[_Request]) -> None:
        error: Exception | None = None
        try:
            await self._write(requests)
        except (DataError, IntegrityError) as refusal:
            if len(requests) > 1:  # one call's row must not cost the others theirs
                for request in requests:
                    await self._settle([request])
                return
            error = refusal
        except Exception as failure:  # for those who wait to judge
            error = failure
        for request in requests:
            request.settle(error)

    async def _write(self, requests: Sequence[_Request]) -> None:
        async with self._database.statement_by_statement() as connection:
            await write_journals(connection, [(request.attempt_id, request.rows) for request in requests])
