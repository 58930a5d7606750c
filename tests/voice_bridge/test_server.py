"""Who is let in, and what a stream may do wrong: the real server, a real database, a carrier made of a WebSocket."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import httpx
import orjson
import pytest
import pytest_asyncio
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State

from cadenza.domain.messages import ConversationEnded, OptedOut
from cadenza.domain.outcomes import Speaker
from cadenza.domain.stream_token import sign_token
from cadenza.operations.listening import listen
from cadenza.records.backpressure import Room, room_on_bridges
from cadenza.records.call_notes import add_note
from cadenza.records.database import Database
from cadenza.records.journal import TurnRow, write_turns
from cadenza.records.suppressions import list_suppression_events
from tests.voice_bridge.rehearsed import Rehearsed, eventually, rehearsed
from voice_bridge.admission import is_signed
from voice_bridge.audio_library import CAPACITY_BYTES, _Shelf
from voice_bridge.call import Call
from voice_bridge.news import NewsDesk
from voice_bridge.node import BridgeNode
from voice_bridge.resume import recall
from voice_bridge.server import BridgeServer

pytestmark = [pytest.mark.servers, pytest.mark.waits(20)]

SILENCE = base64.b64encode(b"\xff" * 160).decode()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(module_laid_out_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rehearsed]:
    async with rehearsed(module_laid_out_url, tmp_path_factory.mktemp("server")) as made:
        await made.render()
        yield made


def signature(world: Rehearsed, path: str = "/media", token: str | None = None) -> dict[str, str]:
    secret = token or world.settings.twilio_auth_token.get_secret_value()
    return {"X-Twilio-Signature": RequestValidator(secret).compute_signature(f"{world.bridge_url}{path}", {})}


def stream_token(world: Rehearsed, attempt: str, seconds: int = 60) -> str:
    secret = world.settings.signing_secret.get_secret_value()
    return sign_token(secret, f"stream:{attempt}", int(time.time()) + seconds)


class Carrier:
    """A carrier's end of a stream."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.got: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def send(self, **message: Any) -> None:
        await self.socket.send(orjson.dumps(message).decode())

    async def start(self, attempt: str, token: str, **changes: Any) -> None:
        await self.send(event="connected", protocol="Call", version="1.0.0")
        await self.send(
            event="start",
            sequenceNumber="1",
            streamSid="MZ1",
            start={
                "streamSid": "MZ1",
                "callSid": "CA1",
                "customParameters": {"attempt": attempt, "token": token},
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                **changes,
            },
        )

    async def say_nothing(self, frames: int) -> None:
        for number in range(frames):
            await self.send(
                event="media", media={"track": "inbound", "timestamp": str(number * 20), "payload": SILENCE}
            )
            await asyncio.sleep(0.02)

    def of(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.got if message.get("event") == event]

    async def audio(self, seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not self.of("media"):
                await asyncio.sleep(0.01)

    async def closed(self, seconds: float = 10) -> int | None:
        """Wait until the bridge closed the socket; the code."""
        async with asyncio.timeout(seconds):
            await self._reading
        return self.socket.close_code

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                self.got.append(orjson.loads(message))
        except ConnectionClosed:
            pass


@asynccontextmanager
async def carrier(world: Rehearsed) -> AsyncIterator[Carrier]:
    async with connect(f"{world.bridge_url}/media", additional_headers=signature(world)) as socket:
        yield Carrier(socket)


async def refused_with(world: Rehearsed, path: str, headers: dict[str, str]) -> int:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{world.bridge_url}{path}", additional_headers=headers):
            pass
    return int(refused.value.response.status_code)


# --- The upgrade -----------------------------------------------------------------------------------------------------


def test_twilios_own_test_vector_is_accepted() -> None:
    assert is_signed("12345", "wss://mycompany.com", "/stream/abc", "eoZtXKHz2qjNKEwyznnTxE655U4=")
    assert not is_signed("12345", "wss://mycompany.com", "/stream/abd", "eoZtXKHz2qjNKEwyznnTxE655U4=")


@pytest.mark.parametrize(
    "signed",
    [
        "wss://host.example/media",
        "wss://host.example:443/media",
        "wss://host.example/media/",
        "https://host.example/media",
    ],
)
def test_a_port_or_a_slash_more_or_less_does_not_matter(signed: str) -> None:
    given = RequestValidator("t").compute_signature(signed, {})
    assert is_signed("t", "wss://host.example", "/media", given)
    assert is_signed("t", "wss://host.example:443", "/media/", given)


def test_a_prefix_of_the_public_address_is_part_of_it() -> None:
    given = RequestValidator("t").compute_signature("wss://host.example/bridge/media", {})
    assert is_signed("t", "wss://host.example/bridge/", "/media", given)


@pytest.mark.parametrize("given", ["", "x", "ü", "eoZtXKHz2qjNKEwyznnTxE655U4="])
def test_any_other_signature_is_refused(given: str) -> None:
    assert not is_signed("t", "wss://host.example", "/media", given)


async def test_an_upgrade_without_a_good_signature_is_403(world: Rehearsed) -> None:
    assert await refused_with(world, "/media", {}) == 403
    assert await refused_with(world, "/media", signature(world, token="another")) == 403
    assert await refused_with(world, "/media", signature(world, path="/other")) == 403


async def test_another_path_is_404(world: Rehearsed) -> None:
    assert await refused_with(world, "/other", signature(world, "/other")) == 404


async def test_health_tells_how_full_it_is(world: Rehearsed) -> None:
    answer = await world.http.get(f"http://127.0.0.1:{world.bridge.port}/health")
    assert answer.status_code == 200
    health = answer.json()
    assert health.pop("tasks") > 0
    assert health == {"status": "ok", "calls": 0, "max_calls": world.settings.bridge_max_calls}


async def test_a_full_or_draining_bridge_is_503(world: Rehearsed) -> None:
    world.bridge.draining = True
    try:
        assert await refused_with(world, "/media", signature(world)) == 503
        answer = await world.http.get(f"http://127.0.0.1:{world.bridge.port}/health")
        assert answer.json()["status"] == "draining"
    finally:
        world.bridge.draining = False
    world.bridge._connections += world.settings.bridge_max_calls
    try:
        assert await refused_with(world, "/media", signature(world)) == 503
    finally:
        world.bridge._connections -= world.settings.bridge_max_calls


# --- The token -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["none", "malformed", "expired", "of another attempt", "of another secret"])
async def test_a_stream_without_a_good_token_is_closed_at_once(world: Rehearsed, kind: str) -> None:
    attempt = await world.lead("01", line="02")
    tokens = {
        "none": "",
        "malformed": "hello",
        "expired": stream_token(world, attempt, -1),
        "of another attempt": stream_token(world, "ld_other-1"),
        "of another secret": sign_token("other", f"stream:{attempt}", int(time.time()) + 60),
    }
    async with carrier(world) as line:
        await line.start(attempt, tokens[kind])
        await line.closed(3)
        assert not line.of("media")
    assert (await world.attempt(attempt)).conversation_outcome is None
    await world.run("delete from lead where id = :id", id=(await world.attempt(attempt)).lead_id)


async def test_a_stream_of_an_unknown_attempt_is_closed(world: Rehearsed) -> None:
    async with carrier(world) as line:
        await line.start("ld_nobody-1", stream_token(world, "ld_nobody-1"))
        await line.closed(3)


@pytest.mark.parametrize(
    "change",
    ["conversation_over = true", "state = 'ended'", "call_sid = 'CAother'"],
    ids=["over", "ended", "other call"],
)
async def test_a_stream_of_a_call_that_is_not_this_one_is_closed(world: Rehearsed, change: str) -> None:
    attempt = await world.lead("01", line="03")
    await world.run(f"update attempt set {change} where id = :id", id=attempt)
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.closed(3)
        assert not line.of("media")
    await world.run("delete from lead where id = :id", id=(await world.attempt(attempt)).lead_id)


async def test_another_audio_format_is_closed(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="04")
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt), mediaFormat={"encoding": "audio/l16"})
        await line.closed(3)


async def test_a_socket_that_says_nothing_or_nonsense_first_is_closed(world: Rehearsed) -> None:
    async with carrier(world) as line:
        for _ in range(25):
            await line.socket.send("nonsense")
        await line.closed(3)
    async with carrier(world) as line:
        await line.send(event="stop")
        await line.closed(3)


# --- In the stream ---------------------------------------------------------------------------------------------------


async def test_the_greeting_starts_at_once(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="05")
    async with carrier(world) as line:
        began = time.monotonic()
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        assert time.monotonic() - began < 0.5
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    assert await world.outcome(attempt, 5) == "hung_up"


async def test_nonsense_in_the_stream_is_ignored(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="06")
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        for message in (
            "",
            "{",
            "[1,2]",
            '{"event":"media"}',
            '{"event":"media","media":{"payload":"@@@"}}',
            '{"event":"mark","mark":{}}',
            '{"event":"mark","mark":{"name":"never sent"}}',
            '{"event":"start","start":{}}',
            '{"event":"dtmf","dtmf":{"digit":"11111"}}',
            '{"event":"media","media":{"payload":"' + "A" * 200_000 + '"}}',
        ):
            await line.socket.send(message)
        for digit in "12345678*#" * 5:
            await line.send(event="dtmf", dtmf={"track": "inbound_track", "digit": digit})
        await line.say_nothing(10)
        assert world.bridge.calls == 1
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    assert await world.outcome(attempt, 5) == "hung_up"


@pytest.mark.parametrize(
    "before", [("media",), ("mark", "dtmf", "media"), ("media", "connected", "connected", "media")], ids=repr
)
async def test_frames_before_their_time_are_ignored(world: Rehearsed, before: tuple[str, ...]) -> None:
    bodies = {
        "media": {"media": {"payload": SILENCE}},
        "mark": {"mark": {"name": "early"}},
        "dtmf": {"dtmf": {"digit": "5"}},
        "connected": {"protocol": "Call"},
    }
    attempt = await world.lead("01", line=f"3{len(before)}")
    async with carrier(world) as line:
        for event in before:
            await line.send(event=event, **bodies[event])
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        await line.start(attempt, "another token")  # a second start changes nothing
        await line.say_nothing(5)
        assert world.bridge.calls == 1
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    assert await world.outcome(attempt, 5) == "hung_up"


async def test_a_flood_of_keys_does_not_disturb_the_call(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="15")
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        for number in range(3000):
            await line.send(event="dtmf", dtmf={"track": "inbound_track", "digit": "5678"[number % 4]})
        await line.say_nothing(10)
        assert world.bridge.calls == 1 and not line.of("clear"), "the greeting goes on"
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    assert await world.outcome(attempt, 5) == "hung_up"


async def test_the_opt_out_key_in_the_media_stream_suppresses_the_number_and_says_so(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="17")
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        await line.send(event="dtmf", streamSid="MZ1", dtmf={"track": "inbound_track", "digit": "9"})
        [word] = await eventually(lambda: [one for one in world.leads.of(OptedOut) if one.attempt_id == attempt])
        assert word.attempt_id == attempt
        await line.say_nothing(10)
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    assert await world.outcome(attempt, 5) == "opted_out"
    async with world.database.transaction() as session:
        [event] = await list_suppression_events(session, (await world.attempt(attempt)).phone)
    assert (event.source, event.reference) == ("keypad", attempt)
    notes = [turn.payload for turn in await world.turns(attempt) if turn.speaker == Speaker.SYSTEM]
    assert {"opt_out_key": "9"} in notes


async def test_a_flood_of_nonsense_ends_the_stream_and_not_the_bridge(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="07")
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        for _ in range(300):
            await line.socket.send("nonsense")
        await line.closed(20)
    assert (await world.http.get(f"http://127.0.0.1:{world.bridge.port}/health")).status_code == 200


async def test_a_second_stream_of_a_call_takes_it_over_without_a_second_outcome(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="08")
    async with carrier(world) as first, carrier(world) as second:
        await first.start(attempt, stream_token(world, attempt))
        await first.audio()
        await first.say_nothing(20)
        await second.start(attempt, stream_token(world, attempt))
        await second.audio()
        await first.closed()
        assert (await world.attempt(attempt)).conversation_outcome is None
        await second.send(event="stop", stop={"callSid": "CA1"})
        await second.closed()
    assert await world.outcome(attempt, 5) == "hung_up"
    ended = [message for message in world.leads.of(ConversationEnded) if message.attempt_id == attempt]
    assert len(ended) == 1


# --- Taking up a call ------------------------------------------------------------------------------------------------


async def journal(world: Rehearsed, attempt: str, *rows: TurnRow) -> None:
    async with world.database.transaction() as session:
        await write_turns(await session.connection(), attempt, list(rows))


OFFERED = TurnRow(
    3,
    Speaker.TOOL,
    tool="offer_slots",
    tool_call_id="c1",
    payload={"arguments": "{}", "result": {"slots": [{"token": "s1", "spoken": "Tuesday at three"}]}},
)


async def agent_says(world: Rehearsed, line: Carrier, attempt: str, words: str) -> None:
    """Play what comes until the agent was heard to say this."""
    async with asyncio.timeout(10):
        while not any(words in turn.text for turn in await world.turns(attempt) if turn.speaker == "agent"):
            for mark in line.of("mark"):
                await line.send(event="mark", mark=mark["mark"])
            await asyncio.sleep(0.1)


async def test_a_booking_in_flight_is_finished_under_its_own_name_and_told_truly(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="10")
    await world.run("update attempt set disclosure_heard = true where id = :id", id=attempt)
    await journal(
        world,
        attempt,
        TurnRow(1, Speaker.AGENT, "Hi, this is Ava."),
        TurnRow(2, Speaker.CALLEE, "What times do you have?"),
        OFFERED,
        TurnRow(4, Speaker.AGENT, "I have Tuesday at three."),
        TurnRow(5, Speaker.CALLEE, "Tuesday works for me."),
        TurnRow(
            6,
            Speaker.TOOL,
            tool="book_appointment",
            tool_call_id="c2",
            payload={"arguments": '{"slot_token":"s1","email":null}'},
        ),
    )
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        await agent_says(world, line, attempt, "booked")
        await line.say_nothing(10)
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    assert await world.outcome(attempt, 5) == "booked"
    bookings = [name for name, update in world.leads.updates if update.attempt_id == attempt]
    assert bookings == [f"{attempt}-6"]
    turns = await world.turns(attempt)
    agent = " ".join(turn.text for turn in turns if turn.speaker == "agent" and turn.position > 6)
    assert agent.startswith("Sorry, the line dropped for a moment.") and "booked" in agent
    assert next(turn for turn in turns if turn.position == 6).payload["result"]["status"] == "booked"  # type: ignore[index]


SALES = {"id": "sales", "label": "our sales team", "phone": "+12125550142"}


async def announced(world: Rehearsed, state: str, line: str) -> str:
    """An attempt whose callee was being told that they are connected, when the bridge died."""
    campaign = await world.campaign_with(transfer_targets=[SALES])
    attempt = await world.lead("01", line=line, campaign_id=campaign)
    await world.run("update attempt set disclosure_heard = true where id = :id", id=attempt)
    result = {"status": "connecting", "target_id": "sales"}
    await journal(
        world,
        attempt,
        TurnRow(1, Speaker.AGENT, "Hi, this is Ava."),
        TurnRow(2, Speaker.CALLEE, "Can you put me through?"),
        TurnRow(3, Speaker.TOOL, tool="transfer_call", tool_call_id="c1",
                payload={"arguments": '{"target_id":"sales"}', "result": result}),
    )  # fmt: skip
    await world.run(
        "insert into transfer (attempt_id, position, target_id, phone, state, visit) "
        "values (:id, 3, 'sales', '+12125550142', :state, '')",
        id=attempt, state=state,
    )  # fmt: skip
    return attempt


async def test_an_announcement_that_a_bridge_did_not_survive_is_made_again_and_then_the_line_is_left(
    world: Rehearsed,
) -> None:
    attempt = await announced(world, "asked", "14")
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await agent_says(world, line, attempt, "I'm connecting you now")
        await line.closed()
    rows = await world.run("select state from transfer where attempt_id = :id", id=attempt)
    assert [row.state for row in rows] == ["ready"]
    call = await world.attempt(attempt)
    assert not call.conversation_over and call.conversation_outcome is None, "the carrier has the line now"


async def test_a_callee_who_comes_back_unconnected_hears_it_once_whoever_dies(world: Rehearsed) -> None:
    attempt = await announced(world, "no_answer", "15")
    for _ in range(2):
        async with carrier(world) as line:
            await line.start(attempt, stream_token(world, attempt))
            await line.audio()
            await agent_says(world, line, attempt, "nobody could take your call")
            await line.socket.close(1011)
    turns = await world.turns(attempt)
    said = " ".join(turn.text for turn in turns if turn.speaker == "agent")
    assert said.count("nobody could take your call") == 1
    (tool,) = [turn.payload["result"] for turn in turns if turn.tool == "transfer_call" and turn.payload]
    assert tool == {"status": "not_connected", "reason": "no_answer", "target_id": "sales"}


async def test_the_same_words_after_a_resume_are_heard_again(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="11")
    await journal(world, attempt, TurnRow(1, Speaker.AGENT, "Hello."), TurnRow(2, Speaker.CALLEE, "Yes."))
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        call = world.bridge._calls[attempt]
        call.on_turn_ended("Who is this?", call.now_ms())
        call.on_turn_ended("Yes, it is me, what do you want?", call.now_ms())
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    await world.outcome(attempt, 5)
    said = [turn.text for turn in await world.turns(attempt) if turn.speaker == "callee"]
    assert said == ["Yes.", "Who is this?", "Yes, it is me, what do you want?"]


async def test_whoever_takes_a_call_up_speaks_at_once_without_the_synthesiser(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="19")
    await world.run("update attempt set disclosure_heard = true where id = :id", id=attempt)
    await journal(world, attempt, TurnRow(1, Speaker.AGENT, "Hello."))
    world.services.library._rendered = _Shelf(CAPACITY_BYTES)
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        call = world.bridge._calls[attempt]
        assert call._voice.mouth.characters == 0
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    await world.outcome(attempt, 5)


async def test_a_machine_is_not_greeted_after_a_break(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="12")
    note = {"answered_by": "machine_start"}
    await journal(world, attempt, TurnRow(1, Speaker.AGENT, "Hi"), TurnRow(2, Speaker.SYSTEM, payload=note))
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.say_nothing(25)
        assert not line.of("media")
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    assert await world.outcome(attempt, 5) == "machine"


async def test_a_fact_from_outside_is_known_to_the_next_reply_and_after_a_break(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="13")
    await world.run("update attempt set disclosure_heard = true where id = :id", id=attempt)
    await journal(world, attempt, TurnRow(1, Speaker.AGENT, "Hello."), TurnRow(2, Speaker.CALLEE, "Yes."))
    news = NewsDesk(world.database, lambda: world.bridge.running)
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        async with world.database.transaction() as session:
            note = await add_note(session, attempt, "The panels carry a warranty of thirty years.")
        sent = len(line.of("media"))
        for _ in range(2):
            await news.look()
        assert not line.of("clear") and len(line.of("media")) >= sent, "nobody is interrupted"
        call = world.bridge.running[attempt]
        call.on_turn_ended("What about the warranty of the panels?", call.now_ms())
        await agent_says(world, line, attempt, "thirty years")
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    await world.outcome(attempt, 5)
    turns = await world.turns(attempt)
    assert [turn.payload for turn in turns if "warranty of thirty" in turn.text and turn.speaker == "system"] == [
        {"note": note}
    ]
    past = recall(turns)
    assert past.notes == {note}
    told = [message["content"] for message in past.conversation.messages("", "") if message["role"] == "system"]
    assert any("<data>\n- The panels carry a warranty of thirty years.\n</data>" in content for content in told)


async def test_a_pause_begins_the_answer_and_a_number_makes_the_ears_patient(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="16")
    await world.run("update attempt set disclosure_heard = true where id = :id", id=attempt)
    await journal(world, attempt, TurnRow(1, Speaker.CALLEE, "Yes."), TurnRow(2, Speaker.AGENT, "Hello."))
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await agent_says(world, line, attempt, "the line dropped")
        await eventually(lambda: world.bridge.running[attempt]._turns.state == "listening")
        call = world.bridge.running[attempt]
        call.on_pause("How long does it take")
        ahead = call._replier._ahead
        assert ahead is not None
        await eventually(lambda: ahead._task.done(), 5)
        call.on_turn_ended("How long does it take?", call.now_ms())
        assert call._replier._ahead is ahead, "the reply begins in a moment"
        await agent_says(world, line, attempt, "hall I look for a time")
        assert call._replier._ahead is None
        await eventually(lambda: call._turns.state == "listening")
        call.on_words("My number is two one two")
        assert call._ears._patient  # type: ignore[attr-defined]
        call.on_turn_ended("My number is two one two five five five oh one two three.", call.now_ms())
        assert not call._ears._patient  # type: ignore[attr-defined]
        await line.send(event="stop", stop={"callSid": "CA1"})
        await line.closed()
    await world.outcome(attempt, 5)


async def test_without_the_database_no_news_come_and_the_calls_go_on(world: Rehearsed) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing")
    news = NewsDesk(nowhere, lambda: {"at_1": cast(Call, None)})
    news.start()
    await news.look()
    await news.stop()
    await nowhere.close()


# --- The database ----------------------------------------------------------------------------------------------------


async def test_a_start_without_the_database_is_closed_and_the_bridge_lives(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="09")
    await world.run("alter table attempt rename to attempt_away")
    try:
        async with carrier(world) as line:
            await line.start(attempt, stream_token(world, attempt))
            await line.closed(5)
    finally:
        await world.run("alter table attempt_away rename to attempt")
    assert (await world.http.get(f"http://127.0.0.1:{world.bridge.port}/health")).status_code == 200


async def test_a_draining_bridge_leaves_newcomers_to_the_next_one_and_keeps_its_calls(world: Rehearsed) -> None:
    with listen("bridge", "127.0.0.1", 0) as lent:
        address = f"127.0.0.1:{lent.getsockname()[1]}"
        settings = world.settings.model_copy(update={"bridge_public_url": f"ws://{address}"})
        old, new = (BridgeServer(replace(world.services, settings=settings)) for _ in range(2))
        await old.start(lent.dup())
        moved = replace(world, bridge=old, settings=settings)
        try:
            attempt = await world.lead("01")
            async with carrier(moved) as line:
                await line.start(attempt, stream_token(world, attempt))
                await line.audio()
                old.stop_accepting()
                waiting = asyncio.create_task(world.http.get(f"http://{address}/health"))
                await asyncio.sleep(0.3)
                assert not waiting.done()  # nobody answers, nobody refuses
                await new.start(lent.dup())
                assert (await waiting).json()["status"] == "ok"
                await line.say_nothing(25)
                assert (old.calls, new.calls, line.socket.state) == (1, 0, State.OPEN)
                await old.drain()
                await line.closed(15)
        finally:
            await old.stop()
            await new.stop()


async def test_the_first_sound_that_the_callee_hears_is_noted_once(world: Rehearsed) -> None:
    attempt = await world.lead("97")
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        assert (await world.attempt(attempt)).agent_heard_at is None, "sent is not heard"
        await line.send(event="mark", streamSid="MZ1", mark=line.of("mark")[0]["mark"])
        async with asyncio.timeout(5):
            while (heard := (await world.attempt(attempt)).agent_heard_at) is None:
                await asyncio.sleep(0.02)
    async with carrier(world) as line:  # another stream of the call: heard before
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
        await line.send(event="mark", streamSid="MZ1", mark=line.of("mark")[0]["mark"])
        await line.say_nothing(10)
    assert (await world.attempt(attempt)).agent_heard_at == heard


# --- The node's row --------------------------------------------------------------------------------------------------


async def test_a_call_whose_stream_broke_is_left_to_the_next_bridge_when_this_one_stops(world: Rehearsed) -> None:
    attempt = await world.lead("01", line="61")
    async with carrier(world) as line:
        await line.start(attempt, stream_token(world, attempt))
        await line.audio()
    await asyncio.sleep(1)
    assert attempt in world.bridge.running, "another stream may take it up"
    world.bridge.running[attempt].drain()
    await eventually(lambda: attempt not in world.bridge.running, 10)
    assert not (await world.attempt(attempt)).conversation_over, "it is not over for that"


async def test_a_bridge_says_that_it_lives_and_how_full_it_is(world: Rehearsed) -> None:
    for call in world.bridge.running.values():
        call.leave_to_others()  # its stream was broken by an earlier test
    await eventually(lambda: world.bridge.calls == 0, 30)
    node = BridgeNode(world.services, world.bridge)
    async with world.database.transaction() as session:
        assert await room_on_bridges(session) == Room(0, "no voice bridge is running")
    await node.start()
    async with world.database.transaction() as session:
        assert (await room_on_bridges(session)).calls == world.settings.bridge_max_calls
    world.bridge.draining = True
    await node.beat()
    world.bridge.draining = False
    async with world.database.transaction() as session:
        assert await room_on_bridges(session) == Room(0, "the voice bridges are full")
    await node.stop()
    assert not await world.run("select 1 from bridge_node")


async def test_a_bridge_that_cannot_hear_says_so_until_it_can(world: Rehearsed) -> None:
    limits = world.world.behaviours["assemblyai"]
    usual, limits.maximum_sessions = limits.maximum_sessions, 0  # type: ignore[attr-defined]
    node = BridgeNode(world.services, world.bridge)
    attempt = await world.lead("98")
    try:
        async with carrier(world) as line:
            await line.start(attempt, stream_token(world, attempt))
            await eventually(lambda: world.services.listen.refusal)
        await node.beat()
        async with world.database.transaction() as session:
            room = await room_on_bridges(session)
        assert room == Room(0, "the recogniser takes no sessions (code 3009), at 1 of 1 bridges")
    finally:
        limits.maximum_sessions = usual  # type: ignore[attr-defined]
    await eventually(lambda: world.services.listen.refusal is None, 20)
    await node.beat()
    async with world.database.transaction() as session:
        assert (await room_on_bridges(session)).calls > 0
    await node.stop()


async def test_a_bridge_that_died_has_no_room(world: Rehearsed) -> None:
    node = BridgeNode(world.services, world.bridge)
    await node.beat()
    await world.run("update bridge_node set beat_at = now() - interval '1 minute'")
    async with world.database.transaction() as session:
        assert (await room_on_bridges(session)).calls == 0
    await node.stop()


async def test_a_beat_survives_a_database_that_is_away(world: Rehearsed) -> None:
    await world.run("alter table bridge_node rename to bridge_away")
    try:
        await BridgeNode(world.services, world.bridge).beat()
    finally:
        await world.run("alter table bridge_away rename to bridge_node")


async def test_health_needs_no_signature_from_a_plain_client(world: Rehearsed) -> None:
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{world.bridge.port}/health?x=1")).status_code == 200
