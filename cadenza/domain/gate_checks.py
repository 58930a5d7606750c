"""The checks of the gate that are not about hours: each asks one thing of the facts, and knows whether time helps.

All but two, once passed, stay passed as time goes on; a register's copy and a consent grow old (`expires`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cadenza.domain.consent import ConsentGrade, LineType
from cadenza.domain.gate_question import GateFacts, Rule
from cadenza.domain.open_times import SECOND, to_microseconds
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.rules.jurisdiction import (
    AttemptCap,
    ConsentRule,
    DoNotCallRule,
    GapAfter,
    GradedRule,
    Jurisdiction,
    MinimumGap,
)

HOUR = 3600 * SECOND


class Case:
    """The facts, and the instant they are judged at. Moments are microseconds since 1970."""

    __slots__ = ("abandoned", "calls", "facts", "moment")

    def __init__(self, facts: GateFacts, now: datetime) -> None:
        self.facts = facts
        self.moment = to_microseconds(now)
        self.calls = _latest_first(facts.recent_calls)
        self.abandoned = _latest_first(facts.abandoned_calls)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and from which moment on the check would pass; None: time does not help."""

    reason: str
    until: int | None = None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, ready to be asked. `expires`: the moment at which a check that passes will begin to refuse."""

    rule: Rule
    demands: str
    test: Callable[[Case], Refusal | None]
    jurisdiction: str = ""
    evidence: GradedRule | None = None
    expires: Callable[[Case], int | None] | None = None


def lead_checks() -> tuple[Check, ...]:
    """What is over, whatever the law says."""
    return (
        _flag(Rule.NUMBER_NOT_CALLABLE, "the number is an ordinary line", lambda facts: facts.line is None,
              "this is not an ordinary line (premium, satellite, toll-free or a short code)"),
        _flag(Rule.SUPPRESSED, "the number is not suppressed", lambda facts: facts.suppressed,
              "the number is on the suppression list"),
        _flag(Rule.CAMPAIGN_CANCELLED, "the campaign goes on",
              lambda facts: facts.campaign_state is CampaignState.CANCELLED, "the campaign was cancelled"),
        _flag(Rule.LEAD_CLOSED, "the lead is open", lambda facts: facts.closed, "the lead was closed"),
    )  # fmt: skip


def switch_checks() -> tuple[Check, ...]:
    """What a person or the circuit breaker has switched off for the moment."""

    def running(case: Case) -> Refusal | None:
        state = case.facts.campaign_state
        return None if state is CampaignState.RUNNING else Refusal(f"the campaign is {state.value}")

    def held(case: Case) -> Refusal | None:
        return Refusal(f"nobody is called at the moment: {case.facts.held}") if case.facts.held else None

    return (
        Check(Rule.CAMPAIGN_NOT_RUNNING, "the campaign is running", running),
        Check(Rule.ACCOUNT_HELD, "the account may call", held),
    )


def consent_checks(rows: Sequence[Jurisdiction], registers_of: Iterable[Jurisdiction]) -> Iterator[Check]:
    """Registers, consents by line and whose number it is, of every row; the strictest consent first."""
    for row in registers_of:
        if row.do_not_call is not None:
            yield from _register_checks(row, row.do_not_call)
    needed = [(row, rule) for row in rows for rule in row.consent if rule.needs is not ConsentGrade.NONE]
    for row, rule in sorted(needed, key=lambda one: one[1].needs is not ConsentGrade.WRITTEN):
        yield _consent_check(row, rule)
    yield Check(Rule.NUMBER_REASSIGNED, "the number is still that of the person who agreed", _still_theirs)


def cap_checks(rows: Iterable[Jurisdiction]) -> Iterator[Check]:
    """Calls to the number within a stretch of time: the law's, then the campaign's own."""
    for row in rows:
        for cap in row.attempt_caps:
            yield _cap_check(row, cap)
        for gap in row.minimum_gaps:
            yield _gap_check(row, gap)

    def daily(case: Case) -> Refusal | None:
        return _full(case.calls, case.facts.policy.max_calls_per_day, 24, case.moment)

    yield Check(Rule.DAILY_CAP, "the campaign's own cap on calls to the number in 24 hours", daily)


def _flag(rule: Rule, demands: str, is_set: Callable[[GateFacts], bool], reason: str) -> Check:
    refusal = Refusal(reason, is_final=True)
    return Check(rule, demands, lambda case: refusal if is_set(case.facts) else None)


def _register_checks(row: Jurisdiction, rule: DoNotCallRule) -> Iterator[Check]:
    days = timedelta(days=rule.max_age_days) // timedelta(microseconds=1)

    def listed(case: Case) -> Refusal | None:
        if row.id not in case.facts.listed_on:
            return None
        return Refusal(f"the number is on the {rule.register_name}", is_final=True)

    def stale_from(case: Case) -> int | None:
        copied = case.facts.registers.get(row.id)
        return None if copied is None else to_microseconds(copied) + days + 1

    def stale(case: Case) -> Refusal | None:
        end = stale_from(case)
        if end is None:
            return Refusal(f"no copy of the {rule.register_name} was loaded")
        if case.moment >= end:
            return Refusal(f"the copy of the {rule.register_name} is older than {rule.max_age_days} days")
        return None

    yield Check(Rule.ON_DO_NOT_CALL, f"the number is not on the {rule.register_name}", listed, row.id, rule)
    demands = f"a copy of the {rule.register_name} not older than {rule.max_age_days} days"
    yield Check(Rule.DO_NOT_CALL_LIST_STALE, demands, stale, row.id, rule, stale_from)


def _consent_check(row: Jurisdiction, rule: ConsentRule) -> Check:
    def applies(case: Case) -> bool:
        return case.facts.line is LineType.UNKNOWN or case.facts.line in rule.lines

    def test(case: Case) -> Refusal | None:
        consent = case.facts.consent
        if not applies(case):
            return None
        if consent is None or not consent.grade.satisfies(rule.needs):
            found = "there is none" if consent is None else f"it is {consent.grade.value}"
            return Refusal(f"{row.id} needs a consent of grade {rule.needs.value}; {found}")
        if consent.expires_at is not None and case.moment >= to_microseconds(consent.expires_at):
            return Refusal("the consent has expired")
        given = to_microseconds(consent.given_at)
        return Refusal("the consent begins later", given) if case.moment < given else None

    def expires(case: Case) -> int | None:
        consent = case.facts.consent
        if consent is None or consent.expires_at is None or not applies(case):
            return None
        return to_microseconds(consent.expires_at)

    return Check(Rule.NO_CONSENT, f"{row.id}: {rule.words}", test, row.id, rule, expires)


def _still_theirs(case: Case) -> Refusal | None:
    reassigned, consent = case.facts.reassigned_on, case.facts.consent
    if reassigned is None or (consent is not None and consent.given_at.date() > reassigned):
        return None
    return Refusal("the number went to somebody else since", is_final=True)


def _cap_check(row: Jurisdiction, cap: AttemptCap) -> Check:
    return Check(
        Rule.ATTEMPT_CAP,
        f"{row.id}: {cap.words}",
        lambda case: _full(case.calls, cap.calls, cap.within_hours, case.moment),
        row.id,
        cap,
    )


def _gap_check(row: Jurisdiction, gap: MinimumGap) -> Check:
    after_abandoned = gap.after is GapAfter.ABANDONED_CALL

    def test(case: Case) -> Refusal | None:
        calls = case.abandoned if after_abandoned else case.calls
        if not calls or case.moment >= calls[0] + gap.hours * HOUR:
            return None
        return Refusal(f"{row.id} asks for {gap.words}", calls[0] + gap.hours * HOUR)

    return Check(Rule.MINIMUM_GAP, f"{row.id}: {gap.words}", test, row.id, gap)


def _full(calls: list[int], most: int, hours: int, moment: int) -> Refusal | None:
    """A call counts for the whole of `hours` after its start; one that is dated in the future counts too."""
    if len(calls) < most or moment >= calls[most - 1] + hours * HOUR:
        return None
    recent = sum(moment < call + hours * HOUR for call in calls)
    times = "once" if recent == 1 else f"{recent} times"
    return Refusal(f"the number was called {times} in {hours} hours", calls[most - 1] + hours * HOUR)


def _latest_first(instants: Iterable[datetime]) -> list[int]:
    return sorted(map(to_microseconds, instants), reverse=True)
