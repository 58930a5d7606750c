"""The carrier's log is read as calls and appointments, whatever else is in it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cadenza.domain.judge_truth import attempt_in, read_calendar, read_calls

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NUMBER = "+12125550100"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def event(kind: str, seconds: float = 0, **facts: Any) -> dict[str, Any]:
    return {"kind": kind, "at": at(seconds).isoformat(), "call_sid": "CA1", "to": NUMBER, **facts}


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
            event("heard", 8.2, text="Hello", meaning="statement"),
            event("heard", 8.5, text="You're booked.", meaning="booked"),
            event("booking_heard", 8.5, text="You're booked."),
            event("booking_heard", 8.8, text="It is booked."),
            event("stream_ended", 9, why="server_broke"),
            event("callback_taken", 9, callback="status_callback", event="answered"),
            event("callback_taken", 9, callback="amd_callback", event="human"),
            event("voicemail", 10, text="", before_beep="Hello"),
            event("voicemail", 10, text="Goodbye."),
            event("ended", 11, by="the callee"),
            event("placed", 20, call_sid="CA2", answer_url=None),
        ]
    )
    assert one.attempt_id == "ld_0-1"
    assert (one.dialled_at, one.ringing_at, one.answered_at, one.ended_at) == (at(1), at(2), at(4), at(11))
    assert (one.broken_streams, one.broke_last_at, one.messages) == (2, at(9), ("Goodbye.",))
    assert (one.heard_turns, one.heard_booked_at) == (2, at(8.5))
    assert one.taken_callbacks == {"status_callback:answered", "amd_callback:human"}
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
