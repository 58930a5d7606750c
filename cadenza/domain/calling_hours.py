"""When a number may be called: weekly hours in the called party's own time zone.

Pure: the instant is an argument. Where a number may be in several zones, an instant is open only if it is
open in all of them (a US mobile says where it was issued, not where it is).
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cadenza.domain.open_times import Span, ZoneHours, first_open, to_instant, to_microseconds, to_span, weekday_of

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


def weekly_spans(hours: WeeklyHours) -> tuple[Span | None, ...]:
    """Monday's hours to Sunday's; None: closed."""
    days = (getattr(hours, day) for day in DAYS)
    return tuple(None if day is None else to_span(day.opens, day.closes) for day in days)


def is_open(hours: WeeklyHours, instant: datetime, zones: Sequence[str]) -> bool:
    """True when `instant` (aware) lies inside the hours in every zone. No zones: never."""
    moment = to_microseconds(instant)
    return bool(zones) and all(one.is_open(moment) for one in _in_zones(hours, zones))


def next_open(hours: WeeklyHours, instant: datetime, zones: Sequence[str]) -> datetime | None:
    """The earliest instant at or after `instant` that is open in every zone, in UTC; None if there is none."""
    if not zones:
        return None
    moment = to_microseconds(instant)
    opening = first_open(_in_zones(hours, zones), moment, moment + HORIZON // timedelta(microseconds=1))
    return None if opening is None else to_instant(opening)


def _in_zones(hours: WeeklyHours, zones: Sequence[str]) -> list[ZoneHours]:
    spans = weekly_spans(hours)
    return [ZoneHours(zone, lambda day: spans[weekday_of(day)]) for zone in zones]
