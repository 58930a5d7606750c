"""Heartbeats beside an activity's work, so that a worker's death is noticed in seconds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from temporalio import activity

EVERY_SECONDS = 1.5


@contextlib.asynccontextmanager
async def heartbeating(every: float = EVERY_SECONDS) -> AsyncIterator[None]:
    """Heartbeat until the block ends. Give the activity a heartbeat time-out of at least three times `every`."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(every)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
