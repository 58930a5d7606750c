"""The rules once more, written from the rules alone, to hold the gate against.

It shares nothing with the gate but the form of the data: local time by the standard library, each rule looked up
afresh, and the next allowed instant found by walking from minute to minute. Slow and plain: it would err elsewhere.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

from cadenza.domain.calling_hours import DayHours
from cadenza.domain.consent import ConsentGrade, LineType
from cadenza.domain.gate_question import GateFacts
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.place import Place
from cadenza.domain.rules.jurisdiction import GapAfter, HolidayCalendar, Jurisdiction
from cadenza.domain.rules.rule_book import RuleBook

MINUTE = timedelta(minutes=1)
_ORDER = [ConsentGrade.NONE, ConsentGrade.ORAL, ConsentGrade.WRITTEN]
_SUBDIVISIONS = holidays.list_supported_countries(include_aliases=False)

_TIMELESS = {
    "number_not_callable", "suppressed", "campaign_cancelled", "lead_closed", "campaign_not_running", "account_held",
    "never_open", "number_reassigned", "on_do_not_call", "do_not_call_list_stale", "holidays_unknown",
}  # fmt: skip
"""Rules that no passing of time satisfies."""

Closed = str
Stretch = tuple[time, time, Closed]
"""Open from (included) until (excluded; 00:00 is midnight), or why not."""


class Reference:
    """The rules of one book at one set of places, for one campaign."""

    def __init__(self, book: RuleBook, facts: GateFacts) -> None:
        self._book = book
        self._places = facts.places
        self._campaign = facts.policy.calling_hours
        self._zones = [(zone, ZoneInfo(zone)) for zone in sorted({z for place in facts.places for z in place.zones})]
        self._rows = {row.id: row for place in facts.places for row in rows_at(book, place)}
        self._days: dict[tuple[str, date], list[Stretch]] = {}
        self._windows: dict[tuple[str, date], tuple[int, int]] = {}

    def violated(self, facts: GateFacts, instant: datetime) -> set[str]:
        """The ids of every rule that a call at the instant would break."""
        return {*self._of_facts(facts, instant), *self._of_hours(instant)}

    def asked(self, facts: GateFacts) -> Iterator[tuple[str, str]]:
        """Every rule that a call is judged by, with its jurisdiction; empty where it is the campaign's own."""
        yield from (("suppressed", ""), ("outside_hours", ""), ("daily_cap", ""))
        for row in self._rows.values():
            kinds = {
                "outside_legal_hours": bool(row.hours),
                "public_holiday": bool(row.holidays and row.holidays.barred),
                "no_consent": any(
                    rule.needs != ConsentGrade.NONE and (facts.line == LineType.UNKNOWN or facts.line in rule.lines)
                    for rule in row.consent
                ),
                "attempt_cap": bool(row.attempt_caps),
                "minimum_gap": bool(row.minimum_gaps),
            }
            if row.do_not_call and any(belongs_to(row, place) for place in facts.places):
                kinds |= {"on_do_not_call": True, "do_not_call_list_stale": True}
            yield from ((rule, row.id) for rule, holds in kinds.items() if holds)

    def first_allowed(self, facts: GateFacts, now: datetime, horizon: timedelta) -> datetime | None:
        """`now`, or the first whole minute after it, within the horizon, that breaks no rule."""
        violated = self.violated(facts, now)
        if not violated:
            return now
        if violated & _TIMELESS or self._lacks_consent(facts, now):
            return None
        moment = now.astimezone(UTC).replace(second=0, microsecond=0) + MINUTE
        while moment <= now + horizon:
            if self._is_open(moment) and not any(True for _ in self._of_facts(facts, moment)):
                return moment
            moment += MINUTE
        return None

    def _of_facts(self, facts: GateFacts, instant: datetime) -> Iterator[str]:
        yield from self._of_caps(facts, instant)
        yield from self._of_lead(facts, instant)

    def _lacks_consent(self, facts: GateFacts, now: datetime) -> bool:
        """True if a consent that is needed will never hold again: even at its best it is not enough."""
        best = facts.consent and max(now, facts.consent.given_at)
        return "no_consent" in self._of_lead(facts, best or now)

    def _is_open(self, instant: datetime) -> bool:
        for name, zone in self._zones:
            local = instant.astimezone(zone)
            opens, closes = self._window(name, local.date())
            if not opens <= local.hour * 60 + local.minute < closes:
                return False
        return True

    def _window(self, zone: str, day: date) -> tuple[int, int]:
        """All stretches of a day as one, in minutes since midnight."""
        if (zone, day) not in self._windows:
            stretches = self._day(zone, day)
            opens = max(opens.hour * 60 + opens.minute for opens, _, _ in stretches)
            closes = min((closes.hour * 60 + closes.minute) or 1440 for _, closes, _ in stretches)
            self._windows[zone, day] = opens, closes
        return self._windows[zone, day]

    def _of_lead(self, facts: GateFacts, instant: datetime) -> Iterator[str]:
        if facts.line is None:
            yield "number_not_callable"
        if facts.suppressed:
            yield "suppressed"
        if facts.campaign_state == CampaignState.CANCELLED:
            yield "campaign_cancelled"
        if facts.closed:
            yield "lead_closed"
        if facts.campaign_state != CampaignState.RUNNING:
            yield "campaign_not_running"
        if facts.held:
            yield "account_held"
        if not facts.places:
            yield "never_open"
        consent = facts.consent
        if facts.reassigned_on and (consent is None or consent.given_at.date() <= facts.reassigned_on):
            yield "number_reassigned"
        for row in self._rows.values():
            for rule in row.consent:
                if facts.line != LineType.UNKNOWN and facts.line not in rule.lines:
                    continue
                if rule.needs == ConsentGrade.NONE:
                    continue
                strong = consent is not None and _ORDER.index(consent.grade) >= _ORDER.index(rule.needs)
                begun = consent is not None and instant >= consent.given_at
                over = consent is not None and consent.expires_at is not None and instant >= consent.expires_at
                if not strong or not begun or over:
                    yield "no_consent"
            if row.do_not_call and any(belongs_to(row, place) for place in facts.places):
                copied = facts.registers.get(row.id)
                if row.id in facts.listed_on:
                    yield "on_do_not_call"
                if copied is None or instant - copied > timedelta(days=row.do_not_call.max_age_days):
                    yield "do_not_call_list_stale"

    def _of_caps(self, facts: GateFacts, instant: datetime) -> Iterator[str]:
        def within(calls: object, hours: int) -> int:
            return sum(call + timedelta(hours=hours) > instant for call in calls)  # type: ignore[attr-defined]

        if within(facts.recent_calls, 24) >= facts.policy.max_calls_per_day:
            yield "daily_cap"
        for row in self._rows.values():
            for cap in row.attempt_caps:
                if within(facts.recent_calls, cap.within_hours) >= cap.calls:
                    yield "attempt_cap"
            for gap in row.minimum_gaps:
                calls = facts.abandoned_calls if gap.after == GapAfter.ABANDONED_CALL else facts.recent_calls
                if within(calls, gap.hours):
                    yield "minimum_gap"

    def _of_hours(self, instant: datetime) -> Iterator[str]:
        for name, zone in self._zones:
            local = instant.astimezone(zone)
            clock = local.time()
            for opens, closes, why in self._day(name, local.date()):
                if not (opens <= clock and (closes == time(0) or clock < closes)) or opens == closes != time(0):
                    yield why

    def _day(self, zone: str, day: date) -> list[Stretch]:
        if (zone, day) not in self._days:
            self._days[zone, day] = list(self._read_day(zone, day))
        return self._days[zone, day]

    def _read_day(self, zone: str, day: date) -> Iterator[Stretch]:
        shut = time(23, 59), time(23, 59)
        weekday = day.strftime("%A").lower()
        campaign: DayHours | None = getattr(self._campaign, weekday)
        yield (campaign.opens, campaign.closes, "outside_hours") if campaign else (*shut, "outside_hours")
        for place in self._places:
            if zone not in place.zones:
                continue
            for blackout in self._book.blackout_days:
                if blackout.day == day and (not blackout.places or any(covers(at, place) for at in blackout.places)):
                    yield (*shut, "blackout_day")
            for row in rows_at(self._book, place):
                for rule in row.hours:
                    if weekday not in rule.days:
                        continue
                    if rule.opens is None or rule.closes is None:
                        yield (*shut, "outside_legal_hours")
                    else:
                        yield rule.opens, rule.closes, "outside_legal_hours"
                if row.holidays and row.holidays.barred:
                    if place.country not in _SUBDIVISIONS:
                        yield (*shut, "holidays_unknown")
                    elif is_holiday(row, place, day):
                        yield (*shut, "public_holiday")


def rows_at(book: RuleBook, place: Place) -> list[Jurisdiction]:
    """The rows that hold at a place; all of a country whose state is not known, all of all for an unknown country."""
    rows = [row for row in book.jurisdictions.values() if belongs_to(row, place)]
    if all("-" in row.id for row in rows):
        return list(book.jurisdictions.values())
    return rows


def belongs_to(row: Jurisdiction, place: Place) -> bool:
    if "-" not in row.id:
        return row.id == place.country or place.country in row.covers
    return row.id == f"{place.country}-{place.state}" or (not place.state and row.id.startswith(f"{place.country}-"))


def covers(jurisdiction: str, place: Place) -> bool:
    """True if a place may lie in the jurisdiction."""
    country, _, state = jurisdiction.partition("-")
    if place.country not in (country, ""):
        return False
    return state == "" or place.state in (state, "")


def is_holiday(row: Jurisdiction, place: Place, day: date) -> bool:
    assert row.holidays is not None
    if row.holidays.calendar == HolidayCalendar.NATIONAL:
        return day in _calendar(place.country, None, day.year)
    own = row.id.partition("-")[2] if row.id.startswith(f"{place.country}-") else ""
    state = own or place.state
    known = _SUBDIVISIONS[place.country]
    wanted = [state] if state in known else [None, *known]
    return any(day in _calendar(place.country, one, day.year) for one in wanted)


@cache
def _calendar(country: str, state: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=state, years=year))
