"""What comes after an attempt: finish, or when to try again and why. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from cadenza.domain.answer_hours import LearntHours, part_of_day
from cadenza.domain.outcomes import (
    REACHED_NOBODY,
    RETRY_KINDS,
    AttemptOutcome,
    LeadOutcome,
    RetryKind,
)
from cadenza.domain.policy import CampaignPolicy, VoicemailRule

MAX_SCREENED = 2
"""Who lets a screening assistant answer twice does not want to be rung a third time."""


Opening = Callable[[datetime], datetime | None]
"""The first instant at or after the given one that the rules leave open; None: there is none."""


class PastAttempt(BaseModel):
    """An attempt that ended: when it began and how it ended."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    outcome: AttemptOutcome


class StepKind(StrEnum):
    FINISH = "finish"
    RETRY = "retry"


class NextStep(BaseModel):
    """Finish with `outcome`, or try again at `at` (UTC). `reason` is for people."""

    model_config = ConfigDict(frozen=True)

    kind: StepKind
    reason: str
    outcome: LeadOutcome | None = None
    at: datetime | None = None
    is_callback: bool = False


def attempts_made(history: Sequence[PastAttempt], policy: CampaignPolicy) -> int:
    """Attempts that count against `max_attempts`: real ones, less the forgiven carrier faults."""
    made = sum(past.outcome not in REACHED_NOBODY for past in history)
    faults = sum(RETRY_KINDS[past.outcome] is RetryKind.NETWORK for past in history)
    return made - min(faults, policy.max_network_retries)


def is_last_attempt(history: Sequence[PastAttempt], policy: CampaignPolicy) -> bool:
    """True if the attempt that follows this history would be the last."""
    return attempts_made(history, policy) + 1 >= policy.max_attempts


def leaves_voicemail(history: Sequence[PastAttempt], policy: CampaignPolicy) -> bool:
    """True if the attempt that follows this history leaves a message when a machine answers."""
    if any(past.outcome is AttemptOutcome.VOICEMAIL_LEFT for past in history):
        return False
    if policy.voicemail is VoicemailRule.LAST_ATTEMPT:
        return is_last_attempt(history, policy)
    return policy.voicemail is VoicemailRule.FIRST_MACHINE


def decide_next_step(
    policy: CampaignPolicy,
    history: Sequence[PastAttempt],
    now: datetime,
    opening: Opening,
    zone: str,
    *,
    promised_at: datetime | None = None,
    close_as: LeadOutcome | None = None,
    learnt: LearntHours | None = None,
) -> NextStep:
    """Decide from all attempts so far (oldest first, the last one just ended).

    `opening` is the gate's (`Gate.next_planned`): no step is planned into a time at which nobody may be called. `zone`
    is the callee's, for the part of the day.
    `promised_at` is the callback agreed in the last call; `close_as` ends the lead whatever is left to try
    (its campaign was cancelled, or the number suppressed), unless the call itself gave a better answer.
    `learnt` is when people answer the campaign's calls; None or too little: the first part of the day not yet tried.
    """
    last = history[-1].outcome
    plan = _Plan(opening, zone, learnt or LearntHours())
    kind = RETRY_KINDS[last]
    if kind is RetryKind.NEVER:
        return _finish(LeadOutcome(last.value), f"the call ended as {_words(last)}")
    if close_as is not None:
        return _finish(close_as, f"the lead was closed: {_words(close_as)}")
    if kind is RetryKind.AGAIN:
        return _retry(policy, now, plan, f"the call was not made ({_words(last)})", history)
    made = attempts_made(history, policy)
    if kind is RetryKind.CALLBACK and promised_at is not None:
        # A promise is kept even after the last planned attempt; two promises beyond it are enough.
        if made >= policy.max_attempts + 2:
            return _finish(LeadOutcome.INTERESTED, "a callback was promised too often")
        at = opening(max(promised_at, now))
        if at is None:
            return _finish(LeadOutcome.INTERESTED, "a callback was promised, but calling hours never open")
        return NextStep(kind=StepKind.RETRY, reason="callback promised in the call", at=at, is_callback=True)
    if sum(past.outcome is AttemptOutcome.SCREENED for past in history) >= MAX_SCREENED:
        return _finish(LeadOutcome.SCREENED, "a screening assistant answered twice and nobody picked up")
    if made >= policy.max_attempts:
        return _finish(_best_outcome(history), f"all {policy.max_attempts} attempts were made")
    number = made + 1
    if kind is RetryKind.NETWORK:
        gap = timedelta(seconds=policy.network_gap_seconds)
        return _retry(policy, now + gap, plan, f"attempt {number} after a carrier fault", history)
    if kind is RetryKind.SOON:
        gap = timedelta(seconds=policy.busy_gap_seconds)
        return _retry(policy, now + gap, plan, f"attempt {number} after a busy line", history)
    gap = timedelta(seconds=policy.retry_gap_seconds)
    return _retry(policy, now + gap, plan, f"attempt {number} after {_words(last)}", history, other_time=True)


@dataclass(frozen=True, slots=True)
class _Plan:
    opening: Opening
    zone: str
    learnt: LearntHours


def _retry(
    policy: CampaignPolicy,
    earliest: datetime,
    plan: "_Plan",
    reason: str,
    history: Sequence[PastAttempt],
    *,
    other_time: bool = False,
) -> NextStep:
    at = plan.opening(earliest)
    if at is None:
        return _finish(_best_outcome(history), "calling hours never open in all of the lead's time zones")
    if other_time and policy.retry_at_other_times_of_day:
        at = _at_untried_time(plan, at, history) or at
        if plan.learnt.knows_enough:
            reason += ", " + plan.learnt.reason(part_of_day(at.astimezone(ZoneInfo(plan.zone))))
    return NextStep(kind=StepKind.RETRY, reason=reason, at=at)


def _at_untried_time(plan: "_Plan", earliest: datetime, history: Sequence[PastAttempt]) -> datetime | None:
    """An open instant in a part of the callee's day not yet tried, within three days; else None. The first one, or the
    one at which people are likeliest to answer where enough is known of that."""
    zone = ZoneInfo(plan.zone)
    tried = {part_of_day(past.at.astimezone(zone)) for past in history if past.outcome not in REACHED_NOBODY}
    candidates = [earliest]
    for day in range(3):
        local = earliest.astimezone(zone) + timedelta(days=day)
        candidates += [local.replace(hour=hour, minute=0, second=0, microsecond=0) for hour in (9, 12, 17)]
    choices = []
    for candidate in sorted(candidates):
        if candidate < earliest:
            continue
        at = plan.opening(candidate)
        if at is not None and (part := part_of_day(at.astimezone(zone))) not in tried:
            if not plan.learnt.knows_enough:
                return at
            choices.append((part, at))
    return plan.learnt.best(choices)


_RANK = (
    AttemptOutcome.VOICEMAIL_LEFT,
    AttemptOutcome.CALLBACK_PROMISED,
    AttemptOutcome.GATEKEEPER,
    AttemptOutcome.SCREENED,
    AttemptOutcome.SILENT,
    AttemptOutcome.MACHINE,
    AttemptOutcome.BUSY,
    AttemptOutcome.NO_ANSWER,
    AttemptOutcome.UNKNOWN,
    AttemptOutcome.FAILED,
)


def _best_outcome(history: Sequence[PastAttempt]) -> LeadOutcome:
    """When nothing is left to try, the most telling outcome stands for the lead."""
    outcomes = {past.outcome for past in history}
    best = next((outcome for outcome in _RANK if outcome in outcomes), AttemptOutcome.FAILED)
    return LeadOutcome.INTERESTED if best is AttemptOutcome.CALLBACK_PROMISED else LeadOutcome(best.value)


def _finish(outcome: LeadOutcome, reason: str) -> NextStep:
    return NextStep(kind=StepKind.FINISH, reason=reason, outcome=outcome)


def _words(code: StrEnum) -> str:
    return code.value.replace("_", " ")
