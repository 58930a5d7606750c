"""Calls per second, as a token bucket one second deep: the mean holds, and a pause does not save up a burst. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

LEAST_CALLS_PER_SECOND = 0.01
CARRIED_SECONDS = 0.5
"""The time between ticks."""
_FORGOTTEN_AFTER_SECONDS = 1 / LEAST_CALLS_PER_SECOND + CARRIED_SECONDS


def earned_calls(left: float, seconds: float, calls_per_second: float, *, carried_seconds: float = 0.0) -> float:
    """Calls that may be made now, if `left` were left over so many seconds ago. With `carried_seconds` the bucket is so
    much deeper: what does not make a whole call by a tick is not lost then."""
    depth = bucket_depth(calls_per_second) + carried_seconds * calls_per_second
    return min(left + max(0.0, seconds) * calls_per_second, depth)


def bucket_depth(calls_per_second: float) -> float:
    """What can be saved up at most: a second's calls, and one call where that is less."""
    return max(1.0, calls_per_second)


class Paces:
    """What campaigns with a rate of their own may still call in one tick. `kept` is stored for the next one."""

    def __init__(self, stored: Mapping[str, Mapping[str, Any]], now: datetime) -> None:
        self._now = now
        self._stored = stored
        self._left: dict[str, float] = {}

    def left(self, campaign_id: str, calls_per_second: float) -> float:
        """Calls that the campaign may make now."""
        if campaign_id not in self._left:
            before = self._stored.get(campaign_id)
            self._left[campaign_id] = (
                bucket_depth(calls_per_second)
                if before is None
                else earned_calls(
                    before["left"], self._seconds_since(before), calls_per_second, carried_seconds=CARRIED_SECONDS
                )
            )
        return self._left[campaign_id]

    def take(self, campaign_id: str) -> None:
        """One call is made; free for a campaign that was not asked about, since it has no rate of its own."""
        if campaign_id in self._left:
            self._left[campaign_id] -= 1

    def kept(self) -> dict[str, dict[str, Any]]:
        """What was left, and when; without those that have had time to earn all they can."""
        before = {
            key: dict(one) for key, one in self._stored.items() if self._seconds_since(one) < _FORGOTTEN_AFTER_SECONDS
        }
        now = self._now.isoformat()
        return before | {key: {"left": round(left, 6), "at": now} for key, left in self._left.items()}

    def _seconds_since(self, stored: Mapping[str, Any]) -> float:
        return (self._now - datetime.fromisoformat(stored["at"])).total_seconds()
