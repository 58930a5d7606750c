"""The judge catches each broken promise, one at a time, and finds nothing where nothing is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.calling_hours import DAYS, DayHours, WeeklyHours
from cadenza.domain.judge import COUNTED, TITLES, BrokenRule, judge
from cadenza.domain.judge_facts import (
    AttemptFact,
    BookingFact,
    CalendarEntry,
    CampaignFact,
    CarrierCall,
    Evidence,
    LeadFact,
    Stop,
    StopKind,
    SuppressionFact,
    WorkflowFact,
    attempt_in,
    read_calendar,
    read_calls,
)
from cadenza.domain.outcomes import AttemptState, LeadOutcome
from cadenza.domain.policy import CampaignPolicy

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
POLICY = CampaignPolicy(calling_hours=WeeklyHours.always())


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def call(lead: int = 0, number: int = 1, seconds: float = 0, **more: Any) -> CarrierCall:
    """The n-th attempt's call, rung at `seconds` and answered."""
    facts: dict[str, Any] = {
        "call_sid": f"CA{lead}-{number}",
        "number": phone(lead),
        "attempt_id": f"ld_{lead}-{number}",
        "placed_at": at(seconds - 0.5),
        "dialled_at": at(seconds - 0.2),
        "ringing_at": at(seconds),
        "answered_at": at(seconds + 2),
        "ended_at": at(seconds + 30),
        "ended_by": "the callee",
    }
    return CarrierCall.model_validate({**facts, **more})


def phone(lead: int) -> str:
    return f"+121255501{lead:02d}"


def attempt(lead: int = 0, number: int = 1, **more: Any) -> AttemptFact:
    facts: dict[str, Any] = {
        "id": f"ld_{lead}-{number}",
        "lead_id": f"ld_{lead}",
        "campaign_id": "cp",
        "phone": phone(lead),
        "state": "ended",
        "outcome": "not_interested",
        "call_sid": f"CA{lead}-{number}",
    }
    return AttemptFact.model_validate({**facts, **more})


def lead(index: int = 0, **more: Any) -> LeadFact:
    facts: dict[str, Any] = {
        "id": f"ld_{index}",
        "campaign_id": "cp",
        "phone": phone(index),
        "zones": ("America/New_York",),
        "state": "final",
        "outcome": "not_interested",
        "final_at": at(40),
    }
    return LeadFact.model_validate({**facts, **more})


def booking(index: int = 0, **more: Any) -> BookingFact:
    facts: dict[str, Any] = {
        "id": f"bk_{index}",
        "lead_id": f"ld_{index}",
        "calendar_ref": "dana",
        "starts_at": at(90_000 + 3600 * index),
        "ends_at": at(90_000 + 3600 * index + 1800),
        "state": "confirmed",
        "external_id": f"event-{index}",
    }
    return BookingFact.model_validate({**facts, **more})


def entry(index: int = 0, **more: Any) -> CalendarEntry:
    facts: dict[str, Any] = {
        "event": f"event-{index}",
        "calendar": "dana",
        "starts_at": at(90_000 + 3600 * index),
        "reference": None,
    }
    return CalendarEntry.model_validate({**facts, **more})


def peaceful(count: int = 1, **more: Any) -> Evidence:
    """Each lead called once, and all three sides agree. `more` replaces whole lists."""
    everyone = range(count)
    facts: dict[str, Any] = {
        "calls": tuple(call(index) for index in everyone),
        "campaigns": (CampaignFact(id="cp", policy=POLICY, uploaded=count),),
        "leads": tuple(lead(index) for index in everyone),
        "attempts": tuple(attempt(index) for index in everyone),
        "workflows": tuple(workflow(index) for index in everyone),
    }
    return Evidence.model_validate({**facts, **more})


def workflow(index: int = 0, status: str = "completed", outcome: str | None = "not_interested") -> WorkflowFact:
    return WorkflowFact(lead_id=f"ld_{index}", status=status, outcome=outcome)


def campaign(*stops: Stop, **policy: Any) -> tuple[CampaignFact, ...]:
    return (CampaignFact(id="cp", policy=POLICY.model_copy(update=policy), uploaded=1, stops=stops),)


def booked(**more: Any) -> Evidence:
    facts: dict[str, Any] = {
        "leads": (lead(outcome="booked"),),
        "workflows": (workflow(outcome="booked"),),
        "bookings": (booking(),),
        "calendar": (entry(),),
    }
    return peaceful(**{**facts, **more})


def found(evidence: Evidence) -> set[BrokenRule]:
    return {finding.rule for finding in judge(evidence).findings}


MORNING_ONLY = WeeklyHours(**{day: DayHours.model_validate({"opens": "08:00", "closes": "09:00"}) for day in DAYS})
PAUSED = Stop(kind=StopKind.PAUSED, at=at(-10), until=at(60))
CANCELLED = Stop(kind=StopKind.CANCELLED, at=at(-10))
TWICE = (call(), call(call_sid="CA-again", seconds=3))

VIOLATIONS: list[tuple[str, BrokenRule, Callable[[], Evidence]]] = [
    ("the same attempt rings twice", BrokenRule.ATTEMPT_RUNG_TWICE, lambda: peaceful(calls=TWICE)),
    (
        "a POST was repeated, one call was called off",
        BrokenRule.ATTEMPT_PLACED_TWICE,
        lambda: peaceful(calls=(call(), call(call_sid="CA-again", ringing_at=None, answered_at=None))),
    ),
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
    ("three rings in a day, two allowed", BrokenRule.RUNG_ABOVE_CAP, lambda: _rings(3, max_calls_per_day=2)),
    ("more rings than were planned", BrokenRule.RUNG_ABOVE_CAP, lambda: _rings(8, apart=20 * 3600)),
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


def _rings(count: int, *, apart: float = 60, **policy: Any) -> Evidence:
    return peaceful(
        campaigns=campaign(**policy),
        calls=tuple(call(number=number, seconds=apart * number) for number in range(1, count + 1)),
        attempts=tuple(attempt(number=number) for number in range(1, count + 1)),
    )


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    for evidence in (peaceful(), peaceful(5), booked(), Evidence()):
        card = judge(evidence)
        assert card.passed, card.findings
        assert not card.findings


@pytest.mark.parametrize(("story", "rule", "evidence"), VIOLATIONS, ids=[story for story, _, _ in VIOLATIONS])
def test_each_broken_promise_is_caught(story: str, rule: BrokenRule, evidence: Callable[[], Evidence]) -> None:
    card = judge(evidence())
    assert card.count(rule) == 1, card.findings
    assert card.passed == (rule in COUNTED)


@pytest.mark.parametrize("state", [state for state in AttemptState if state not in {"ended", "refused", "lapsed"}])
def test_an_attempt_that_is_still_open_is_a_leaked_line(state: AttemptState) -> None:
    assert found(peaceful(attempts=(attempt(state=state.value),))) == {BrokenRule.LINE_LEAKED}


def test_every_rule_has_a_title_and_a_story_that_breaks_it() -> None:
    assert set(TITLES) == set(BrokenRule)
    assert {rule for _, rule, _ in VIOLATIONS} == set(BrokenRule)


def test_a_ring_within_two_seconds_of_a_stop_or_after_its_end_is_allowed() -> None:
    just_stopped = Stop(kind=StopKind.PAUSED, at=at(-1.9), until=at(60))
    resumed = Stop(kind=StopKind.PAUSED, at=at(-60), until=at(-1))
    fresh_opt_out = (SuppressionFact(phone=phone(0), created_at=at(-1.9)),)
    assert not found(peaceful(campaigns=campaign(just_stopped, resumed), suppressions=fresh_opt_out))


def test_who_opts_out_while_it_rings_may_answer_if_nobody_talks_to_him() -> None:
    opted_out = (SuppressionFact(phone=phone(0), created_at=at(1)),)
    assert not found(peaceful(calls=(call(),), suppressions=opted_out))


def test_a_callee_who_hangs_up_on_a_broken_stream_was_not_dropped_by_us() -> None:
    assert not found(peaceful(calls=(call(broken_streams=1, broke_last_at=at(9)),)))


def test_findings_carry_ids_and_never_a_number() -> None:
    for _, _, evidence in VIOLATIONS:
        for finding in judge(evidence()).findings:
            assert finding.ids
            assert "+1212" not in finding.model_dump_json()


@given(
    leads=st.integers(min_value=1, max_value=12),
    broken=st.sets(st.integers(min_value=0, max_value=11)),
    order=st.randoms(use_true_random=False),
)
def test_as_many_double_rings_are_found_as_there_are_whatever_their_order(
    leads: int, broken: set[int], order: Any
) -> None:
    broken = {index for index in broken if index < leads}
    evidence = peaceful(leads)
    calls = [*evidence.calls, *(call(index, call_sid=f"CA{index}-again", seconds=5) for index in broken)]
    order.shuffle(calls)
    card = judge(evidence.model_copy(update={"calls": tuple(calls)}))
    rung_twice = {finding.ids[0] for finding in card.findings if finding.rule is BrokenRule.ATTEMPT_RUNG_TWICE}
    assert rung_twice == {f"ld_{index}-1" for index in broken}
    assert card.passed == (not broken)


@given(outcome=st.sampled_from([one for one in LeadOutcome if one is not LeadOutcome.BOOKED]))
def test_any_outcome_on_which_both_sides_agree_is_fine(outcome: LeadOutcome) -> None:
    assert not found(peaceful(leads=(lead(outcome=outcome.value),), workflows=(workflow(outcome=outcome.value),)))


def event(kind: str, seconds: float = 0, **facts: Any) -> dict[str, Any]:
    return {"kind": kind, "at": at(seconds).isoformat(), "call_sid": "CA1", "to": phone(0), **facts}


def test_the_carriers_log_is_read_as_calls() -> None:
    one, unanswered = read_calls(
        [
            event("world_started"),
            event("placed", answer_url="http://here/webhooks/twilio/answer?attempt=ld_0-1#rc=3"),
            event("dialled", 1),
            event("ringing", 2),
            event("answered", 4),
            event("stream_started", 5),
            event("said", 6, text="Please take me off your list and don't call me again."),
            event("stream_ended", 7, why="server_broke"),
            event("stream_started", 8),
            event("stream_ended", 9, why="server_broke"),
            event("voicemail", 10, text="", before_beep="Hello"),
            event("voicemail", 10, text="Goodbye."),
            event("ended", 11, by="the callee"),
            event("placed", 20, call_sid="CA2", answer_url=None),
        ]
    )
    assert one.attempt_id == "ld_0-1"
    assert (one.dialled_at, one.ringing_at, one.answered_at, one.ended_at) == (at(1), at(2), at(4), at(11))
    assert (one.broken_streams, one.broke_last_at, one.messages) == (2, at(9), ("Goodbye.",))
    assert (one.talked_at, one.asked_never_again_at) == (at(5), at(6))
    assert (unanswered.call_sid, unanswered.attempt_id, unanswered.rang_at) == ("CA2", None, None)


def test_a_cancelled_appointment_is_in_no_calendar() -> None:
    made = {"event": "e1", "calendar": "dana", "starts_at": at(9).isoformat(), "reference": "bk_0"}
    kept = made | {"event": "e2"}
    calendar = read_calendar(
        [event("booking_made", **made), event("booking_made", **kept), event("booking_cancelled", **made)]
    )
    assert [one.event for one in calendar] == ["e2"]


@pytest.mark.parametrize(
    ("address", "attempt_id"),
    [("http://here/answer?attempt=ld_1-2", "ld_1-2"), ("http://here/answer", None), ("", None)],
)
def test_the_attempt_is_read_from_the_answer_address(address: str, attempt_id: str | None) -> None:
    assert attempt_in(address) == attempt_id
