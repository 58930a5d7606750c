"""The independent judge: was a promise broken? Pure: evidence in, a score card out; no I/O, no clock.

It trusts none of the three sides. What rang is the carrier's word, what was meant to happen the records', where each
lead ended Temporal's; every rule compares at least two of them, or holds one against the campaign's own policy.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from cadenza.domain.calling_hours import is_open
from cadenza.domain.judge_facts import BookingFact, CalendarEntry, CarrierCall, Evidence, StopKind
from cadenza.domain.outcomes import (
    OPEN_ATTEMPT_STATES,
    AttemptOutcome,
    BookingState,
    LeadOutcome,
    LeadState,
)

SLACK = timedelta(seconds=2)
"""How long after a pause, cancel or opt-out a call may still ring that the carrier had before."""
ANSWER_SLACK = timedelta(seconds=0.5)
"""The answer is the last gate: who opted out so long before it is not talked to."""
PROMISED_BEYOND_PLAN = 2
"""Callbacks that may be kept after the last planned attempt (`domain.retry`)."""
_DAY = timedelta(hours=24)
_RANG_NOBODY = {AttemptOutcome.REFUSED.value, AttemptOutcome.LAPSED.value, AttemptOutcome.WITHDRAWN.value}

_REACHED_NOBODY = {
    AttemptOutcome.FAILED.value,
    AttemptOutcome.NO_ANSWER.value,
    AttemptOutcome.BUSY.value,
    AttemptOutcome.INVALID_NUMBER.value,
}


class BrokenRule(StrEnum):
    """What can be found. Stable ids."""

    ATTEMPT_RUNG_TWICE = "attempt_rung_twice"
    ATTEMPT_PLACED_TWICE = "attempt_placed_twice"
    CALL_NOBODY_KNOWS = "call_nobody_knows"
    CALL_OF_NO_CARRIER = "call_of_no_carrier"
    RING_DENIED = "ring_denied"
    ANSWER_DENIED = "answer_denied"
    LEAD_LOST = "lead_lost"
    LEAD_WITHOUT_OUTCOME = "lead_without_outcome"
    RUNG_OUTSIDE_HOURS = "rung_outside_hours"
    RUNG_ABOVE_CAP = "rung_above_cap"
    RUNG_WHILE_PAUSED = "rung_while_paused"
    RUNG_AFTER_CANCEL = "rung_after_cancel"
    RUNG_AFTER_OPT_OUT = "rung_after_opt_out"
    TALKED_AFTER_OPT_OUT = "talked_after_opt_out"
    VOICEMAIL_TWICE = "voicemail_twice"
    APPOINTMENT_WITHOUT_RECORD = "appointment_without_record"
    RECORD_WITHOUT_APPOINTMENT = "record_without_appointment"
    SLOT_GIVEN_TWICE = "slot_given_twice"
    OUTCOME_AND_BOOKING_DIFFER = "outcome_and_booking_differ"
    LINE_LEAKED = "line_leaked"
    WORKFLOW_DISAGREES = "workflow_disagrees"
    LIVE_CALL_DROPPED = "live_call_dropped"


TITLES: dict[BrokenRule, str] = {
    BrokenRule.ATTEMPT_RUNG_TWICE: "Attempts rung more than once",
    BrokenRule.ATTEMPT_PLACED_TWICE: "Attempts placed more than once",
    BrokenRule.CALL_NOBODY_KNOWS: "Calls of the carrier that no attempt knows",
    BrokenRule.CALL_OF_NO_CARRIER: "Attempts with a call that the carrier does not know",
    BrokenRule.RING_DENIED: "Rings recorded as never made",
    BrokenRule.ANSWER_DENIED: "Answered calls recorded as reaching nobody",
    BrokenRule.LEAD_LOST: "Uploaded leads that are gone",
    BrokenRule.LEAD_WITHOUT_OUTCOME: "Leads without exactly one final outcome",
    BrokenRule.RUNG_OUTSIDE_HOURS: "Rings outside the calling hours",
    BrokenRule.RUNG_ABOVE_CAP: "Rings above a cap",
    BrokenRule.RUNG_WHILE_PAUSED: "Rings while paused",
    BrokenRule.RUNG_AFTER_CANCEL: "Rings after a cancel",
    BrokenRule.RUNG_AFTER_OPT_OUT: "Rings after an opt-out",
    BrokenRule.TALKED_AFTER_OPT_OUT: "Answered and talked to after an opt-out",
    BrokenRule.VOICEMAIL_TWICE: "Leads with more than one voicemail",
    BrokenRule.APPOINTMENT_WITHOUT_RECORD: "Appointments without a confirmed record",
    BrokenRule.RECORD_WITHOUT_APPOINTMENT: "Confirmed records without an appointment",
    BrokenRule.SLOT_GIVEN_TWICE: "Slots given to two people",
    BrokenRule.OUTCOME_AND_BOOKING_DIFFER: "Lead's outcome and its booking differ",
    BrokenRule.LINE_LEAKED: "Lines leaked",
    BrokenRule.WORKFLOW_DISAGREES: "SQL and Temporal disagree",
    BrokenRule.LIVE_CALL_DROPPED: "Live calls dropped after a broken stream",
}

COUNTED = frozenset({BrokenRule.LIVE_CALL_DROPPED})
"""Told, and not held against the run."""


class Finding(BaseModel):
    """One broken promise. Ids only: no number, no name."""

    model_config = ConfigDict(frozen=True)

    rule: BrokenRule
    ids: tuple[str, ...]
    words: str = ""


class ScoreCard(BaseModel):
    """The verdict. `findings` are in the order of the rules."""

    model_config = ConfigDict(frozen=True)

    leads: int
    attempts: int
    calls: int
    rings: int
    conversations: int
    streams_broken: int
    unknown_attempts: int
    findings: tuple[Finding, ...]

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that fail the run."""
        return tuple(finding for finding in self.findings if finding.rule not in COUNTED)

    @property
    def passed(self) -> bool:
        return not self.violations

    def count(self, rule: BrokenRule) -> int:
        return sum(finding.rule is rule for finding in self.findings)


def judge(evidence: Evidence) -> ScoreCard:
    """Hold the evidence against every rule."""
    return ScoreCard(
        leads=len(evidence.leads),
        attempts=len(evidence.attempts),
        calls=len(evidence.calls),
        rings=sum(call.rang_at is not None for call in evidence.calls),
        conversations=sum(call.answered_at is not None for call in evidence.calls),
        streams_broken=sum(call.broken_streams for call in evidence.calls),
        unknown_attempts=sum(attempt.outcome == AttemptOutcome.UNKNOWN for attempt in evidence.attempts),
        findings=tuple(finding for check in _CHECKS for finding in check(evidence)),
    )


def _one_ring_for_each_attempt(evidence: Evidence) -> Iterator[Finding]:
    calls: defaultdict[str, list[CarrierCall]] = defaultdict(list)
    for call in evidence.calls:
        if call.attempt_id:
            calls[call.attempt_id].append(call)
    for attempt, its_calls in calls.items():
        sids = tuple(call.call_sid for call in its_calls)
        if len(its_calls) > 1:
            yield Finding(rule=BrokenRule.ATTEMPT_PLACED_TWICE, ids=(attempt, *sids))
        if sum(call.rang_at is not None for call in its_calls) > 1:
            yield Finding(rule=BrokenRule.ATTEMPT_RUNG_TWICE, ids=(attempt, *sids))


def _calls_and_attempts_know_each_other(evidence: Evidence) -> Iterator[Finding]:
    attempts = {attempt.id: attempt for attempt in evidence.attempts}
    by_sid = {attempt.call_sid: attempt for attempt in evidence.attempts if attempt.call_sid}
    sids = {call.call_sid for call in evidence.calls}
    for call in evidence.calls:
        attempt = by_sid.get(call.call_sid)
        named = attempts.get(call.attempt_id or "")
        if attempt is None or (call.attempt_id is not None and attempt is not named):
            yield Finding(
                rule=BrokenRule.CALL_NOBODY_KNOWS,
                ids=(call.call_sid, call.attempt_id or ""),
                words=f"attempt is {named.state}, {named.outcome}" if named else "there is no such attempt",
            )
        if named is not None and call.rang_at is not None and named.outcome in _RANG_NOBODY:
            yield Finding(rule=BrokenRule.RING_DENIED, ids=(call.call_sid, named.id), words=str(named.outcome))
        if named is not None and call.answered_at is not None and named.outcome in _REACHED_NOBODY:
            yield Finding(rule=BrokenRule.ANSWER_DENIED, ids=(call.call_sid, named.id), words=str(named.outcome))
    for attempt in evidence.attempts:
        if attempt.call_sid and attempt.call_sid not in sids:
            yield Finding(rule=BrokenRule.CALL_OF_NO_CARRIER, ids=(attempt.id, attempt.call_sid))


def _one_outcome_for_each_lead(evidence: Evidence) -> Iterator[Finding]:
    rows = Counter(lead.campaign_id for lead in evidence.leads)
    for campaign in evidence.campaigns:
        if rows[campaign.id] != campaign.uploaded:
            words = f"{campaign.uploaded} were uploaded, {rows[campaign.id]} are there"
            yield Finding(rule=BrokenRule.LEAD_LOST, ids=(campaign.id,), words=words)
    known = {outcome.value for outcome in LeadOutcome}
    for lead in evidence.leads:
        if lead.state != LeadState.FINAL or lead.outcome not in known or lead.final_at is None:
            words = f"{lead.state}, {lead.outcome}"
            yield Finding(rule=BrokenRule.LEAD_WITHOUT_OUTCOME, ids=(lead.id,), words=words)


def _rings_within_the_rules(evidence: Evidence) -> Iterator[Finding]:
    lead_of_number = {lead.phone: lead for lead in evidence.leads}
    lead_of_attempt = {attempt.id: attempt.lead_id for attempt in evidence.attempts}
    by_id = {lead.id: lead for lead in evidence.leads}
    campaigns = {campaign.id: campaign for campaign in evidence.campaigns}
    for call in evidence.calls:
        if call.rang_at is None:
            continue
        lead = by_id.get(lead_of_attempt.get(call.attempt_id or "", "")) or lead_of_number.get(call.number)
        campaign = campaigns.get(lead.campaign_id) if lead else None
        if lead is None or campaign is None:
            continue  # told as a call that nobody knows
        ids = (call.call_sid, lead.id)
        if not is_open(campaign.policy.calling_hours, call.rang_at, lead.zones):
            yield Finding(rule=BrokenRule.RUNG_OUTSIDE_HOURS, ids=ids, words=call.rang_at.isoformat())
        for stop in campaign.stops:
            if stop.at + SLACK < call.rang_at and (stop.until is None or call.rang_at < stop.until):
                paused = stop.kind is StopKind.PAUSED
                rule = BrokenRule.RUNG_WHILE_PAUSED if paused else BrokenRule.RUNG_AFTER_CANCEL
                yield Finding(rule=rule, ids=ids, words=_later(stop.at, call.rang_at))


def _rings_below_the_caps(evidence: Evidence) -> Iterator[Finding]:
    rings: defaultdict[str, list[datetime]] = defaultdict(list)
    for call in evidence.calls:
        if call.rang_at is not None:
            rings[call.number].append(call.rang_at)
    campaigns = {campaign.id: campaign for campaign in evidence.campaigns}
    for lead in evidence.leads:
        if (campaign := campaigns.get(lead.campaign_id)) is None:
            continue
        policy, moments = campaign.policy, sorted(rings[lead.phone])
        most = max((sum(first <= moment < first + _DAY for moment in moments) for first in moments), default=0)
        if most > policy.max_calls_per_day:
            yield Finding(rule=BrokenRule.RUNG_ABOVE_CAP, ids=(lead.id,), words=f"{most} rings in 24 hours")
        planned = policy.max_attempts + policy.max_network_retries + PROMISED_BEYOND_PLAN
        if len(moments) > planned:
            yield Finding(rule=BrokenRule.RUNG_ABOVE_CAP, ids=(lead.id,), words=f"{len(moments)} rings in all")


def _nobody_rung_after_an_opt_out(evidence: Evidence) -> Iterator[Finding]:
    since = {one.phone: one.created_at for one in evidence.suppressions}
    for call in evidence.calls:
        if (asked := call.asked_never_again_at) is not None:
            since[call.number] = min(asked, since.get(call.number, asked))
    for call in evidence.calls:
        asked = since.get(call.number)
        if call.rang_at is not None and asked is not None and call.rang_at > asked + SLACK:
            ids = (call.call_sid, call.attempt_id or "")
            yield Finding(rule=BrokenRule.RUNG_AFTER_OPT_OUT, ids=ids, words=_later(asked, call.rang_at))


def _nobody_talked_to_after_an_opt_out(evidence: Evidence) -> Iterator[Finding]:
    since = {one.phone: one.created_at for one in evidence.suppressions}
    for call in evidence.calls:
        asked = since.get(call.number)
        if asked and call.talked_at and call.answered_at and call.answered_at > asked + ANSWER_SLACK:
            ids = (call.call_sid, call.attempt_id or "")
            yield Finding(rule=BrokenRule.TALKED_AFTER_OPT_OUT, ids=ids, words=_later(asked, call.answered_at))


def _one_voicemail_for_each_lead(evidence: Evidence) -> Iterator[Finding]:
    left: defaultdict[str, list[str]] = defaultdict(list)
    for call in evidence.calls:
        left[call.number] += [call.call_sid] * len(call.messages)
    for lead in evidence.leads:
        if len(left[lead.phone]) > 1:
            yield Finding(rule=BrokenRule.VOICEMAIL_TWICE, ids=(lead.id, *left[lead.phone]))


def _calendars_and_records_agree(evidence: Evidence) -> Iterator[Finding]:
    confirmed = [booking for booking in evidence.bookings if booking.state == BookingState.CONFIRMED]
    holder: dict[str, BookingFact] = {}
    for booking in confirmed:
        entry = _entry_of(booking, evidence.calendar)
        if entry is None or entry.event in holder:
            yield Finding(rule=BrokenRule.RECORD_WITHOUT_APPOINTMENT, ids=(booking.id, booking.lead_id))
        else:
            holder[entry.event] = booking
    for entry in evidence.calendar:
        record = holder.get(entry.event)
        if record is None or record.starts_at != entry.starts_at:
            ids = (entry.event, entry.reference or "")
            yield Finding(rule=BrokenRule.APPOINTMENT_WITHOUT_RECORD, ids=ids)
    ordered = sorted(confirmed, key=lambda one: (one.calendar_ref, one.starts_at))
    for before, after in pairwise(ordered):
        if before.calendar_ref == after.calendar_ref and after.starts_at < before.ends_at:
            yield Finding(rule=BrokenRule.SLOT_GIVEN_TWICE, ids=(before.id, after.id))


def _entry_of(booking: BookingFact, calendar: Sequence[CalendarEntry]) -> CalendarEntry | None:
    """The appointment that the record names, or that names the record."""
    named = (entry for entry in calendar if entry.event == booking.external_id)
    naming = (entry for entry in calendar if booking.external_id is None and entry.reference == booking.id)
    return next(named, None) or next(naming, None)


def _outcomes_and_bookings_agree(evidence: Evidence) -> Iterator[Finding]:
    holders = Counter(one.lead_id for one in evidence.bookings if one.state == BookingState.CONFIRMED)
    for lead in evidence.leads:
        if holders[lead.id] != (lead.outcome == LeadOutcome.BOOKED):
            words = f"{lead.outcome} with {holders[lead.id]} appointments"
            yield Finding(rule=BrokenRule.OUTCOME_AND_BOOKING_DIFFER, ids=(lead.id,), words=words)


def _no_line_leaked(evidence: Evidence) -> Iterator[Finding]:
    for attempt in evidence.attempts:
        if attempt.state in OPEN_ATTEMPT_STATES:
            yield Finding(rule=BrokenRule.LINE_LEAKED, ids=(attempt.id,), words=attempt.state)
    for call in evidence.calls:
        if call.ended_at is None:
            yield Finding(rule=BrokenRule.LINE_LEAKED, ids=(call.call_sid,), words="the carrier's call goes on")


def _workflows_agree(evidence: Evidence) -> Iterator[Finding]:
    """A lead that was called has a workflow; it has completed if and only if the lead is final, with its outcome."""
    workflows = {workflow.lead_id: workflow for workflow in evidence.workflows}
    called = {attempt.lead_id for attempt in evidence.attempts}
    for lead in evidence.leads:
        workflow = workflows.get(lead.id)
        if workflow is None:
            if lead.id in called:
                yield Finding(rule=BrokenRule.WORKFLOW_DISAGREES, ids=(lead.id,), words="there is no workflow")
            continue
        is_final = lead.state == LeadState.FINAL
        expected = "completed" if is_final else "running"
        if workflow.status != expected:
            words = f"lead is {lead.state}, workflow is {workflow.status}"
            yield Finding(rule=BrokenRule.WORKFLOW_DISAGREES, ids=(lead.id,), words=words)
        elif is_final and workflow.outcome != lead.outcome:
            words = f"lead ended {lead.outcome}, workflow {workflow.outcome}"
            yield Finding(rule=BrokenRule.WORKFLOW_DISAGREES, ids=(lead.id,), words=words)


def _live_calls_survive(evidence: Evidence) -> Iterator[Finding]:
    """A call whose last stream broke and that was not ended by the callee then: nobody was there any more."""
    for call in evidence.calls:
        if call.broke_last_at is not None and call.ended_by != "the callee":
            ids = (call.call_sid, call.attempt_id or "")
            yield Finding(rule=BrokenRule.LIVE_CALL_DROPPED, ids=ids, words=f"ended by {call.ended_by or 'nobody'}")


def _later(first: datetime, then: datetime) -> str:
    return f"{(then - first).total_seconds():.1f} s later"


_CHECKS: tuple[Callable[[Evidence], Iterable[Finding]], ...] = (
    _one_ring_for_each_attempt,
    _calls_and_attempts_know_each_other,
    _one_outcome_for_each_lead,
    _rings_within_the_rules,
    _rings_below_the_caps,
    _nobody_rung_after_an_opt_out,
    _nobody_talked_to_after_an_opt_out,
    _one_voicemail_for_each_lead,
    _calendars_and_records_agree,
    _outcomes_and_bookings_agree,
    _no_line_leaked,
    _workflows_agree,
    _live_calls_survive,
)
