"""Calls over real sockets with Twilio's own SDK: REST, callbacks, queueing, faults."""

import asyncio
import io
import wave
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from rehearsal.twilio.server import TwilioEmulator
from rehearsal.world import World
from tests.rehearsal.twilio.conftest import FROM, TOKEN, System, eventually

pytestmark = pytest.mark.waits(40)

INTERESTED = "+13125550101"
NO_ANSWER = "+13125550148"
BUSY = "+13125550154"
NOT_IN_SERVICE = "+13125550157"
VOICEMAIL = "+13125550136"


async def test_a_call_is_queued_then_tells_its_progress_in_signed_callbacks(
    place: Any, system: System, client: Client
) -> None:
    call = await place(INTERESTED)
    assert (call.status, call.to, call.direction) == ("queued", INTERESTED, "outbound-api")
    await eventually(lambda: "completed" in system.statuses())
    assert system.statuses() == ["initiated", "ringing", "in-progress", "completed"]
    assert [fields["SequenceNumber"] for fields in system.of("/status")] == ["0", "1", "2", "3"]
    assert all(valid for _, _, valid in system.hooks)
    last = system.of("/status")[-1]
    assert last["SipResponseCode"] == "200"
    assert {"CallDuration", "Duration", "Timestamp", "ApiVersion", "CallbackSource"} <= last.keys()
    fetched = await asyncio.to_thread(lambda: client.calls(call.sid).fetch())
    assert fetched.status == "completed"
    assert fetched.start_time is not None


@pytest.mark.parametrize(
    ("number", "statuses", "sip"),
    [
        (NO_ANSWER, ["initiated", "ringing", "no-answer"], "487"),
        (BUSY, ["initiated", "ringing", "busy"], "486"),
        (NOT_IN_SERVICE, ["initiated", "failed"], "404"),
    ],
)
async def test_calls_that_nobody_takes_end_as_the_network_says(
    place: Any, system: System, number: str, statuses: list[str], sip: str
) -> None:
    await place(number, timeout=1)
    await eventually(lambda: system.statuses()[-1:] == statuses[-1:])
    assert system.statuses() == statuses
    assert system.of("/status")[-1]["SipResponseCode"] == sip
    assert not system.of("/answer")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "+bad"}, 21211),
        ({"to": "+1312555"}, 21211),
        ({"from_": "+13125550199"}, 21210),
        ({"from_": "junk"}, 21212),
        ({"url": "nonsense"}, 21205),
        ({"timeout": 601}, 21208),
        ({"send_digits": "12x"}, 21206),
        ({"machine_detection": "Maybe"}, 21234),
        ({"machine_detection": "Enable", "machine_detection_timeout": 60}, 21234),
        ({"method": "PUT"}, 21209),
        ({"status_callback": "http://under_score.test/"}, 21609),
    ],
)
async def test_bad_parameters_are_refused_with_twilios_codes(place: Any, changes: dict[str, Any], code: int) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await place(**{"to": INTERESTED, **changes})
    assert (refused.value.status, refused.value.code) == (400, code)


async def test_wrong_credentials_are_refused(client: Client, emulator: TwilioEmulator) -> None:
    stranger = Client(client.account_sid, TOKEN + "x")
    stranger.api.base_url = f"http://127.0.0.1:{emulator.port}"
    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(lambda: stranger.calls("CA" + "0" * 32).fetch())
    assert (refused.value.status, refused.value.code) == (401, 20003)


async def test_calls_leave_the_queue_one_by_one_and_a_queued_one_can_be_cancelled_silently(
    place: Any, system: System, client: Client, emulator: TwilioEmulator, world: World
) -> None:
    emulator.behaviour.calls_per_second = 2
    calls = [await place(NO_ANSWER) for _ in range(4)]
    assert int(calls[-1].queue_time) >= 1000
    await asyncio.to_thread(lambda: client.calls(calls[-1].sid).update(status="canceled"))
    await eventually(lambda: len([s for s in system.statuses() if s == "ringing"]) == 3)
    await asyncio.sleep(0.7)
    assert calls[-1].sid not in {fields["CallSid"] for _, fields, _ in system.hooks}
    dialled = [entry.at for entry in world.truth.entries("dialled")]
    assert len(dialled) == 3
    assert all((b - a).total_seconds() >= 0.45 for a, b in pairwise(dialled))
    with pytest.raises(TwilioRestException) as late:
        await asyncio.to_thread(lambda: client.calls(calls[-1].sid).update(status="completed"))
    assert late.value.code == 21220


async def test_a_ringing_call_can_be_cancelled_and_an_answered_one_completed(
    place: Any, system: System, client: Client
) -> None:
    ringing = await place(NO_ANSWER)
    await eventually(lambda: "ringing" in system.statuses())
    await asyncio.to_thread(lambda: client.calls(ringing.sid).update(status="canceled"))
    await eventually(lambda: system.statuses()[-1] == "canceled")
    system.twiml = "<Response><Pause length='30'/></Response>"
    answered = await place(INTERESTED)
    await eventually(lambda: "in-progress" in system.statuses())
    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(lambda: client.calls(answered.sid).update(status="canceled"))
    assert refused.value.code == 21220
    with pytest.raises(TwilioRestException) as undeletable:
        await asyncio.to_thread(lambda: client.calls(answered.sid).delete())
    assert undeletable.value.code == 20009
    await asyncio.to_thread(lambda: client.calls(answered.sid).update(status="completed"))
    await eventually(lambda: system.statuses()[-1] == "completed")
    assert await asyncio.to_thread(lambda: client.calls(answered.sid).delete())


async def test_a_limit_on_concurrent_calls_is_answered_with_10004(place: Any, emulator: TwilioEmulator) -> None:
    emulator.behaviour.concurrency_limit = 1
    await place(NO_ANSWER)
    with pytest.raises(TwilioRestException) as refused:
        await place(NO_ANSWER)
    assert (refused.value.status, refused.value.code) == (429, 10004)


async def test_lists_filter_and_page(place: Any, client: Client, world: World) -> None:
    for number in (INTERESTED, BUSY, BUSY, BUSY):
        await place(number)
    found = await asyncio.to_thread(lambda: client.calls.list(to=BUSY, from_=FROM, page_size=2))
    assert [call.to for call in found] == [BUSY] * 3
    assert len(await asyncio.to_thread(lambda: client.calls.list())) == 4
    assert await asyncio.to_thread(lambda: client.calls.list(to=NO_ANSWER)) == []
    await eventually(lambda: all(call.started for call in world.calls.values()))
    now = datetime.now(UTC)
    recent = await asyncio.to_thread(lambda: client.calls.list(start_time_after=now - timedelta(minutes=1)))
    assert len(recent) == 4
    assert await asyncio.to_thread(lambda: client.calls.list(start_time_after=now + timedelta(minutes=1))) == []


async def test_a_lost_reply_leaves_a_call_that_the_list_shows_only_later(
    place: Any, system: System, client: Client, world: World
) -> None:
    world.faults.order(
        {"vendor": "twilio", "operation": "create_call", "effect": "lose_reply", "to": INTERESTED},
        {"vendor": "twilio", "operation": "create_call", "effect": "hide_from_list_for", "seconds": 0.6},
    )
    with pytest.raises(Exception) as lost:
        await place(INTERESTED)
    assert not isinstance(lost.value, TwilioRestException)
    assert await asyncio.to_thread(lambda: client.calls.list(to=INTERESTED)) == []
    await asyncio.sleep(0.7)
    shown = await asyncio.to_thread(lambda: client.calls.list(to=INTERESTED))
    assert len(shown) == 1
    await eventually(lambda: "completed" in system.statuses())


@pytest.mark.parametrize(
    ("effect", "status", "code", "placed"),
    [
        ("error_500_after_placing", 500, 20500, 1),
        ("rate_limit", 429, 20429, 0),
        ("refuse:21215", 400, 21215, 0),
        ("status:503", 503, 20503, 0),
    ],
)
async def test_creation_fails_as_ordered(
    place: Any, world: World, effect: str, status: int, code: int, placed: int
) -> None:
    world.faults.order({"vendor": "twilio", "operation": "create_call", "effect": effect})
    with pytest.raises(TwilioRestException) as refused:
        await place(BUSY)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert len(list(world.truth.entries("placed"))) == placed


async def test_callbacks_are_dropped_duplicated_and_overtaken_on_order(
    place: Any, system: System, world: World
) -> None:
    order = {"vendor": "twilio", "operation": "status_callback"}
    world.faults.order(
        {**order, "effect": "drop_callback", "where": {"event": "initiated"}},
        {**order, "effect": "reorder_callback", "where": {"event": "ringing"}},
        {**order, "effect": "duplicate_callback", "where": {"event": "completed"}},
    )
    await place(INTERESTED)
    await eventually(lambda: system.statuses().count("completed") == 2)
    assert system.statuses() == ["in-progress", "ringing", "completed", "completed"]
    assert [f["SequenceNumber"] for f in system.of("/status")] == ["2", "1", "3", "3"]


async def test_only_a_callback_that_was_answered_well_is_written_down_as_taken(
    place: Any, system: System, world: World
) -> None:
    world.faults.order(
        {"vendor": "twilio", "operation": "status_callback", "effect": "drop_callback", "where": {"event": "ringing"}}
    )
    system.answers["/status"] = [503]
    call = await place(BUSY)
    await eventually(lambda: list(world.truth.entries("callback_taken", event="completed")))
    taken = [entry.facts for entry in world.truth.entries("callback_taken")]
    assert taken == [{"call_sid": call.sid, "callback": "status_callback", "event": "completed"}]
    assert system.statuses() == ["initiated", "busy"]


async def test_the_fragment_asks_for_retries_and_is_neither_sent_nor_signed(place: Any, system: System) -> None:
    system.answers["/status"] = [500, 503, 200]
    await place(
        INTERESTED,
        status_callback=system.url("/status") + "#rc=2&rp=5xx",
        status_callback_event=["completed"],
    )
    await eventually(lambda: len(system.of("/status")) == 3)
    tokens = [
        token for (path, _, _), token in zip(system.hooks, system.idempotency_tokens, strict=True) if path == "/status"
    ]
    assert len(set(tokens)) == 1 and tokens[0]
    assert all(valid for _, _, valid in system.hooks)


@pytest.mark.parametrize("document", ["this is not XML", "<Response><Dance/></Response>", "<Other/>"])
async def test_a_bad_document_falls_back_with_its_error_code(
    place: Any, system: System, world: World, document: str
) -> None:
    system.twiml = document
    await place(INTERESTED, fallback_url=system.url("/fallback"))
    await eventually(lambda: system.of("/fallback"))
    assert system.of("/fallback")[0]["ErrorCode"] in {"12100", "12200"}
    assert [entry.facts["code"] for entry in world.truth.entries("error")]


async def test_a_webhook_that_fails_is_an_application_error_and_the_call_ends(
    place: Any, system: System, world: World
) -> None:
    system.answers["/answer"] = [500]
    call = await place(INTERESTED)
    await eventually(lambda: "completed" in system.statuses(), 15)
    assert 11200 in world.calls[call.sid].errors


async def test_documents_redirect_play_and_are_replaced_by_an_update(
    place: Any, system: System, client: Client, world: World
) -> None:
    tone = world.studio.tone(440, 200)
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * len(tone))
    system.files["/tone.wav"] = sound.getvalue()
    system.twiml = "<Response><Play>/tone.wav</Play><Pause length='20'/></Response>"
    call = await place(INTERESTED)
    await eventually(lambda: system.of("/tone.wav"))
    system.twiml = "<Response><Hangup/></Response>"
    update = f"<Response><Redirect>{system.url('/next')}</Redirect></Response>"
    await asyncio.to_thread(lambda: client.calls(call.sid).update(twiml=update))
    await eventually(lambda: "completed" in system.statuses())
    assert system.of("/next")[0]["CallSid"] == call.sid
    assert [entry.facts["call_sid"] for entry in world.truth.entries("redirected")] == [call.sid]


async def test_a_recording_is_a_stereo_file_of_both_sides(
    place: Any, system: System, client: Client, emulator: TwilioEmulator
) -> None:
    system.twiml = "<Response><Say>Good morning to you.</Say><Pause length='1'/></Response>"
    call = await place(
        INTERESTED,
        record=True,
        recording_channels="dual",
        recording_status_callback=system.url("/recording"),
        recording_status_callback_event=["in-progress completed"],
    )
    await eventually(lambda: len(system.of("/recording")) == 2, 15)
    started, completed = system.of("/recording")
    assert (started["RecordingStatus"], completed["RecordingStatus"]) == ("in-progress", "completed")
    listed = await asyncio.to_thread(lambda: client.recordings.list(call_sid=call.sid))
    assert [recording.sid for recording in listed] == [completed["RecordingSid"]]
    import httpx

    async with httpx.AsyncClient(auth=(client.account_sid, TOKEN)) as http:
        answer = await http.get(completed["RecordingUrl"] + ".wav")
        assert (await http.get(completed["RecordingUrl"] + ".wav", auth=("x", "y"))).status_code == 401
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        frames = file.readframes(file.getnframes())
        seconds = file.getnframes() / 8000
    left, right = (memoryview(frames).cast("h")[side::2].tolist() for side in (0, 1))
    assert max(left) > 3000 and max(right) > 3000
    assert abs(seconds - float(completed["RecordingDuration"])) < 1


async def test_synchronous_detection_withholds_the_document_until_its_verdict(place: Any, system: System) -> None:
    await place(VOICEMAIL, machine_detection="Enable")
    await eventually(lambda: system.of("/answer"), 15)
    assert system.of("/answer")[0]["AnsweredBy"] == "machine_start"


async def test_asynchronous_detection_of_the_message_end_waits_for_the_beep(place: Any, system: System) -> None:
    system.twiml = "<Response><Pause length='60'/></Response>"
    await place(
        VOICEMAIL,
        machine_detection="DetectMessageEnd",
        async_amd="true",
        async_amd_status_callback=system.url("/amd"),
    )
    fields = (await eventually(lambda: system.of("/amd"), 25))[0]
    assert fields["AnsweredBy"] == "machine_end_beep"
    assert int(fields["MachineDetectionDuration"]) > 3000
