"""So many calls at once, each of a natural length, each followed by another."""

import asyncio
from collections import deque
from contextlib import suppress
from itertools import count
from random import Random
from time import monotonic

from bench.voice_bridge.caller import FRAME_SECONDS, Caller
from bench.voice_bridge.contenders import HOST, CadenzaBridge
from bench.voice_bridge.figures import Turn
from bench.voice_bridge.speech import Speech
from bench.voice_bridge.vendors import Vendors

SLOTS = 20
JOIN_SECONDS = 20.0
SHORTEST_SECONDS = 15.0
TYPICAL_SECONDS = 60.0
LONGEST_SECONDS = 400.0
PAUSE_SECONDS = 1.0


def natural_length(random: Random, typical: float = TYPICAL_SECONDS) -> float:
    """Seconds: many short calls, a few long ones."""
    return min(LONGEST_SECONDS, max(SHORTEST_SECONDS, random.lognormvariate(0.0, 0.7) * typical))


class Callers:
    """`start`, then read `open`, `replied` and the counts; `stop` lets everybody hang up."""

    def __init__(self, bridge: CadenzaBridge, vendors: Vendors, speech: Speech, seed: int, typical: float) -> None:
        self._typical = typical
        self._bridge = bridge
        self._vendors = vendors
        self._speech = speech
        self._random = Random(seed)
        self._numbers = count(1)
        self._joining = asyncio.Lock()  # a recogniser's session belongs to the caller that connected last
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._finished: list[Turn] = []
        self._lost_turns = 0
        self._left: deque[float] = deque(maxlen=1000)
        self.open: dict[int, Caller] = {}
        self.calls = 0
        self.lost_calls = 0

    def start(self, calls: int) -> None:
        self._tasks = [asyncio.create_task(self._line(place / calls)) for place in range(calls)]
        self._tasks.append(asyncio.create_task(self._tick()))

    async def stop(self) -> None:
        """Everybody hangs up."""
        self._stopping.set()
        *lines, ticking = self._tasks
        await asyncio.gather(*lines, return_exceptions=True)
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking

    def take_replies(self) -> tuple[list[Turn], int]:
        """Turns of calls that ended since the last time, and how many turns got no reply."""
        turns, lost = self._finished, self._lost_turns
        self._finished, self._lost_turns = [], 0
        return turns, lost

    def moving(self, seconds: float) -> int:
        """How many have left within this time, or are coming: the bridge may count them, and `open` does not."""
        long_ago = monotonic() - seconds
        return sum(at >= long_ago for at in self._left) + self._joining.locked()

    async def _line(self, share: float) -> None:
        await self._rest(share * self._typical / 2)  # not all at once
        while not self._stopping.is_set():
            caller = await self._join()
            until = monotonic() + natural_length(self._random, self._typical)
            while caller.is_open and monotonic() < until and not self._stopping.is_set():
                await self._rest(min(1.0, max(0.0, until - monotonic())))
            self._leave(caller)
            await self._rest(PAUSE_SECONDS)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _join(self) -> Caller:
        loop = asyncio.get_running_loop()
        async with self._joining:
            [(headers, start)] = await self._bridge.invitations(1)
            caller = Caller(
                next(self._numbers), self._speech, f"{HOST}:{self._bridge.port}", self._bridge.path, headers, start
            )
            self._vendors.callers[caller.number] = caller
            self._vendors.joining.append(caller)
            self.calls += 1
            with suppress(OSError, TimeoutError):
                await loop.create_connection(lambda: caller, HOST, self._bridge.port)
                async with asyncio.timeout(JOIN_SECONDS):
                    await caller.joined.wait()
            if not caller.joined.is_set():
                caller.ended_early = True
                with suppress(ValueError):
                    self._vendors.joining.remove(caller)
        self.open[caller.number] = caller
        return caller

    def _leave(self, caller: Caller) -> None:
        caller.hang_up()
        self._left.append(monotonic())
        self.open.pop(caller.number, None)
        self._vendors.callers.pop(caller.number, None)
        self._finished += [turn for turn in caller.turns.values() if turn.reply_at is not None]
        self._lost_turns += len(caller.lost)
        self.lost_calls += caller.ended_early

    async def _tick(self) -> None:
        """Every caller every 20 ms, each at his own time within them."""
        next_at, slot = monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, next_at - monotonic()))
            now = monotonic()
            for caller in list(self.open.values()):
                if caller.number % SLOTS == slot:
                    caller.tick(now)
            slot = (slot + 1) % SLOTS
            next_at += FRAME_SECONDS / SLOTS
