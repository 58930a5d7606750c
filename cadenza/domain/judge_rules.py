"""What the judge may find, in words and with stable ids."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class BrokenRule(StrEnum):
    """What can be found. Stable ids."""

    ATTEMPT_RUNG_TWICE = "attempt_rung_twice"
    ATTEMPT_PLACED_TWICE = "attempt_placed_twice"
    TWO_CALLS_AT_ONCE = "two_calls_at_once"
    PLACED_AFTER_LEASE = "placed_after_lease"
    CALL_NOBODY_KNOWS = "call_nobody_knows"
    CALL_OF_NO_CARRIER = "call_of_no_carrier"
    RING_DENIED = "ring_denied"
    ANSWER_DENIED = "answer_denied"
    LEAD_LOST = "lead_lost"
    LEAD_WITHOUT_OUTCOME = "lead_without_outcome"
    LEAD_STUCK = "lead_stuck"
    RUNG_AFTER_OUTCOME = "rung_after_outcome"
    RUNG_OUTSIDE_HOURS = "rung_outside_hours"
    RUNG_ABOVE_CAP = "rung_above_cap"
    RUNG_WHILE_PAUSED = "rung_while_paused"
    RUNG_AFTER_CANCEL = "rung_after_cancel"
    RUNG_AFTER_OPT_OUT = "rung_after_opt_out"
    RUNG_DESPITE_REFUSAL = "rung_despite_refusal"
    TALKED_AFTER_OPT_OUT = "talked_after_opt_out"
    TALKED_DESPITE_REFUSAL = "talked_despite_refusal"
    QUEUED_AT_CARRIER = "queued_at_carrier"
    ABOVE_LINES = "above_lines"
    LINE_LEAKED = "line_leaked"
    VOICEMAIL_TWICE = "voicemail_twice"
    APPOINTMENT_WITHOUT_RECORD = "appointment_without_record"
    RECORD_WITHOUT_APPOINTMENT = "record_without_appointment"
    BOOKED_IN_WORDS_ONLY = "booked_in_words_only"
    SLOT_GIVEN_TWICE = "slot_given_twice"
    OUTCOME_AND_BOOKING_DIFFER = "outcome_and_booking_differ"
    WEBHOOK_LOST = "webhook_lost"
    WEBHOOK_UNDELIVERED = "webhook_undelivered"
    TRANSCRIPT_MISSING = "transcript_missing"
    WORKFLOW_DISAGREES = "workflow_disagrees"
    LIVE_CALL_DROPPED = "live_call_dropped"
    SENT_AFTER_LEASE = "sent_after_lease"
    TARGET_DIALLED_TWICE = "target_dialled_twice"


TITLES: dict[BrokenRule, str] = {
    BrokenRule.ATTEMPT_RUNG_TWICE: "Attempts rung more than once",
    BrokenRule.ATTEMPT_PLACED_TWICE: "Attempts placed more than once",
    BrokenRule.TWO_CALLS_AT_ONCE: "Numbers with two calls at the same time",
    BrokenRule.PLACED_AFTER_LEASE: "Calls claimed after their lease",
    BrokenRule.CALL_NOBODY_KNOWS: "Calls of the carrier that no attempt knows",
    BrokenRule.CALL_OF_NO_CARRIER: "Attempts with a call that the carrier does not know",
    BrokenRule.RING_DENIED: "Rings recorded as never made",
    BrokenRule.ANSWER_DENIED: "Answered calls recorded as reaching nobody",
    BrokenRule.LEAD_LOST: "Uploaded leads that are gone",
    BrokenRule.LEAD_WITHOUT_OUTCOME: "Leads without exactly one final outcome",
    BrokenRule.LEAD_STUCK: "Stuck leads that only the sweeper freed",
    BrokenRule.RUNG_AFTER_OUTCOME: "Leads rung after their final outcome",
    BrokenRule.RUNG_OUTSIDE_HOURS: "Rings outside the calling hours",
    BrokenRule.RUNG_ABOVE_CAP: "Rings above a cap",
    BrokenRule.RUNG_WHILE_PAUSED: "Rings while paused",
    BrokenRule.RUNG_AFTER_CANCEL: "Rings after a cancel",
    BrokenRule.RUNG_AFTER_OPT_OUT: "Rings after an opt-out",
    BrokenRule.RUNG_DESPITE_REFUSAL: "Rings of attempts that a gate had refused",
    BrokenRule.TALKED_AFTER_OPT_OUT: "Answered and talked to after an opt-out",
    BrokenRule.TALKED_DESPITE_REFUSAL: "Answered and talked to though the last gate refused",
    BrokenRule.QUEUED_AT_CARRIER: "Calls that waited long in the carrier's queue",
    BrokenRule.ABOVE_LINES: "Calls above the account's lines",
    BrokenRule.LINE_LEAKED: "Lines leaked",
    BrokenRule.VOICEMAIL_TWICE: "Leads with more than one voicemail",
    BrokenRule.APPOINTMENT_WITHOUT_RECORD: "Appointments without a confirmed record",
    BrokenRule.RECORD_WITHOUT_APPOINTMENT: "Confirmed records without an appointment",
    BrokenRule.BOOKED_IN_WORDS_ONLY: "Told of an appointment that was not confirmed",
    BrokenRule.SLOT_GIVEN_TWICE: "Slots given to two people",
    BrokenRule.OUTCOME_AND_BOOKING_DIFFER: "Lead's outcome and its booking differ",
    BrokenRule.WEBHOOK_LOST: "Webhooks taken from the carrier and then lost",
    BrokenRule.WEBHOOK_UNDELIVERED: "Webhooks stored and never delivered",
    BrokenRule.TRANSCRIPT_MISSING: "Finished conversations without a transcript",
    BrokenRule.WORKFLOW_DISAGREES: "SQL and Temporal disagree",
    BrokenRule.LIVE_CALL_DROPPED: "Live calls dropped after a broken stream",
    BrokenRule.TARGET_DIALLED_TWICE: "Transfer targets dialled more often than a callee was to be connected",
    BrokenRule.SENT_AFTER_LEASE: "Requests sent after the lease under which they were claimed",
}

COUNTED = frozenset({BrokenRule.LIVE_CALL_DROPPED, BrokenRule.SENT_AFTER_LEASE})
"""Told, and not held against the run."""


class Finding(BaseModel):
    """One broken promise. Ids only: no number, no name."""

    model_config = ConfigDict(frozen=True)

    rule: BrokenRule
    ids: tuple[str, ...]
    words: str = ""


def later(first: datetime, then: datetime) -> str:
    """How much later, for a finding's words."""
    return f"{(then - first).total_seconds():.1f} s later"
