"""When local hours are open, on the universal clock: exact to the microsecond and quick, whatever the clocks do.

A zone is a list of stretches with one offset each. Inside a stretch local time is plain addition, so a change of the
clocks, a skipped date or a new law are nothing but the next stretch. Instants are integers: microseconds since 1970.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import tzdata

SECOND = 1_000_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(1970, 1, 1).toordinal()
_CHUNK = 128 * DAY
"""Stretches are looked up for so long a time at once."""
_STEP = DAY // 4
"""How often the offset is looked at; no zone changes its clock twice within six hours."""

Span = tuple[int, int]
"""Open from (included) until (excluded), microseconds since local midnight."""

WHOLE_DAY: Span = (0, DAY)
DayHoursOf = Callable[[int], Span | None]
"""The hours of a local day (`day_number`); None: closed."""


def zone_data_version() -> str:
    """The IANA version of the zone data that is used (the wheel's; see `cadenza`), for the log of a start."""
    return str(tzdata.IANA_VERSION)


def to_microseconds(instant: datetime) -> int:
    """Microseconds since 1970 of an aware instant, exactly."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def to_instant(moment: int) -> datetime:
    """The reverse of `to_microseconds`, in UTC."""
    return _EPOCH + timedelta(microseconds=moment)


def day_number(day: date) -> int:
    """Days since 1970."""
    return day.toordinal() - _FIRST_DAY


def to_date(day: int) -> date:
    """The reverse of `day_number`."""
    return date.fromordinal(day + _FIRST_DAY)


def weekday_of(day: int) -> int:
    """Monday is 0."""
    return (day + 3) % 7


def to_span(opens: time, closes: time) -> Span:
    """Local hours as a span; `closes` 00:00 is midnight at the end of the day."""
    return _since_midnight(opens), _since_midnight(closes) or DAY


def both(one: Span | None, other: Span | None) -> Span | None:
    """The hours that lie in both; None if there are none."""
    if one is None or other is None:
        return None
    opens, closes = max(one[0], other[0]), min(one[1], other[1])
    return (opens, closes) if opens < closes else None


def local_moment(zone: str, moment: int) -> int:
    """What the clock in the zone shows, as microseconds since its own 1970."""
    return moment + _stretch(zone, moment)[1]


@dataclass(frozen=True, slots=True)
class ZoneHours:
    """Hours by local day in one zone."""

    zone: str
    on: DayHoursOf

    def is_open(self, moment: int) -> bool:
        day, since_midnight = divmod(local_moment(self.zone, moment), DAY)
        hours = self.on(day)
        return hours is not None and hours[0] <= since_midnight < hours[1]

    def first_open(self, moment: int, end: int) -> int | None:
        """The first open moment at or after `moment` and before `end`."""
        while moment < end:
            stretch_end, offset = _stretch(self.zone, moment)
            while moment < stretch_end:
                day, since_midnight = divmod(moment + offset, DAY)
                midnight = moment - since_midnight
                hours = self.on(day)
                if hours is not None and since_midnight < hours[1]:
                    opening = max(moment, midnight + hours[0])
                    if opening < stretch_end:
                        return opening if opening < end else None
                moment = midnight + DAY
            moment = stretch_end
        return None


def first_open(zones: Sequence[ZoneHours], moment: int, end: int) -> int | None:
    """The first moment at or after `moment` and before `end` that is open in every zone; None if there is none.

    Each zone in turn pushes the moment to its own next opening; nothing that is skipped is open in all.
    """
    waiting = True
    while waiting:
        waiting = False
        for hours in zones:
            opening = hours.first_open(moment, end)
            if opening is None:
                return None
            waiting = waiting or opening > moment
            moment = opening
    return moment


def _since_midnight(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * SECOND + at.microsecond


def _stretch(zone: str, moment: int) -> tuple[int, int]:
    """The end of the stretch that holds the moment (or of what was looked up of it), and its offset."""
    for end, offset in _stretches(zone, moment // _CHUNK):
        if moment < end:
            return end, offset
    raise AssertionError("the stretches of a chunk reach its end")


@lru_cache(maxsize=4096)
def _stretches(zone: str, chunk: int) -> tuple[tuple[int, int], ...]:
    start, end = chunk * _CHUNK, (chunk + 1) * _CHUNK
    found = []
    offset = _offset(zone, start)
    for looked_at in range(start + _STEP, end + _STEP, _STEP):
        following = _offset(zone, looked_at)
        if following != offset:
            found.append((_change(zone, looked_at - _STEP, looked_at, offset), offset))
            offset = following
    if found and found[-1][0] == end:
        return tuple(found)  # the clock changes with the chunk: the new offset is the next chunk's
    return (*found, (end, offset))


def _change(zone: str, low: int, high: int, offset: int) -> int:
    """The second in (low, high] from which the offset is no longer `offset`."""
    while high - low > SECOND:
        middle = low + (high - low) // (2 * SECOND) * SECOND
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high


def _offset(zone: str, moment: int) -> int:
    offset = to_instant(moment).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset // timedelta(microseconds=1)
