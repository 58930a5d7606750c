"""<Dial><Number>: who is rung, what is told about it, and what the callee hears meanwhile."""

import asyncio
from typing import Any

import pytest
from twilio.rest import Client

from rehearsal.twilio import twiml
from rehearsal.twilio.server import TwilioEmulator
from rehearsal.world import World
from tests.rehearsal.twilio.conftest import FROM, System, eventually

pytestmark = pytest.mark.waits(20)

SILENT = "+13125550132"
ANSWERS, RINGS_OUT, BUSY, DEAD = "+12125550101", "+12125550148", "+12125550154", "+12125550157"


def dial(system: System, number: str, timeout: int = 1) -> str:
    return (
        f'<Response><Dial action="{system.url("/after")}" timeout="{timeout}" callerId="{FROM}" answerOnBridge="true">'
        f'<Number statusCallback="{system.url("/leg")}" statusCallbackEvent="ringing answered completed">{number}'
        "</Number></Dial></Response>"
    )


@pytest.mark.parametrize(
    ("number", "status", "events"),
    [
        (ANSWERS, "completed", ["ringing", "in-progress", "completed"]),
        (RINGS_OUT, "no-answer", ["ringing", "no-answer"]),
        (BUSY, "busy", ["ringing", "busy"]),
        (DEAD, "failed", ["failed"]),
    ],
)
async def test_the_action_is_told_how_the_target_took_it(
    place: Any, system: System, world: World, emulator: TwilioEmulator, number: str, status: str, events: list[str]
) -> None:
    emulator.behaviour.transfer_talk_seconds = 0
    system.twiml = dial(system, number)
    call = await place(SILENT)
    (told,) = await eventually(lambda: system.of("/after"), 15)
    assert (told["DialCallStatus"], told["CallSid"], told["CallStatus"]) == (status, call.sid, "in-progress")
    assert told["DialCallSid"].startswith("CA") and told["DialCallSid"] != call.sid
    assert ("DialCallDuration" in told) is (status == "completed")
    await eventually(lambda: sorted(leg["CallStatus"] for leg in system.of("/leg")) == sorted(events))
    assert {leg["ParentCallSid"] for leg in system.of("/leg")} == {call.sid}
    assert {leg["CallSid"] for leg in system.of("/leg")} == {told["DialCallSid"]}
    dialled = [entry.facts for entry in world.truth.entries("transfer_dialled")]
    assert [(facts["call_sid"], facts["to"], facts["target"]) for facts in dialled] == [(call.sid, SILENT, number)]
    assert len(list(world.truth.entries("ringing"))) == 1, "the target's ring is not the callee's"
    assert all(valid for _, _, valid in system.hooks)


async def test_a_callee_who_hangs_up_takes_the_target_along(
    place: Any, system: System, world: World, client: Client
) -> None:
    system.twiml = dial(system, RINGS_OUT, timeout=30)
    call = await place(SILENT)
    await eventually(lambda: list(world.truth.entries("transfer_ringing")))
    await asyncio.to_thread(lambda: client.calls(call.sid).update(status="completed"))
    ended = await eventually(lambda: list(world.truth.entries("transfer_ended")))
    assert ended[0].facts["status"] == "canceled"
    await eventually(lambda: list(world.truth.entries("ended")))
    assert not system.of("/after")


@pytest.mark.parametrize(
    "document",
    [
        "<Response><Dial/></Response>",
        "<Response><Dial><Number>call my boss</Number></Dial></Response>",
        "<Response><Dial><Number/></Dial></Response>",
        "<Response><Dial callerId='me'><Number>+12125550101</Number></Dial></Response>",
        "<Response><Dial timeout='soon'><Number>+12125550101</Number></Dial></Response>",
    ],
)
def test_a_document_that_names_no_number_is_refused(document: str) -> None:
    with pytest.raises(twiml.TwimlError):
        twiml.parse(document)
