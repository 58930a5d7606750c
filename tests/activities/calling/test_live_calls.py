"""A call that is under way: asked about, called off, ended, and given the message, once for each lead."""

import pytest

from activities.call_models import AttemptRef, DropResult, EndCall
from cadenza.domain.outcomes import AttemptState, CallStatus
from tests.activities.calling.conftest import Desk
from tests.rehearsal.twilio.conftest import System, eventually

pytestmark = [pytest.mark.servers, pytest.mark.long(40)]

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
