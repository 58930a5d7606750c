"""The hours that several jurisdictions together leave open, day by day."""

from collections.abc import Iterable

from cadenza.domain.calling_hours import DAYS
from cadenza.domain.open_times import WHOLE_DAY, Span, both
from cadenza.domain.rules.jurisdiction import Jurisdiction

_MINUTE = 60_000_000


def open_week(rows: Iterable[Jurisdiction]) -> dict[str, Span | None]:
    """By weekday; None: closed. Holidays, blackout days and caps are not in it."""
    held = tuple(rows)
    week: dict[str, Span | None] = {}
    for weekday, day in enumerate(DAYS):
        hours: Span | None = WHOLE_DAY
        for row in held:
            hours = both(hours, row.span(weekday))
        week[day] = hours
    return week


def clock(since_midnight: int) -> str:
    """One end of a span as people write it; the end of the day is 24:00."""
    minutes = since_midnight // _MINUTE
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
