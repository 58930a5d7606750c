"""The hours that are open in every place at once: the law's and the campaign's, as checks that can give their reason,
and as clocks that find the next opening.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from cadenza.domain.calling_hours import DAYS, WeeklyHours, weekly_spans
from cadenza.domain.gate_checks import Case, Check, Refusal
from cadenza.domain.gate_question import Rule
from cadenza.domain.open_times import (
    DAY,
    SECOND,
    WHOLE_DAY,
    Span,
    ZoneHours,
    both,
    day_number,
    first_open,
    local_moment,
    weekday_of,
)
from cadenza.domain.place import Place
from cadenza.domain.rules.jurisdiction import HolidayCalendar, HolidayRule, HoursRule, Jurisdiction
from cadenza.domain.rules.public_holidays import HolidayDays, has_calendar
from cadenza.domain.rules.rule_book import RuleBook

_REMEMBERED_DAYS = 2048


class OpenHours:
    """What is open where: `clocks` for when, `checks` for why not. No clocks: never open.

    The last closed stretch is remembered: at night, many leads ask for the same morning.
    """

    __slots__ = ("_closed", "checks", "clocks")

    def __init__(self, clocks: tuple[ZoneHours, ...], checks: tuple[Check, ...]) -> None:
        self.clocks = clocks
        self.checks = checks
        self._closed = (0, 0)

    def is_open(self, moment: int) -> bool:
        start, end = self._closed
        if start <= moment < end or not self.clocks:
            return False
        return all(clock.is_open(moment) for clock in self.clocks)

    def first_open(self, moment: int, end: int) -> int | None:
        """The first moment at or after `moment` and before `end` that is open in every place; None if there is none."""
        if not self.clocks:
            return None
        closed_from, closed_until = self._closed
        known = closed_from <= moment < closed_until
        search_from = closed_until if known else moment
        if search_from >= end:
            return None
        opening = first_open(self.clocks, search_from, end)
        self._closed = (closed_from if known else moment, end if opening is None else opening)
        return opening


def open_hours(book: RuleBook, places: Sequence[Place], campaign: WeeklyHours) -> OpenHours:
    """The hours that the rules of every place and the campaign leave open, in all zones of all places."""
    zones: dict[str, dict[tuple[object, ...], _Limit]] = {}
    for place in places:
        limits = {limit.key: limit for limit in (*_legal_limits(book, place), _campaign_limit(campaign))}
        for zone in place.zones:
            zones.setdefault(zone, {}).update(limits)
    return OpenHours(
        tuple(ZoneHours(zone, _Calendar(tuple(limits.values()))) for zone, limits in zones.items()),
        tuple(_check(limit, zone) for zone, limits in zones.items() for limit in limits.values()),
    )


@dataclass(frozen=True, slots=True)
class _Limit:
    """What one rule leaves open: hours by weekday, less the days that `closed` has a name for. `by` is who sets it.
    Two limits with one `key` are the same."""

    key: tuple[object, ...]
    rule: Rule
    demands: str
    by: str
    week: tuple[Span | None, ...] = (WHOLE_DAY,) * 7
    closed: Callable[[int], str | None] | None = None
    jurisdiction: str = ""
    evidence: HoursRule | HolidayRule | None = None

    def hours(self, day: int) -> Span | None:
        return None if self.closed and self.closed(day) is not None else self.week[weekday_of(day)]

    def reason(self, day: int) -> str:
        if self.closed and (name := self.closed(day)) is not None:
            return f"{self.by} allows no calls on this day: {name}"
        return f"{self.by} allows {_words(self.week[weekday_of(day)])} on {_weekday(day)}s"


class _Calendar:
    """The hours of a local day that all limits leave open; worked out once for each day."""

    __slots__ = ("_closed", "_days", "_week")

    def __init__(self, limits: Sequence[_Limit]) -> None:
        self._week = tuple(reduce(both, (limit.week[weekday] for limit in limits)) for weekday in range(7))
        self._closed = tuple(limit.closed for limit in limits if limit.closed)
        self._days: dict[int, Span | None] = {}

    def __call__(self, day: int) -> Span | None:
        hours = self._week[weekday_of(day)]
        if hours is None or not self._closed:
            return hours
        if day not in self._days:
            if len(self._days) >= _REMEMBERED_DAYS:
                self._days.clear()
            self._days[day] = None if any(closed(day) is not None for closed in self._closed) else hours
        return self._days[day]


def _check(limit: _Limit, zone: str) -> Check:
    def test(case: Case) -> Refusal | None:
        day, since_midnight = divmod(local_moment(zone, case.moment), DAY)
        hours = limit.hours(day)
        if hours is not None and hours[0] <= since_midnight < hours[1]:
            return None
        return Refusal(f"{limit.reason(day)}; it is {_weekday(day)} {_clock(since_midnight)} in {zone}")

    return Check(limit.rule, f"{limit.demands}, by the clock of {zone}", test, limit.jurisdiction, limit.evidence)


def _campaign_limit(hours: WeeklyHours) -> _Limit:
    week = weekly_spans(hours)
    return _Limit(("campaign",), Rule.OUTSIDE_HOURS, "the campaign's calling hours", "the campaign", week)


def _legal_limits(book: RuleBook, place: Place) -> Iterator[_Limit]:
    for row in book.rows_for(place):
        for rule in row.hours:
            yield _hours_limit(row, rule)
        if row.holidays is not None and row.holidays.barred:
            yield _holiday_limit(row, row.holidays, _holidays_at(place, row))
    names = {day_number(blackout.day): blackout.reason for blackout in book.blackouts_at(place)}
    if names:
        demands = "no day that the operator has closed"
        yield _Limit(("blackout", place.id), Rule.BLACKOUT_DAY, demands, "the operator", closed=names.get)


def _hours_limit(row: Jurisdiction, rule: HoursRule) -> _Limit:
    days = {DAYS.index(day) for day in rule.days}
    return _Limit(
        key=("hours", row.id, rule.days),
        rule=Rule.OUTSIDE_LEGAL_HOURS,
        demands=f"{row.id}: {rule.words}",
        by=row.id,
        week=tuple(rule.span if weekday in days else WHOLE_DAY for weekday in range(7)),
        jurisdiction=row.id,
        evidence=rule,
    )


def _holidays_at(place: Place, row: Jurisdiction) -> HolidayDays:
    """The called party's holidays: those of the row's own state, or else of the place."""
    if row.holidays is not None and row.holidays.calendar is HolidayCalendar.NATIONAL:
        return HolidayDays(place.country)
    state = row.state if row.state and row.country == place.country else place.state
    if has_calendar(place.country, state):
        return HolidayDays(place.country, state)
    return HolidayDays(place.country, every_state=True)


def _holiday_limit(row: Jurisdiction, rule: HolidayRule, holidays: HolidayDays) -> _Limit:
    known = holidays.is_known
    return _Limit(
        key=("holidays", row.id, holidays.key),
        rule=Rule.PUBLIC_HOLIDAY if known else Rule.HOLIDAYS_UNKNOWN,
        demands=f"{row.id}: {rule.words}",
        by=row.id,
        week=(WHOLE_DAY,) * 7 if known else (None,) * 7,
        closed=holidays.name if known else None,
        jurisdiction=row.id,
        evidence=rule,
    )


def _words(span: Span | None) -> str:
    return f"calls {_clock(span[0])} to {_clock(span[1])}" if span else "no calls"


def _weekday(day: int) -> str:
    return DAYS[weekday_of(day)].capitalize()


def _clock(since_midnight: int) -> str:
    minutes = since_midnight // (60 * SECOND)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def distinct(rows: Iterable[Jurisdiction]) -> tuple[Jurisdiction, ...]:
    """Each row once, in order."""
    return tuple({row.id: row for row in rows}.values())
