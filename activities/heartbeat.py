"""Heartbeats beside an activity's work, so that a worker's death is noticed in seconds."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator

from temporalio import activity
from temporalio.exceptions import ApplicationError

EVERY_SECONDS = 0.75

HEARTBEAT_MISSED = "heartbeat_missed"
"""Type of the failure of an activity that was silent for too long: another worker may have it by now."""


@contextlib.asynccontextmanager
async def heartbeating(every: float = EVERY_SECONDS) -> AsyncIterator[None]:
    """Heartbeat until the block ends. Give the activity a heartbeat time-out of at least three times `every` (seconds).

    Whoever could not beat for the whole time-out (a process frozen and thawed, a blocked loop) has been replaced: the
    block is then left where it next waits, with an ApplicationError of type `heartbeat_missed`. Temporal's own word, a
    cancellation with the answer to the next heartbeat, would come later.
    """
    loop = asyncio.get_running_loop()
    timeout = activity.info().heartbeat_timeout
    limit = timeout.total_seconds() if timeout is not None else math.inf

    async def beat() -> None:
        beaten_at = loop.time()
        while not silence.expired():
            now = loop.time()
            if now - beaten_at >= limit:  # thawed at this very place: the loop's own timer comes only after us
                silence.reschedule(now)
                return
            activity.heartbeat()
            beaten_at = now
            if timeout is not None:
                silence.reschedule(now + limit)
            await asyncio.sleep(every)

    try:
        async with asyncio.timeout(None) as silence:
            beating = asyncio.create_task(beat())
            try:
                yield
            finally:
                beating.cancel()
    except TimeoutError:
        if not silence.expired():
            raise  # the block's own
        raise ApplicationError("silent for too long: another worker may have it", type=HEARTBEAT_MISSED) from None
