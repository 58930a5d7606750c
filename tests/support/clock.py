"""A clock for the rehearsal world that stands where a test sets it."""

from datetime import UTC, datetime


class SetClock:
    """A clock that stands where it is set: a Monday morning in New York."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds
