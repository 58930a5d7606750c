"""The hours that are open in every place at once: the law's and the campaign's, as checks that can give their reason,
and as clocks that find the next opening.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

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
    zones: dict[str, list[_Limit]] = {}
    for place in places:
        limits = [*_legal_limits(book, place), _campaign_limit(campaign)]
        for zone in place.zones:
            zones.setdefault(zone, []).extend(limits)
    merged = {zone: tuple(dict.fromkeys(limits)) for zone, limits in zones.items()}
    return OpenHours(
        tuple(ZoneHours(zone, _Calendar(limits)) for zone, limits in merged.items()),
        tuple(_check(limit, zone) for zone, limits in merged.items() for limit in limits),
    )


@dataclass(frozen=True)
class _Limit:
    """One reason why a local day, or part of it, is closed. Two limits with one `key` are the same."""

    key: tuple[object, ...]
    rule: Rule
    demands: str
    hours: Callable[[int], Span | None]
    reason: Callable[[int], str]
    jurisdiction: str = ""
    evidence: HoursRule | HolidayRule | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Limit) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class _Calendar:
    """The hours of a local day that all limits leave open; worked out once for each day."""

    __slots__ = ("_days", "_limits")

    def __init__(self, limits: Sequence[_Limit]) -> None:
        self._limits = limits
        self._days: dict[int, Span | None] = {}

    def __call__(self, day: int) -> Span | None:
        try:
            return self._days[day]
        except KeyError:
            pass
        open_span: Span | None = WHOLE_DAY
        for limit in self._limits:
            open_span = both(open_span, limit.hours(day))
        if len(self._days) >= _REMEMBERED_DAYS:
            self._days.clear()
        self._days[day] = open_span
        return open_span


def _check(limit: _Limit, zone: str) -> Check:
    def test(case: Case) -> Refusal | None:
        day, since_midnight = divmod(local_moment(zone, case.moment), DAY)
        hours = limit.hours(day)
        if hours is not None and hours[0] <= since_midnight < hours[1]:
            return None
        return Refusal(f"{limit.reason(day)}; it is {_weekday(day)} {_clock(since_midnight)} in {zone}")

    return Check(limit.rule, f"{limit.demands}, by the clock of {zone}", test, limit.jurisdiction, limit.evidence)


def _campaign_limit(hours: WeeklyHours) -> _Limit:
    spans = weekly_spans(hours)
    return _Limit(
        key=("campaign",),
        rule=Rule.OUTSIDE_HOURS,
        demands="the campaign's calling hours",
        hours=lambda day: spans[weekday_of(day)],
        reason=lambda day: f"outside the campaign's calling hours ({_words(spans[weekday_of(day)])})",
    )


def _legal_limits(book: RuleBook, place: Place) -> Iterator[_Limit]:
    for row in book.rows_for(place):
        for rule in row.hours:
            yield _hours_limit(row, rule)
        if row.holidays is not None and row.holidays.barred:
            yield _holiday_limit(row, row.holidays, _holidays_at(place, row))
    names = {day_number(blackout.day): blackout.reason for blackout in book.blackouts_at(place)}
    if names:
        yield _days_limit(("blackout", place.id), Rule.BLACKOUT_DAY, names.get, "no day that the operator has closed")


def _hours_limit(row: Jurisdiction, rule: HoursRule) -> _Limit:
    days, span = frozenset(DAYS.index(day) for day in rule.days), rule.span
    allows = f"calls {_words(span)}" if span else "no calls"
    on_days = "every day" if len(days) == len(DAYS) else ", ".join(map(str.capitalize, rule.days))
    return _Limit(
        key=("hours", row.id, rule.days),
        rule=Rule.OUTSIDE_LEGAL_HOURS,
        demands=f"{row.id}: {allows} on {on_days}",
        hours=lambda day: span if weekday_of(day) in days else WHOLE_DAY,
        reason=lambda day: f"{row.id} allows {allows} on {_weekday(day)}s",
        jurisdiction=row.id,
        evidence=rule,
    )


def _holidays_at(place: Place, row: Jurisdiction) -> HolidayDays:
    """The called party's holidays: those of the row's own state, or else of the place."""
    national = row.holidays is not None and row.holidays.calendar is HolidayCalendar.NATIONAL
    if national:
        return HolidayDays(place.country)
    state = row.state if row.state and row.country == place.country else place.state
    if has_calendar(place.country, state):
        return HolidayDays(place.country, state)
    return HolidayDays(place.country, every_state=True)


def _holiday_limit(row: Jurisdiction, rule: HolidayRule, holidays: HolidayDays) -> _Limit:
    if not holidays.is_known:
        return _Limit(
            key=("no holidays known", row.id),
            rule=Rule.HOLIDAYS_UNKNOWN,
            demands=f"{row.id}: no public holiday",
            hours=lambda day: None,
            reason=lambda day: "the public holidays there are not known, and calls on them are barred",
            jurisdiction=row.id,
            evidence=rule,
        )
    demands = f"{row.id}: no public holiday"
    return _days_limit(("holiday", row.id, holidays.key), Rule.PUBLIC_HOLIDAY, holidays.name, demands, row.id, rule)


def _days_limit(
    key: tuple[object, ...],
    rule: Rule,
    name: Callable[[int], str | None],
    demands: str,
    jurisdiction: str = "",
    evidence: HolidayRule | None = None,
) -> _Limit:
    return _Limit(
        key=key,
        rule=rule,
        demands=demands,
        hours=lambda day: WHOLE_DAY if name(day) is None else None,
        reason=lambda day: f"{jurisdiction or 'the operator'} allows no calls on this day: {name(day)}",
        jurisdiction=jurisdiction,
        evidence=evidence,
    )


def _words(span: Span | None) -> str:
    return "closed" if span is None else f"{_clock(span[0])} to {_clock(span[1])}"


def _weekday(day: int) -> str:
    return DAYS[weekday_of(day)].capitalize()


def _clock(since_midnight: int) -> str:
    minutes = since_midnight // (60 * SECOND)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def distinct(rows: Iterable[Jurisdiction]) -> tuple[Jurisdiction, ...]:
    """Each row once, in order."""
    return tuple({row.id: row for row in rows}.values())
