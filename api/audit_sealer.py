"""Behind the requests: what was logged gets its place in the audit log's chain. Several API processes take turns."""

import asyncio
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cadenza.records.audit import seal_entries
from cadenza.records.database import Database

_log = structlog.get_logger("api.audit")
EVERY_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
NOTE_EVERY_SECONDS = 3600.0
"""The head goes to the process's log so often: outside of the database, where a cut log can be found by it."""


async def keep_sealing(database: Database) -> None:
    """Until cancelled."""
    pause, noted_at, noted = EVERY_SECONDS, float("-inf"), 0
    while True:
        try:
            async with database.transaction() as session:
                head = await seal_entries(session)
            pause = EVERY_SECONDS
        except (SQLAlchemyError, OSError) as error:
            _log.warning("not sealed yet", error=type(error).__name__)
            head, pause = None, min(pause * 2, LONGEST_PAUSE_SECONDS)
        if head is not None and head.position > noted and time.monotonic() - noted_at >= NOTE_EVERY_SECONDS:
            _log.info("head of the audit log", head=str(head))
            noted_at, noted = time.monotonic(), head.position
        await asyncio.sleep(pause)
