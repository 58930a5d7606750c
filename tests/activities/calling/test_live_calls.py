"""A call that is under way: asked about, called off, ended, and given the message, once for each lead."""

import json

import pytest

from activities.call_models import AttemptRef, DropResult, EndCall, RescueResult
from cadenza.domain.messages import RescueInput, StopRecordingInput
from cadenza.domain.outcomes import AttemptState, CallStatus
from rehearsal.twilio.server import TwilioEmulator
from tests.activities.calling.conftest import Desk
from tests.rehearsal.twilio.conftest import System, eventually

pytestmark = [pytest.mark.servers, pytest.mark.waits(40)]

HOLD_THE_LINE = '<Response><Pause length="30"/></Response>'


async def on_the_line(desk: Desk, system: System, ending: str = "36", **policy: object) -> str:
    system.twiml = HOLD_THE_LINE
    attempt = await desk.reserve(ending, **policy)
    await desk.calling.place_call(AttemptRef(attempt_id=attempt))
    await eventually(lambda: system.of("/webhooks/twilio/answer"))
    return attempt


async def test_the_carrier_says_how_a_call_stands(desk: Desk, system: System) -> None:
    attempt = await on_the_line(desk, system)
    word = await desk.calling.fetch_call(AttemptRef(attempt_id=attempt))
    assert word.status is CallStatus.IN_PROGRESS


async def test_a_live_call_is_ended_and_ending_it_again_is_fine(desk: Desk, system: System) -> None:
    attempt = await on_the_line(desk, system)
    await desk.calling.hang_up(EndCall(attempt_id=attempt))
    await eventually(lambda: desk.calls[0].status.ended)
    again = await desk.calling.hang_up(EndCall(attempt_id=attempt))
    assert again.status is CallStatus.COMPLETED


async def test_an_answered_call_is_not_called_off(desk: Desk, system: System) -> None:
    attempt = await on_the_line(desk, system)
    word = await desk.calling.hang_up(EndCall(attempt_id=attempt, only_before_answer=True))
    assert word.status is CallStatus.IN_PROGRESS


async def test_a_ringing_call_is_called_off(desk: Desk, system: System) -> None:
    attempt = await desk.reserve("48")
    await desk.calling.place_call(AttemptRef(attempt_id=attempt))
    word = await desk.calling.hang_up(EndCall(attempt_id=attempt, only_before_answer=True))
    assert word.status is CallStatus.CANCELED


async def test_a_call_known_to_ring_is_left_alone_unless_its_number_was_suppressed(desk: Desk) -> None:
    attempt = await desk.reserve("48")
    await desk.calling.place_call(AttemptRef(attempt_id=attempt))
    await desk.rows.run("update attempt set state = 'ringing'")
    pausing = EndCall(attempt_id=attempt, only_before_answer=True)
    assert (await desk.calling.hang_up(pausing)).status is CallStatus.RINGING
    stopping = pausing.model_copy(update={"even_ringing": True})
    assert (await desk.calling.hang_up(stopping)).status is CallStatus.CANCELED
    await eventually(lambda: desk.calls[0].status.ended)


async def test_a_talk_goes_on_whatever_is_called_off(desk: Desk, system: System) -> None:
    attempt = await on_the_line(desk, system)
    word = await desk.calling.hang_up(EndCall(attempt_id=attempt, only_before_answer=True, even_ringing=True))
    assert word.status is CallStatus.IN_PROGRESS


async def test_a_call_that_was_dialled_when_it_was_called_off_may_have_rung(desk: Desk) -> None:
    attempt = await desk.reserve("48")
    await desk.calling.place_call(AttemptRef(attempt_id=attempt))
    await eventually(lambda: desk.carrier_world.truth.entries("ringing"))  # nobody has told our records
    await desk.calling.hang_up(EndCall(attempt_id=attempt, only_before_answer=True))
    assert (await desk.attempt(attempt)).ringing_at is not None


async def test_a_call_the_carrier_does_not_know_has_no_status(desk: Desk) -> None:
    attempt = await desk.reserve()
    await desk.rows.run("update attempt set call_sid = :sid", sid="CA" + "0" * 32)
    assert (await desk.calling.fetch_call(AttemptRef(attempt_id=attempt))).status is None
    assert (await desk.calling.hang_up(EndCall(attempt_id=attempt))).status is None


async def test_the_message_is_played_to_its_end_and_proven(desk: Desk, system: System) -> None:
    attempt = await on_the_line(desk, system)
    dropped = await desk.calling.drop_voicemail(AttemptRef(attempt_id=attempt))
    assert dropped.result is DropResult.PLAYING
    proof = await eventually(lambda: system.of("/webhooks/twilio/voicemail-played"), seconds=40)
    assert proof[0]["CallSid"] == (await desk.attempt(attempt)).call_sid


async def test_the_message_is_dropped_once_for_each_lead(desk: Desk, system: System) -> None:
    attempt = await on_the_line(desk, system)
    first = await desk.calling.drop_voicemail(AttemptRef(attempt_id=attempt))
    second = await desk.calling.drop_voicemail(AttemptRef(attempt_id=attempt))
    assert (first.result, second.result) == (DropResult.PLAYING, DropResult.NOT_ALLOWED)


async def test_no_message_on_a_call_that_is_over(desk: Desk, system: System) -> None:
    attempt = await on_the_line(desk, system)
    await desk.calling.hang_up(EndCall(attempt_id=attempt))
    await eventually(lambda: desk.calls[0].status.ended)
    dropped = await desk.calling.drop_voicemail(AttemptRef(attempt_id=attempt))
    assert dropped.result is DropResult.CALL_OVER
    assert (await desk.attempt(attempt)).state == AttemptState.PLACED


# --- A media stream that broke ---------------------------------------------------------------------------------------


async def keep(desk: Desk, attempt: str, kind: str, seconds_ago: float, **payload: str) -> None:
    """An event as the API has stored it."""
    await desk.rows.run(
        "insert into call_event (attempt_id, kind, fingerprint, call_sid, payload, received_at) values (:attempt, "
        ":kind, :fingerprint, '', cast(:payload as jsonb), now() - make_interval(secs => :ago))",
        attempt=attempt, kind=kind, fingerprint=f"{attempt}{kind}{payload}", payload=json.dumps(payload),
        ago=seconds_ago,
    )  # fmt: skip


async def test_a_call_that_stays_where_its_stream_broke_is_brought_back(
    desk: Desk, system: System, emulator: TwilioEmulator
) -> None:
    """The verb after <Connect> does not run: the callback about the broken stream is all that there is."""
    emulator.behaviour.goes_on_after_broken_stream = False
    system.documents["/webhooks/twilio/answer"] = system.connect()
    desk.fault(operation="media_stream", effect="cut_socket", seconds=0.3)
    attempt = await desk.reserve("32")
    await desk.calling.place_call(AttemptRef(attempt_id=attempt))
    (broken,) = await eventually(lambda: [one for one in system.of("/stream") if one["StreamEvent"] == "stream-error"])
    await keep(desk, attempt, "stream", 2, StreamEvent="stream-started", StreamSid=broken["StreamSid"])
    await keep(desk, attempt, "stream", 0, StreamEvent="stream-error", StreamSid=broken["StreamSid"])
    assert not system.of("/webhooks/twilio/after-stream")
    rescued = await desk.calling.rescue_call(RescueInput(attempt_id=attempt, stream_sid=broken["StreamSid"]))
    assert rescued.result is RescueResult.SENT_ON
    (asked,) = await eventually(lambda: system.of("/webhooks/twilio/after-stream"))
    assert asked["CallStatus"] == "in-progress"


BROKEN = RescueInput(attempt_id="", stream_sid="MZ1")


@pytest.mark.parametrize(
    ("event", "result"),
    [
        (("after_stream", 5, {}), RescueResult.TAKEN_UP),
        (("stream", 4, {"StreamEvent": "stream-started", "StreamSid": "MZ2"}), RescueResult.TAKEN_UP),
        (("after_transfer", 4, {}), RescueResult.TAKEN_UP),
        (("after_stream", 60, {}), RescueResult.OVER),  # of an earlier stream; and there is no such call at the carrier
        (("status", 4, {}), RescueResult.OVER),
    ],
)
async def test_a_call_that_somebody_has_is_left_alone_however_late_the_word_of_its_break(
    desk: Desk, event: tuple[str, float, dict[str, str]], result: RescueResult
) -> None:
    attempt = await desk.reserve("32")
    await desk.rows.run("update attempt set call_sid = :sid, state = 'in_progress'", sid="CA" + "0" * 32)
    await keep(desk, attempt, "stream", 30, StreamEvent="stream-started", StreamSid="MZ1")
    await keep(desk, attempt, "stream", 0, StreamEvent="stream-error", StreamSid="MZ1")
    kind, ago, payload = event
    await keep(desk, attempt, kind, ago, **payload)
    rescued = await desk.calling.rescue_call(BROKEN.model_copy(update={"attempt_id": attempt}))
    assert rescued.result is result


@pytest.mark.parametrize("state", ["dialling", "answered"])
async def test_a_callee_who_is_being_connected_is_not_pulled_back(desk: Desk, state: str) -> None:
    attempt = await desk.reserve("32")
    await desk.rows.run("update attempt set call_sid = :sid, state = 'in_progress'", sid="CA" + "0" * 32)
    await keep(desk, attempt, "stream", 9, StreamEvent="stream-error", StreamSid="MZ1")
    await desk.rows.run(
        "insert into transfer (attempt_id, position, target_id, phone, state, visit) "
        "values (:id, 3, 'sales', '+12125550142', :state, '')",
        id=attempt, state=state,
    )  # fmt: skip
    rescued = await desk.calling.rescue_call(BROKEN.model_copy(update={"attempt_id": attempt}))
    assert rescued.result is RescueResult.TAKEN_UP


async def test_a_talk_that_is_over_is_not_brought_back(desk: Desk) -> None:
    attempt = await desk.reserve("32")
    await desk.rows.run("update attempt set call_sid = 'CA1', conversation_over = true")
    rescued = await desk.calling.rescue_call(BROKEN.model_copy(update={"attempt_id": attempt}))
    assert rescued.result is RescueResult.OVER


# --- A callee who objects to being recorded --------------------------------------------------------------------------


async def test_a_recording_is_stopped_in_mid_call_and_what_it_holds_stays(desk: Desk, system: System) -> None:
    system.documents["/webhooks/twilio/answer"] = HOLD_THE_LINE
    attempt = await desk.reserve("32")
    await desk.calling.place_call(AttemptRef(attempt_id=attempt))
    await eventually(lambda: system.of("/webhooks/twilio/answer"))
    objection = StopRecordingInput(attempt_id=attempt)
    assert (await desk.calling.stop_recording(objection)).was_recorded
    (recording,) = desk.calls[0].recordings
    seconds = recording.seconds
    assert recording.status in {"completed", "absent"}
    assert not (await desk.calling.stop_recording(objection)).was_recorded, "nothing is left to stop"
    assert desk.calls[0].status.value == "in-progress", "the talk goes on"
    await desk.calling.hang_up(EndCall(attempt_id=attempt))
    await eventually(lambda: desk.calls[0].status.ended)
    assert recording.seconds == seconds


async def test_a_call_that_is_not_recorded_has_nothing_to_stop(desk: Desk, system: System) -> None:
    attempt = await on_the_line(desk, system, record_calls=False)
    assert not (await desk.calling.stop_recording(StopRecordingInput(attempt_id=attempt))).was_recorded
