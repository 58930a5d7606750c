"""The one gate: may this number be rung now? Asked when planning, at admission, before the POST, at the answer.

Pure: facts and the instant in; yes, or no with the rule's id, its jurisdiction and source, the reason, and the first
instant at which it would be yes. The order: the number, the suppression, what is over; registers and consent; the hours
of every place, days and holidays included; caps; last what is only switched off.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.gate_checks import Case, Check, Refusal, cap_checks, consent_checks, lead_checks, switch_checks
from cadenza.domain.gate_hours import OpenHours, distinct, open_hours
from cadenza.domain.gate_question import GateDecision, GateFacts, Rule, Verdict
from cadenza.domain.open_times import DAY, to_instant
from cadenza.domain.place import Place
from cadenza.domain.rules.jurisdiction import RecordingConsent
from cadenza.domain.rules.rule_book import RuleBook

__all__ = ["Gate", "GateDecision", "GateFacts", "Rule", "Verdict"]

HORIZON_DAYS = 400
"""How far ahead an opening is looked for: a year of weeks, holidays and changes of the clocks, and a month."""

_HOLIDAYS_UNKNOWN = "calls on public holidays are barred there, and nobody knows which days those are"
_NEVER = "there is no hour that is open in all places and time zones of the number"


@dataclass(frozen=True, slots=True)
class _Ruling:
    """Everything that is asked about one set of places and one campaign's hours, in order."""

    before: tuple[Check, ...]
    hours: OpenHours
    after: tuple[Check, ...]

    @property
    def others(self) -> tuple[Check, ...]:
        return self.before + self.after


class Gate:
    """The gate under one rule book. Make one for each version of the rules and keep it: it remembers its work."""

    def __init__(self, rules: RuleBook) -> None:
        self.rules = rules
        self.allowed = GateDecision(rules_version=rules.version)
        """Its "yes", which says under which rules."""
        self._rule = lru_cache(maxsize=4096)(self._make_ruling)

    @property
    def history_needed(self) -> timedelta:
        """How far back `recent_calls` and `abandoned_calls` must reach."""
        return max(self.rules.longest_window, timedelta(hours=24))

    def check(self, facts: GateFacts, now: datetime) -> GateDecision:
        """Decide whether the number may be rung at `now` (aware)."""
        case, ruling = Case(facts, now), self._ruling(facts)
        for check in ruling.before:
            if refusal := check.test(case):
                return self._refuse(check, refusal, case, ruling)
        if not ruling.hours.is_open(case.moment):
            return self._refuse_hours(case, ruling)
        for check in ruling.after:
            if refusal := check.test(case):
                return self._refuse(check, refusal, case, ruling)
        return self.allowed

    def next_allowed(self, facts: GateFacts, now: datetime) -> datetime | None:
        """The first instant at or after `now` at which the answer is yes if nothing but time changes, in UTC; None if
        there is none within 400 days."""
        moment = self._next(Case(facts, now), self._ruling(facts))
        return None if moment is None else to_instant(moment)

    def next_planned(self, facts: GateFacts, now: datetime) -> datetime | None:
        """When to plan a call for: the first instant at or after `now` that hours, caps and gaps allow, in UTC.

        As `next_allowed`, but what only a person can change (a pause, a register's copy, a consent) is not looked at:
        it may be mended by then, and admission asks again. None: no hour is open within 400 days.
        """
        case, ruling = Case(facts, now), self._ruling(facts)
        refusals = (check.test(case) for check in ruling.others)
        start = max([case.moment, *(one.until for one in refusals if one and one.until is not None)])
        moment = ruling.hours.first_open(start, start + HORIZON_DAYS * DAY)
        return None if moment is None else to_instant(moment)

    def may_record(self, facts: GateFacts) -> bool:
        """Whether a call to the number is recorded: by the campaign's wish, and the law of every place it may be in."""
        policy = facts.policy
        if not policy.record_calls or policy.record_where_all_must_consent:
            return policy.record_calls
        rows = (row for place in facts.places for row in self.rules.rows_for(place))
        return not any(row.recording and row.recording.needs is RecordingConsent.ALL_PARTIES for row in rows)

    def explain(self, facts: GateFacts, now: datetime) -> list[Verdict]:
        """What every rule says, in the order of the gate: why is this lead called, or not called, at `now`?"""
        case, ruling = Case(facts, now), self._ruling(facts)
        return [
            _verdict(check, check.test(case)) for check in (*ruling.before, *ruling.hours.checks, *ruling.after)
        ] + list(_never_open(case, ruling.hours))

    def _ruling(self, facts: GateFacts) -> _Ruling:
        return self._rule(facts.places, facts.policy.calling_hours)

    def _make_ruling(self, places: tuple[Place, ...], campaign: WeeklyHours) -> _Ruling:
        rows = distinct(row for place in places for row in self.rules.rows_for(place))
        with_registers = distinct(
            row for place in places if self.rules.knows(place) for row in self.rules.rows_for(place)
        )
        return _Ruling(
            (*lead_checks(), *consent_checks(rows, with_registers)),
            open_hours(self.rules, places, campaign),
            (*cap_checks(rows), *switch_checks()),
        )

    def _refuse(self, check: Check, refusal: Refusal, case: Case, ruling: _Ruling) -> GateDecision:
        moment = None if refusal.is_final else self._next(case, ruling)
        return GateDecision(
            rule=check.rule,
            reason=refusal.reason,
            next_at=None if moment is None else to_instant(moment),
            is_final=refusal.is_final,
            jurisdiction=check.jurisdiction,
            grade=check.evidence.grade.value if check.evidence else "",
            source=check.evidence.source if check.evidence else "",
            rules_version=self.rules.version,
        )

    def _refuse_hours(self, case: Case, ruling: _Ruling) -> GateDecision:
        if never := next(_never_open(case, ruling.hours), None):
            check = Check(never.rule, never.demands, lambda case: None)
            return self._refuse(check, Refusal(never.reason, is_final=True), case, ruling)
        refused = ((check, check.test(case)) for check in ruling.hours.checks)
        check, refusal = next((check, refusal) for check, refusal in refused if refusal)
        return self._refuse(check, refusal, case, ruling)

    def _next(self, case: Case, ruling: _Ruling) -> int | None:
        start, end = case.moment, None
        for check in ruling.others:
            if refusal := check.test(case):
                if refusal.until is None:
                    return None
                start = max(start, refusal.until)
            if check.expires and (expires := check.expires(case)) is not None:
                end = expires if end is None else min(end, expires)
        horizon = start + HORIZON_DAYS * DAY
        return ruling.hours.first_open(start, horizon if end is None else min(end, horizon))


def _never_open(case: Case, hours: OpenHours) -> Iterator[Verdict]:
    if hours.first_open(case.moment, case.moment + HORIZON_DAYS * DAY) is None:
        unknown = any(check.rule is Rule.HOLIDAYS_UNKNOWN for check in hours.checks)
        rule, reason = (Rule.HOLIDAYS_UNKNOWN, _HOLIDAYS_UNKNOWN) if unknown else (Rule.NEVER_OPEN, _NEVER)
        yield Verdict(rule, passed=False, demands="an hour that is open in every place", reason=reason)


def _verdict(check: Check, refusal: Refusal | None) -> Verdict:
    return Verdict(
        check.rule,
        passed=refusal is None,
        demands=check.demands,
        reason=refusal.reason if refusal else "",
        until=to_instant(refusal.until) if refusal and refusal.until is not None else None,
        jurisdiction=check.jurisdiction,
        grade=check.evidence.grade.value if check.evidence else "",
        source=check.evidence.source if check.evidence else "",
    )
