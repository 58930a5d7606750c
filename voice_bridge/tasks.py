"""Ending tasks for certain.

One `cancel` is not always enough: a library may swallow it, as `asyncio.wait_for` of Python 3.11 does when what it
waits for is ready at the same moment. A task that then goes on would hold its call, and its bridge, for ever.
"""

import asyncio
from typing import Any

_ASK_AGAIN_SECONDS = 0.5


async def end_task(task: "asyncio.Task[Any] | None") -> None:
    """Cancel a task, again and again until it has ended. Its result or error is left in it."""
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_ASK_AGAIN_SECONDS)
