"""How many requests a key may send. A moving window in this process's memory: with several API processes behind a
balancer each counts for itself."""

import math
import time

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from api.problems import Problem
from api.schemas.problems import ProblemCode


class RateLimit:
    """`rule` as `limits` writes it: `600/minute`."""

    def __init__(self, rule: str) -> None:
        self._rule = parse(rule)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def take(self, key_id: str) -> None:
        """Count one request; raises the 429 problem with Retry-After where there were too many."""
        if await self._limiter.hit(self._rule, key_id):
            return
        window = await self._limiter.get_window_stats(self._rule, key_id)
        seconds = max(1, math.ceil(window.reset_time - time.time()))
        raise Problem(
            429,
            ProblemCode.RATE_LIMITED,
            "Too many requests",
            f"This key may send {self._rule}. Try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )
