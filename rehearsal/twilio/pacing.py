"""One clock for all calls of a process: every 20 ms, every line takes one step. No task and no timer per call."""

import asyncio
import contextlib
import logging
from typing import Protocol

_TICK = 0.02  # seconds
_CATCH_UP = 25  # ticks made up for at once after the loop was late; more than that is skipped

_log = logging.getLogger(__name__)


class Paced(Protocol):
    """Something that moves on by 20 ms at a time."""

    def tick(self) -> None:
        """Move on by 20 ms. Must not block."""

    def failed(self) -> None:
        """A tick raised; there will be no more."""


class Pacer:
    """Ticks its members in real time while there are any."""

    def __init__(self) -> None:
        self._members: dict[int, Paced] = {}
        self._task: asyncio.Task[None] | None = None
        self.skipped = 0
        """Ticks lost because the process was too busy: a sign that timings of this run mean little."""

    def add(self, member: Paced) -> None:
        """Start ticking a member."""
        self._members[id(member)] = member
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="pacer")

    def remove(self, member: Paced) -> None:
        """Stop ticking a member; harmless when it is none."""
        self._members.pop(id(member), None)

    def __len__(self) -> int:
        return len(self._members)

    async def stop(self) -> None:
        """Stop ticking everybody."""
        self._members.clear()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._members:
            behind = int((loop.time() - due) / _TICK)
            if behind > _CATCH_UP:
                self.skipped += behind
                due += behind * _TICK
            due += _TICK
            for member in list(self._members.values()):
                try:
                    member.tick()
                except Exception:  # one broken call must not stop the clock of all others
                    _log.exception("a line failed and was taken off the clock")
                    self.remove(member)
                    member.failed()
            await asyncio.sleep(max(0.0, due - loop.time()))
