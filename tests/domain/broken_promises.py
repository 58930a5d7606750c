"""Every promise broken once: the story, the rule that must find it, and the evidence."""

from collections.abc import Callable

from cadenza.domain.calling_hours import DAYS, DayHours, WeeklyHours
from cadenza.domain.judge_facts import Evidence, Stop, StopKind, StoredWebhook, SuppressionFact, SweptFact, TransferFact
from cadenza.domain.judge_rules import BrokenRule
from tests.domain.judged_world import (
    at,
    attempt,
    booked,
    booking,
    call,
    campaign,
    entry,
    lead,
    peaceful,
    phone,
    recording,
    refusal,
    rings,
    two_campaigns,
    workflow,
)

MORNING_IN_NEW_YORK = WeeklyHours(
    **{day: DayHours.model_validate({"opens": "09:00", "closes": "12:00"}) for day in DAYS}
)
MORNING_ONLY = WeeklyHours(**{day: DayHours.model_validate({"opens": "08:00", "closes": "09:00"}) for day in DAYS})
PAUSED = Stop(kind=StopKind.PAUSED, at=at(-10), until=at(60))
CANCELLED = Stop(kind=StopKind.CANCELLED, at=at(-10))
TARGET = "+12125550342"
TRANSFER = TransferFact(attempt_id="ld_0-1", phone=TARGET, dialled_at=at(20))
TWICE = (call(), call(call_sid="CA-again", seconds=3))

VIOLATIONS: list[tuple[str, BrokenRule, Callable[[], Evidence]]] = [
    ("the same attempt rings twice", BrokenRule.ATTEMPT_RUNG_TWICE, lambda: peaceful(calls=TWICE)),
    (
        "a POST was repeated, one call was called off",
        BrokenRule.ATTEMPT_PLACED_TWICE,
        lambda: peaceful(calls=(call(), call(call_sid="CA-again", ringing_at=None, answered_at=None))),
    ),
    (
        "a person whom the callee was connected to is rung twice",
        BrokenRule.TARGET_DIALLED_TWICE,
        lambda: peaceful(calls=(call(dialled_targets=(TARGET, TARGET)),), transfers=(TRANSFER,)),
    ),
    (
        "another campaign rings the number in mid-call",
        BrokenRule.TWO_CALLS_AT_ONCE,
        lambda: peaceful(2, calls=(call(), call(1, seconds=5, number_called=phone(0)))),
    ),
    (
        "it was claimed when its lease was over",
        BrokenRule.PLACED_AFTER_LEASE,
        lambda: peaceful(calls=(call(seconds=7),), attempts=(attempt(submitted_at=at(6)),)),
    ),
    (
        "it was placed and never claimed",
        BrokenRule.PLACED_AFTER_LEASE,
        lambda: peaceful(calls=(call(seconds=7),), attempts=(attempt(submitted_at=None),)),
    ),
    (
        "the process was frozen between the claim and the request",
        BrokenRule.SENT_AFTER_LEASE,
        lambda: peaceful(calls=(call(seconds=9),), attempts=(attempt(submitted_at=at(4)),)),
    ),
    (
        "it waited in the carrier's queue",
        BrokenRule.QUEUED_AT_CARRIER,
        lambda: peaceful(calls=(call(placed_at=at(-6)),)),
    ),
    ("two calls on one line", BrokenRule.ABOVE_LINES, lambda: peaceful(2, lines=1)),
    ("no attempt knows the call", BrokenRule.CALL_NOBODY_KNOWS, lambda: peaceful(attempts=(attempt(call_sid=None),))),
    (
        "the call is bound to the wrong attempt",
        BrokenRule.CALL_NOBODY_KNOWS,
        lambda: peaceful(calls=(call(attempt_id="ld_0-2"),), attempts=(attempt(), attempt(number=2, call_sid=None))),
    ),
    ("the carrier knows no such call", BrokenRule.CALL_OF_NO_CARRIER, lambda: peaceful(calls=())),
    ("a ring is denied", BrokenRule.RING_DENIED, lambda: peaceful(attempts=(attempt(outcome="lapsed"),))),
    (
        "an answered call is recorded as none",
        BrokenRule.ANSWER_DENIED,
        lambda: peaceful(attempts=(attempt(outcome="failed"),)),
    ),
    (
        "a row vanished",
        BrokenRule.LEAD_LOST,
        lambda: peaceful(campaigns=(campaign()[0].model_copy(update={"uploaded": 2}),)),
    ),
    (
        "a lead is still waiting",
        BrokenRule.LEAD_WITHOUT_OUTCOME,
        lambda: peaceful(
            leads=(lead(state="waiting", outcome=None, final_at=None),), workflows=(workflow(status="running"),)
        ),
    ),
    ("final without an outcome", BrokenRule.LEAD_WITHOUT_OUTCOME, lambda: peaceful(leads=(lead(outcome=None),))),
    (
        "it is ten in the morning",
        BrokenRule.RUNG_OUTSIDE_HOURS,
        lambda: peaceful(campaigns=campaign(calling_hours=MORNING_ONLY)),
    ),
    ("three rings in a day, two allowed", BrokenRule.RUNG_ABOVE_CAP, lambda: rings(3, max_calls_per_day=2)),
    ("more rings than were planned", BrokenRule.RUNG_ABOVE_CAP, lambda: rings(8, apart=20 * 3600)),
    (
        "it is ten in the morning in one of its zones",
        BrokenRule.RUNG_OUTSIDE_HOURS,
        lambda: peaceful(
            leads=(lead(zones=("America/New_York", "America/Los_Angeles")),),
            campaigns=campaign(calling_hours=MORNING_IN_NEW_YORK),
        ),
    ),
    (
        "two campaigns rang one number, and the second may not",
        BrokenRule.RUNG_ABOVE_CAP,
        lambda: two_campaigns(first_cap=3, second_cap=1),
    ),
    (
        "only the sweeper got it going again",
        BrokenRule.LEAD_STUCK,
        lambda: peaceful(swept=(SweptFact(kind="overslept", lead_id="ld_0"),)),
    ),
    ("rung though it had its outcome", BrokenRule.RUNG_AFTER_OUTCOME, lambda: peaceful(leads=(lead(final_at=at(-3)),))),
    (
        "the gate before the request had said no",
        BrokenRule.RUNG_DESPITE_REFUSAL,
        lambda: peaceful(refusals=refusal("before_post")),
    ),
    (
        "the last gate had said no",
        BrokenRule.TALKED_DESPITE_REFUSAL,
        lambda: peaceful(calls=(call(talked_at=at(2.2)),), refusals=refusal("answer")),
    ),
    ("rung while paused", BrokenRule.RUNG_WHILE_PAUSED, lambda: peaceful(campaigns=campaign(PAUSED))),
    ("rung after the cancel", BrokenRule.RUNG_AFTER_CANCEL, lambda: peaceful(campaigns=campaign(CANCELLED))),
    (
        "the number was suppressed",
        BrokenRule.RUNG_AFTER_OPT_OUT,
        lambda: peaceful(suppressions=(SuppressionFact(phone=phone(0), created_at=at(-3)),)),
    ),
    (
        "the person asked and was not heard",
        BrokenRule.RUNG_AFTER_OPT_OUT,
        lambda: peaceful(
            calls=(call(asked_never_again_at=at(5)), call(number=2, seconds=60)),
            attempts=(attempt(), attempt(number=2)),
        ),
    ),
    (
        "opted out while it rang, and was talked to",
        BrokenRule.TALKED_AFTER_OPT_OUT,
        lambda: peaceful(
            calls=(call(talked_at=at(2.2)),), suppressions=(SuppressionFact(phone=phone(0), created_at=at(1)),)
        ),
    ),
    (
        "two messages in two calls",
        BrokenRule.VOICEMAIL_TWICE,
        lambda: peaceful(
            calls=(call(messages=("Hello",)), call(number=2, seconds=60, messages=("Hello again",))),
            attempts=(attempt(), attempt(number=2)),
        ),
    ),
    ("two messages in one call", BrokenRule.VOICEMAIL_TWICE, lambda: peaceful(calls=(call(messages=("a", "b")),))),
    ("nobody wrote it down", BrokenRule.APPOINTMENT_WITHOUT_RECORD, lambda: booked(bookings=())),
    ("it was only held", BrokenRule.APPOINTMENT_WITHOUT_RECORD, lambda: booked(bookings=(booking(state="held"),))),
    (
        "it is there twice",
        BrokenRule.APPOINTMENT_WITHOUT_RECORD,
        lambda: booked(calendar=(entry(), entry(event="event-b"))),
    ),
    (
        "it is at another time",
        BrokenRule.APPOINTMENT_WITHOUT_RECORD,
        lambda: booked(calendar=(entry(starts_at=at(0)),)),
    ),
    ("it is in no calendar", BrokenRule.RECORD_WITHOUT_APPOINTMENT, lambda: booked(calendar=())),
    (
        "one slot for two people",
        BrokenRule.SLOT_GIVEN_TWICE,
        lambda: booked(bookings=(booking(), booking(1, starts_at=booking().starts_at))),
    ),
    ("booked without a booking", BrokenRule.OUTCOME_AND_BOOKING_DIFFER, lambda: booked(bookings=(), calendar=())),
    ("a booking, but another outcome", BrokenRule.OUTCOME_AND_BOOKING_DIFFER, lambda: booked(leads=(lead(),))),
    (
        "two bookings",
        BrokenRule.OUTCOME_AND_BOOKING_DIFFER,
        lambda: booked(bookings=(booking(), booking(1, lead_id="ld_0"))),
    ),
    (
        "told of an appointment that there is not",
        BrokenRule.BOOKED_IN_WORDS_ONLY,
        lambda: peaceful(calls=(call(heard_booked_at=at(20)),)),
    ),
    (
        "told before the calendar had said so",
        BrokenRule.BOOKED_IN_WORDS_ONLY,
        lambda: booked(calls=(call(heard_booked_at=at(19)),)),
    ),
    *(
        (
            f"the word {word} is nowhere",
            BrokenRule.WEBHOOK_LOST,
            lambda changes=changes: peaceful(attempts=(attempt(**changes),)),  # type: ignore[misc]
        )
        for word, changes in {
            "ringing": {"ringing_at": None},
            "answered": {"answered_at": None},
            "completed": {"carrier_status": "in-progress"},
            "human": {"answered_by": None},
        }.items()
    ),
    ("the recording was never fetched", BrokenRule.WEBHOOK_LOST, lambda: peaceful(recordings=(recording(path=None),))),
    ("the recording is not known", BrokenRule.WEBHOOK_LOST, lambda: peaceful(recordings=())),
    (
        "a webhook still waits",
        BrokenRule.WEBHOOK_UNDELIVERED,
        lambda: peaceful(webhooks=(StoredWebhook(id=1, attempt_id="ld_0-1", kind="status", delivered_at=None),)),
    ),
    (
        "they talked, and nothing was written down",
        BrokenRule.TRANSCRIPT_MISSING,
        lambda: peaceful(calls=(call(heard_turns=3),), attempts=(attempt(turns=0),)),
    ),
    ("the carrier's call never ended", BrokenRule.LINE_LEAKED, lambda: peaceful(calls=(call(ended_at=None),))),
    (
        "the workflow still runs",
        BrokenRule.WORKFLOW_DISAGREES,
        lambda: peaceful(workflows=(workflow(status="running"),)),
    ),
    ("the workflow failed", BrokenRule.WORKFLOW_DISAGREES, lambda: peaceful(workflows=(workflow(status="failed"),))),
    (
        "it shows another outcome",
        BrokenRule.WORKFLOW_DISAGREES,
        lambda: peaceful(workflows=(workflow(outcome="busy"),)),
    ),
    ("there is no workflow", BrokenRule.WORKFLOW_DISAGREES, lambda: peaceful(workflows=())),
    (
        "the workflow ended before the lead",
        BrokenRule.WORKFLOW_DISAGREES,
        lambda: peaceful(leads=(lead(state="waiting", outcome=None),)),
    ),
    (
        "the stream broke and nobody came back",
        BrokenRule.LIVE_CALL_DROPPED,
        lambda: peaceful(calls=(call(broken_streams=1, broke_last_at=at(9), ended_by="the document ended"),)),
    ),
]
