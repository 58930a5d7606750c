"""A limit such as "500 in any minute", without a clock of its own."""

from collections import deque
from dataclasses import dataclass, field


@dataclass
class SlidingWindow:
    """At most `limit` uses in any `seconds`."""

    limit: int
    seconds: float
    _uses: deque[float] = field(default_factory=deque)

    def remaining(self, now: float) -> int:
        """Uses left at this moment."""
        while self._uses and self._uses[0] <= now - self.seconds:
            self._uses.popleft()
        return max(0, self.limit - len(self._uses))

    def opens_in(self, now: float) -> float:
        """Seconds until the oldest use leaves the window."""
        return max(0.0, self._uses[0] + self.seconds - now) if self._uses else 0.0

    def use(self, now: float) -> None:
        """Count one use."""
        self._uses.append(now)
