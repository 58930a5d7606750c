"""Media streams against a WebSocket server that stands for the voice bridge."""

import asyncio
import base64
from itertools import pairwise
from typing import Any

import pytest
from twilio.rest import Client

from rehearsal.twilio.server import TwilioEmulator
from rehearsal.world import World
from tests.rehearsal.twilio.conftest import Bridge, System, eventually

pytestmark = pytest.mark.waits(40)

INTERESTED = "+13125550101"
SILENT = "+13125550132"
SILENT_TOO = "+61491570132"
VOICEMAIL = "+13125550136"


async def stream_of(place: Any, system: System, number: str = SILENT, **changes: Any) -> Bridge:
    if not changes.pop("keep_document", False):
        system.twiml = system.connect()
    await place(number, **changes)
    bridge: Bridge = (await eventually(lambda: system.streams))[0]
    await eventually(lambda: bridge.of("media"))
    return bridge


async def test_a_stream_opens_signed_and_sends_numbered_frames_in_real_time(place: Any, system: System) -> None:
    bridge = await stream_of(place, system)
    assert system.validator.validate(bridge.url, {}, bridge.headers["x-twilio-signature"])
    await asyncio.sleep(1.0)
    connected, start = bridge.messages[:2]
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["start"]["customParameters"] == {"attempt": "a1"}
    assert start["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    media = bridge.of("media")
    assert 40 <= len(media) <= 60
    for before, after in pairwise(media):
        assert int(after["media"]["chunk"]) == int(before["media"]["chunk"]) + 1
        assert int(after["sequenceNumber"]) == int(before["sequenceNumber"]) + 1
        assert int(after["media"]["timestamp"]) == int(before["media"]["timestamp"]) + 20
    assert {len(base64.b64decode(m["media"]["payload"])) for m in media} == {160}
    assert bridge.audio.count(0xFF) == len(bridge.audio)  # somebody who says nothing
    assert [event["StreamEvent"] for event in system.of("/stream")] == ["stream-started"]


async def test_audio_plays_in_real_time_and_marks_come_back_when_it_was_played(place: Any, system: System) -> None:
    bridge = await stream_of(place, system)
    loop = asyncio.get_running_loop()
    await bridge.mark("empty")
    await eventually(lambda: bridge.marks() == ["empty"], 0.3)
    began = loop.time()
    await bridge.play(b"\x10" * 8000)
    await bridge.mark("half")
    await bridge.play(b"\x20" * 4000)
    await bridge.mark("end")
    await eventually(lambda: "half" in bridge.marks(), 3)
    assert 0.9 <= loop.time() - began <= 1.3
    await eventually(lambda: "end" in bridge.marks(), 3)
    assert 1.4 <= loop.time() - began <= 1.9


async def test_clear_stops_the_audio_and_returns_every_waiting_mark(place: Any, system: System) -> None:
    bridge = await stream_of(place, system)
    await bridge.play(b"\x10" * 80_000)
    await bridge.mark("one")
    await bridge.mark("two")
    await asyncio.sleep(0.2)
    assert bridge.marks() == []
    await bridge.send("clear")
    await eventually(lambda: bridge.marks() == ["one", "two"], 0.5)
    await bridge.mark("three")
    await eventually(lambda: bridge.marks()[-1] == "three", 0.5)


async def test_the_callee_hears_what_was_played_and_answers_it(place: Any, system: System, world: World) -> None:
    bridge = await stream_of(place, system, INTERESTED)
    await eventually(lambda: list(world.truth.entries("said")))
    await asyncio.sleep(1.0)
    greeting = world.studio.synthesize("Hi, this is Ava. Do you have a minute to talk?")
    await bridge.play(greeting.audio)
    heard = (await eventually(lambda: list(world.truth.entries("heard")), 8))[0]
    assert heard.facts["text"] == greeting.text
    ear = world.studio.ear()
    await eventually(lambda: len(list(world.truth.entries("said"))) >= 2)
    await asyncio.sleep(2.5)
    words = [word.text for word in ear.feed(bytes(bridge.audio))]
    assert " ".join(words) == "Hello? Yes, sure, I have a minute."


async def test_words_that_were_cleared_were_not_heard(place: Any, system: System, world: World) -> None:
    bridge = await stream_of(place, system, INTERESTED)
    await asyncio.sleep(1.5)
    long = world.studio.synthesize("I would like to tell you about our wonderful new service today.")
    await bridge.play(long.audio)
    await asyncio.sleep(1.0)
    await bridge.send("clear")
    heard = (await eventually(lambda: list(world.truth.entries("heard")), 8))[0]
    assert heard.facts["text"].startswith("I would like")
    assert "today" not in heard.facts["text"]


async def test_when_the_bridge_closes_the_next_verb_runs(place: Any, system: System) -> None:
    system.twiml = system.connect(then=f"<Redirect>{system.url('/next')}</Redirect>")
    bridge = await stream_of(place, system, keep_document=True)
    system.twiml = "<Response><Hangup/></Response>"
    await bridge.socket.close(1000)
    await eventually(lambda: "completed" in system.statuses() and len(system.of("/stream")) == 2)
    assert len(system.of("/next")) == 1
    assert [event["StreamEvent"] for event in system.of("/stream")] == ["stream-started", "stream-stopped"]


async def test_a_bridge_that_dies_is_a_stream_error_and_then_the_next_verb_runs(
    place: Any, system: System, world: World
) -> None:
    world.faults.order({"vendor": "twilio", "operation": "media_stream", "effect": "cut_socket", "seconds": 0.3})
    system.twiml = system.connect(then=f"<Redirect>{system.url('/next')}</Redirect>")
    await stream_of(place, system, keep_document=True)
    system.twiml = system.connect()
    await eventually(lambda: len(system.streams) == 2)
    await eventually(lambda: len(system.of("/stream")) == 3)
    events = system.of("/stream")
    assert [event["StreamEvent"] for event in events] == ["stream-started", "stream-error", "stream-started"]
    assert events[1]["StreamError"].startswith("31921")
    assert events[0]["StreamSid"] != events[2]["StreamSid"]


async def test_a_bridge_that_cannot_be_reached_is_a_stream_error(place: Any, system: System) -> None:
    system.twiml = system.connect().replace("/media", "/nowhere")
    await place(SILENT)
    await eventually(lambda: "completed" in system.statuses() and system.of("/stream"))
    assert [event["StreamEvent"] for event in system.of("/stream")] == ["stream-error"]


async def test_a_new_document_ends_the_stream_with_stop(place: Any, system: System, client: Client) -> None:
    bridge = await stream_of(place, system)
    sid = bridge.of("start")[0]["start"]["callSid"]
    twiml = "<Response><Hangup/></Response>"
    await asyncio.to_thread(lambda: client.calls(sid).update(twiml=twiml))
    await eventually(lambda: bridge.close_code is not None)
    assert bridge.messages[-1]["event"] == "stop"
    assert bridge.messages[-1]["stop"]["callSid"] == sid
    await eventually(lambda: "completed" in system.statuses())


async def test_an_invalid_message_is_warned_about_once_and_the_stream_goes_on(
    place: Any, system: System, world: World
) -> None:
    bridge = await stream_of(place, system)
    await bridge.socket.send_text("not json")
    await bridge.socket.send_text("[1]")
    await bridge.send("dance")
    await bridge.send("media", media={"payload": "!"})
    await bridge.mark("still there")
    await eventually(lambda: bridge.marks() == ["still there"])
    assert [entry.facts["code"] for entry in world.truth.entries("error")] == [31951]


CATCHING_UP = 30
"""Frames by which a stream may be behind or ahead at any moment."""


@pytest.mark.no_cover  # other tests cover its lines
async def test_many_streams_get_every_frame_of_their_time_but_those_that_are_told_as_skipped(
    place: Any, system: System, emulator: TwilioEmulator, world: World
) -> None:
    emulator.behaviour.calls_per_second = 200
    system.twiml = system.connect()
    await asyncio.gather(*(place(SILENT, timeout=30, status_callback_event=["completed"]) for _ in range(40)))
    await eventually(lambda: len(system.streams) == 40, 20)
    clock = asyncio.get_running_loop().time

    def received() -> list[int]:
        return [len(stream.of("media")) for stream in system.streams]

    first, skipped, began = received(), emulator.pacer.skipped, clock()
    await asyncio.sleep(2.0)
    ticks = (clock() - began) / 0.02 - (emulator.pacer.skipped - skipped)  # a starved machine skips, and says so
    assert all(abs(now - then - ticks) <= CATCHING_UP for then, now in zip(first, received(), strict=True))


async def test_a_message_left_after_the_beep_is_what_the_mailbox_keeps(
    place: Any, system: System, world: World, client: Client
) -> None:
    bridge = await stream_of(place, system, VOICEMAIL)
    await eventually(lambda: list(world.truth.entries("beep_ended")), 20)
    message = world.studio.synthesize("Hi, this is Ava from Brightside. Please call us back.")
    await bridge.play(message.audio)
    await bridge.mark("left")
    await eventually(lambda: bridge.marks() == ["left"], 10)
    sid = bridge.of("start")[0]["start"]["callSid"]
    await asyncio.to_thread(lambda: client.calls(sid).update(status="completed"))
    kept = (await eventually(lambda: list(world.truth.entries("voicemail"))))[0]
    assert kept.facts["text"] == message.text
    assert kept.facts["before_beep"] == ""


async def test_a_stream_can_be_refused_stalled_late_or_left_open_on_order(
    place: Any, system: System, world: World, client: Client
) -> None:
    order = {"vendor": "twilio", "operation": "media_stream"}
    world.faults.order(
        {**order, "effect": "refuse", "to": "+13125550132"},
        {**order, "effect": "stall", "seconds": 1.0, "to": "+13125550133"},
        {**order, "effect": "stop_without_close", "to": SILENT_TOO},
    )
    system.twiml = system.connect()
    await place("+13125550132")
    await eventually(lambda: "completed" in system.statuses())
    assert not system.streams
    refused = (await eventually(lambda: system.of("/stream")))[0]
    assert refused["StreamError"].startswith("31902")
    await place("+13125550133")
    stalled = (await eventually(lambda: system.streams))[0]
    await asyncio.sleep(0.5)
    assert not stalled.of("media")
    await eventually(lambda: stalled.of("media"), 2)
    await place(SILENT_TOO)
    left_open = (await eventually(lambda: system.streams[1:]))[0]
    await eventually(lambda: left_open.of("media"))
    sid = left_open.of("start")[0]["start"]["callSid"]
    await asyncio.to_thread(lambda: client.calls(sid).update(status="completed"))
    await eventually(lambda: left_open.of("stop"))
    await asyncio.sleep(0.3)
    assert left_open.close_code is None


async def test_the_network_takes_its_time_each_way_and_keeps_the_order(
    place: Any, system: System, world: World, client: Client
) -> None:
    world.behaviours["twilio"].network_seconds = 0.3  # type: ignore[attr-defined]
    bridge = await stream_of(place, system)
    assert [message["event"] for message in bridge.messages[:3]] == ["connected", "start", "media"]
    began = asyncio.get_running_loop().time()
    await bridge.mark("first")
    await bridge.mark("second")
    await eventually(lambda: bridge.marks() == ["first", "second"], 5)
    assert asyncio.get_running_loop().time() - began >= 0.55
    sid = bridge.of("start")[0]["start"]["callSid"]
    await asyncio.to_thread(lambda: client.calls(sid).update(status="completed"))
    await eventually(lambda: bridge.of("stop"))
    sequence = [int(message["sequenceNumber"]) for message in bridge.messages[1:]]
    assert sequence == sorted(sequence)
