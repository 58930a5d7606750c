"""When a number may be called: weekly hours in the called party's own time zone.

Pure: the instant is an argument. Where a number may be in several zones, an instant is open only if it is
open in all of them (a US mobile says where it was issued, not where it is).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HORIZON = timedelta(days=15)
"""How far ahead an opening is looked for; weekly hours repeat, so two weeks and a day see every case."""


class DayHours(BaseModel):
    """One day's hours: open from `opens` (included) until `closes` (excluded), local time."""

    model_config = ConfigDict(frozen=True)

    opens: time
    closes: Annotated[time, Field(description="00:00 means midnight at the end of the day")]

    @model_validator(mode="after")
    def _opens_first(self) -> "DayHours":
        if self.closes != time(0) and self.closes <= self.opens:
            raise ValueError("`closes` must be later than `opens`; write 00:00 for midnight")
        return self

    def holds(self, local: time) -> bool:
        return self.opens <= local and (self.closes == time(0) or local < self.closes)


class WeeklyHours(BaseModel):
    """Hours for each weekday; a missing day is closed."""

    model_config = ConfigDict(frozen=True)

    monday: DayHours | None = None
    tuesday: DayHours | None = None
    wednesday: DayHours | None = None
    thursday: DayHours | None = None
    friday: DayHours | None = None
    saturday: DayHours | None = None
    sunday: DayHours | None = None

    @classmethod
    def business(cls) -> "WeeklyHours":
        """Monday to Friday 9 to 20, Saturday 9 to 17: the strictest of the common rules (AU, 2017 Standard)."""
        week = DayHours(opens=time(9), closes=time(20))
        return cls(
            monday=week, tuesday=week, wednesday=week, thursday=week, friday=week,
            saturday=DayHours(opens=time(9), closes=time(17)),
        )  # fmt: skip

    @classmethod
    def always(cls) -> "WeeklyHours":
        """Every hour of every day: for rehearsals only."""
        day = DayHours(opens=time(0), closes=time(0))
        return cls(**dict.fromkeys(DAYS, day))

    def on(self, day: date) -> DayHours | None:
        hours: DayHours | None = getattr(self, DAYS[day.weekday()])
        return hours


def is_open(hours: WeeklyHours, instant: datetime, zones: Sequence[str]) -> bool:
    """True when `instant` (aware) lies inside the hours in every zone. No zones: never."""
    return bool(zones) and all(_open_in(hours, instant.astimezone(ZoneInfo(zone))) for zone in zones)


def next_open(hours: WeeklyHours, instant: datetime, zones: Sequence[str]) -> datetime | None:
    """The earliest instant at or after `instant` that is open in every zone, in UTC; None if there is none.

    Only openings can start an open stretch, so the candidates are the instant itself and each zone's openings.
    """
    if not zones:
        return None
    start = instant.astimezone(UTC)
    candidates = sorted({start, *(_openings(hours, start, zones))})
    return next((moment for moment in candidates if moment >= start and is_open(hours, moment, zones)), None)


def _open_in(hours: WeeklyHours, local: datetime) -> bool:
    day = hours.on(local.date())
    return day is not None and day.holds(local.time())


def _openings(hours: WeeklyHours, start: datetime, zones: Sequence[str]) -> Iterable[datetime]:
    """Every instant in the horizon at which a zone's local time enters its hours, the clock's jumps included."""
    for zone in (ZoneInfo(name) for name in zones):
        day = (start.astimezone(zone) - timedelta(days=1)).date()
        for offset in range(HORIZON.days + 2):
            today = day + timedelta(days=offset)
            if (opens := hours.on(today)) is None:
                continue
            for fold in (0, 1):
                local = datetime.combine(today, opens.opens, tzinfo=zone).replace(fold=fold)
                moment = local.astimezone(UTC)
                yield moment
                if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
                    # The opening falls into the hour that spring skips: it opens with the jump itself.
                    yield _jump_near(moment, zone)
            yield from _backward_jumps(today, zone)


def _jump_near(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant within three hours of `moment` at which the zone's offset changes (bisection to the second)."""
    low, high = moment - timedelta(hours=3), moment + timedelta(hours=3)
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _backward_jumps(day: date, zone: ZoneInfo) -> Iterable[datetime]:
    """The instant on `day` at which the clock is set back, if it is: a closed time may become open again."""
    start = datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)
    for hour in range(0, 24, 6):
        low, high = start + timedelta(hours=hour), start + timedelta(hours=hour + 6)
        first, last = low.astimezone(zone).utcoffset(), high.astimezone(zone).utcoffset()
        if first is not None and last is not None and last < first:
            yield _jump_near(low + timedelta(hours=3), zone)
