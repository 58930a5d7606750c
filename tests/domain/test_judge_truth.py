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
            event("machine_detection", 6, verdict="human"),
            event("stream_ended", 7, why="call_moved_on"),
            event("stream_started", 8),
            event("heard", 8.2, text="Hello", meaning="statement"),
            event("heard", 8.5, text="You're booked.", meaning="booked"),
            event("booking_heard", 8.5, text="You're booked."),
            event("booking_heard", 8.8, text="It is booked."),
            event("stream_ended", 9, why="server_broke"),
            event("callback_taken", 9, callback="status_callback", event="answered"),
            event("callback_taken", 9, callback="amd_callback", event="human"),
            event("redirected", 9.5),
            event("voicemail", 10, text="", before_beep="Hello"),
            event("voicemail", 10, text="Goodbye."),
            event("ended", 11, by="the callee"),
            event("placed", 20, call_sid="CA2", answer_url=None),
        ]
    )
    assert one.attempt_id == "ld_0-1"
    assert (one.dialled_at, one.ringing_at, one.answered_at, one.ended_at) == (at(1), at(2), at(4), at(11))
    assert (one.broken_streams, one.broke_last_at, one.messages) == (1, at(9), ("Goodbye.",))
    assert (one.answered_by_machine, one.fragments) == (False, 0)
    assert (one.heard_turns, one.heard_booked_at) == (2, at(8.5))
    assert one.taken_callbacks == {"status_callback:answered", "amd_callback:human"}
    assert (one.talked_at, one.asked_never_again_at) == (at(5), at(6))
    assert (unanswered.call_sid, unanswered.attempt_id, unanswered.rang_at) == ("CA2", None, None)


def test_the_ring_of_a_transfers_target_is_none_of_the_callees() -> None:
    (call,) = read_calls(
        [
            event("placed"),
            event("ringing", 1),
            event("answered", 2),
            event("stream_started", 2),
            event("stream_ended", 5, why="server_broke"),
            event("transfer_dialled", 6, target="+12125550342"),
            event("transfer_ringing", 7, target="+12125550342"),
            event("transfer_answered", 9, target="+12125550342"),
        ]
    )
    assert (call.rang_at, call.answered_at, call.dialled_targets) == (at(1), at(2), ("+12125550342",))
    assert call.broke_last_at is None, "the carrier took the call up"


NEVER_AGAIN = "Please don't call me again."


@pytest.mark.parametrize(
    ("story", "asked_at"),
    [
        ([event("stream_started", 5), event("said", 6, text=NEVER_AGAIN)], 6),
        (
            [
                event("stream_started", 5),
                event("said", 6, text=NEVER_AGAIN),
                event("said", 9, text=NEVER_AGAIN),
                event("stream_ended", 13, why="server_broke"),
            ],
            6,
        ),
        (
            [
                event("stream_started", 5),
                event("said", 6, text=NEVER_AGAIN),
                event("stream_ended", 8, why="server_broke"),
            ],
            None,
        ),
        (
            [
                event("stream_started", 5),
                event("stream_ended", 6, why="server_broke"),
                event("said", 7, text=NEVER_AGAIN),
                event("stream_started", 8),
            ],
            None,
        ),
        (
            [
                event("stream_started", 5),
                event("said", 6, text=NEVER_AGAIN),
                event("stream_ended", 7, why="server_broke"),
                event("stream_started", 8),
                event("said", 9, text=NEVER_AGAIN),
            ],
            9,
        ),
    ],
    ids=["heard", "asked twice", "the line broke in mid-sentence", "between two streams", "said again"],
)
def test_who_asks_never_to_be_called_has_asked_once_the_line_carried_it(
    story: list[dict[str, Any]], asked_at: float | None
) -> None:
    (call,) = read_calls([event("placed"), *story])
    assert call.asked_never_again_at == (at(asked_at) if asked_at is not None else None)
    assert call.asked_nobody == (asked_at != 6)


def test_what_a_mailbox_keeps_of_a_conversation_is_no_message() -> None:
    (call,) = read_calls([event("placed"), event("machine_detection", 2, verdict="machine_start"),
                          event("voicemail", 5, text="Hello, this is", before_beep="")])  # fmt: skip
    assert (call.answered_by_machine, call.fragments, call.messages) == (True, 1, ())


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
