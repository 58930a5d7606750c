"""The judge's rules about what is left afterwards: outcomes, messages, appointments, webhooks, workflows. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from cadenza.domain.judge_facts import AttemptFact, BookingFact, CalendarEntry, Evidence
from cadenza.domain.judge_rules import BrokenRule, Finding
from cadenza.domain.outcomes import BookingState, CallStatus, LeadOutcome, LeadState

TOLD = timedelta(seconds=0.5)
"""The carrier's clock and the database's are one machine's here; the word follows the confirmation."""
_TERMINAL = {status.value for status in CallStatus if status.is_terminal}


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


def _no_lead_was_stuck(evidence: Evidence) -> Iterator[Finding]:
    for one in evidence.swept:
        yield Finding(rule=BrokenRule.LEAD_STUCK, ids=(one.lead_id,), words=one.kind)


def _one_voicemail_for_each_lead(evidence: Evidence) -> Iterator[Finding]:
    left: defaultdict[str, list[str]] = defaultdict(list)
    for call in evidence.calls:
        if (lead := evidence.lead_of(call)) is not None:
            left[lead.id] += [call.call_sid] * len(call.messages)
    for lead_id, sids in left.items():
        if len(sids) > 1:
            yield Finding(rule=BrokenRule.VOICEMAIL_TWICE, ids=(lead_id, *sids))


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


def _booked_is_said_only_when_it_is_so(evidence: Evidence) -> Iterator[Finding]:
    confirmed = {one.lead_id: one.confirmed_at for one in evidence.bookings if one.confirmed_at is not None}
    for call in evidence.calls:
        if call.heard_booked_at is None:
            continue
        lead = evidence.lead_of(call)
        at = confirmed.get(lead.id) if lead else None
        if at is None or at > call.heard_booked_at + TOLD:
            ids = (call.call_sid, lead.id if lead else "")
            yield Finding(rule=BrokenRule.BOOKED_IN_WORDS_ONLY, ids=ids, words="later" if at else "never")


def _what_was_taken_is_kept(evidence: Evidence) -> Iterator[Finding]:
    """The carrier does not repeat what was answered with a 2xx: from then on it is ours to keep."""
    fetched = {recording.attempt_id for recording in evidence.recordings if recording.path}
    for call in evidence.calls:
        attempt = evidence.attempt_of(call)
        if attempt is None or attempt.call_sid != call.call_sid:
            continue  # told as a call that nobody knows
        for callback in sorted(call.taken_callbacks):
            if not _shows(callback, attempt, has_recording=attempt.id in fetched):
                yield Finding(rule=BrokenRule.WEBHOOK_LOST, ids=(call.call_sid, attempt.id), words=callback)


def _shows(callback: str, attempt: AttemptFact, *, has_recording: bool) -> bool:
    """Whether the records hold what the callback said."""
    match callback.split(":"):
        case ["status_callback", "ringing"]:
            return attempt.ringing_at is not None
        case ["status_callback", "answered"]:
            return attempt.answered_at is not None
        case ["status_callback", "completed"]:
            return attempt.carrier_status in _TERMINAL
        case ["amd_callback", _]:
            return attempt.answered_by is not None
        case ["recording_callback", "completed"]:
            return has_recording
    return True  # `initiated` says nothing that is kept


def _what_is_stored_is_delivered(evidence: Evidence) -> Iterator[Finding]:
    for webhook in evidence.webhooks:
        if webhook.delivered_at is None:
            ids = (str(webhook.id), webhook.attempt_id)
            yield Finding(rule=BrokenRule.WEBHOOK_UNDELIVERED, ids=ids, words=webhook.kind)


def _finished_talks_have_a_transcript(evidence: Evidence) -> Iterator[Finding]:
    """Where the bridge had the last word and the callee heard us, the journal has rows."""
    for call in evidence.calls:
        attempt = evidence.attempt_of(call)
        if attempt and attempt.conversation_outcome and call.heard_turns and not attempt.turns:
            yield Finding(rule=BrokenRule.TRANSCRIPT_MISSING, ids=(call.call_sid, attempt.id))


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


CHECKS = (
    _one_outcome_for_each_lead,
    _no_lead_was_stuck,
    _one_voicemail_for_each_lead,
    _calendars_and_records_agree,
    _outcomes_and_bookings_agree,
    _booked_is_said_only_when_it_is_so,
    _what_was_taken_is_kept,
    _what_is_stored_is_delivered,
    _finished_talks_have_a_transcript,
    _workflows_agree,
)
