"""Each vendor's adapter against its emulator: what comes out, what a fault becomes, that nothing is left open."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
import pytest_asyncio

from cadenza.operations.rehearsal_environment import rehearsal_environment
from cadenza.settings import Settings
from rehearsal.world import World, build_emulator
from tests.voice_bridge.rehearsed import eventually
from voice_bridge.listening.assemblyai import AssemblyAIListening, AssemblyAIOptions, AssemblyAIRecogniser
from voice_bridge.speaking import SpeakingFailed, Voice
from voice_bridge.speaking.elevenlabs import ElevenLabsOptions, ElevenLabsSynthesiser
from voice_bridge.thinking import LastWords, TextPart, ThinkingFailed, TokensUsed, ToolCall
from voice_bridge.thinking.openai import OpenAIOptions, OpenAIThinker
from voice_bridge.tools import definitions

pytestmark = pytest.mark.waits(75)

VOICE = Voice("21m00Tcm4TlvDq8ikWAM", "eleven_flash_v2_5")
FRAME = 160


@dataclass
class Vendors:
    world: World
    listening: AssemblyAIListening
    options: AssemblyAIOptions
    thinker: OpenAIThinker
    synthesiser: ElevenLabsSynthesiser
    ears: Any


@pytest.fixture
def vendors(world_of_vendors: Vendors) -> Vendors:
    """The vendors, without the faults of the test before."""
    world_of_vendors.world.faults.clear()
    return world_of_vendors


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world_of_vendors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Vendors]:
    tmp_path = tmp_path_factory.mktemp("vendors")
    settings = Settings.model_validate({name.lower(): value for name, value in rehearsal_environment(tmp_path).items()})
    world = World(settings=settings, seed=3)
    emulators = {name: build_emulator(world, name) for name in ("assemblyai", "openai", "elevenlabs")}
    for emulator in emulators.values():
        await emulator.start("127.0.0.1", 0)
    port = {name: emulator.port for name, emulator in emulators.items()}  # type: ignore[attr-defined]
    options = AssemblyAIOptions(
        settings.assemblyai_api_key.get_secret_value(),
        f"ws://127.0.0.1:{port['assemblyai']}",
        settings.assemblyai_speech_model,
    )
    thinker = OpenAIThinker(
        OpenAIOptions(
            settings.openai_api_key.get_secret_value(),
            f"http://127.0.0.1:{port['openai']}/v1",
            settings.openai_model,
            timeout_seconds=2.0,
        )
    )
    synthesiser = ElevenLabsSynthesiser(
        ElevenLabsOptions(settings.elevenlabs_api_key.get_secret_value(), f"http://127.0.0.1:{port['elevenlabs']}")
    )
    yield Vendors(world, AssemblyAIListening(options), options, thinker, synthesiser, emulators["assemblyai"])
    await thinker.close()
    await synthesiser.close()
    for emulator in emulators.values():
        await emulator.stop()
    world.truth.close()


# --- Listening -------------------------------------------------------------------------------------------------------


@dataclass
class Listener:
    words: list[str] = field(default_factory=list)
    pauses: list[str] = field(default_factory=list)
    turns: list[tuple[str, int, int]] = field(default_factory=list)
    lost: bool = False

    def on_words(self, text: str) -> None:
        self.words.append(text)

    def on_pause(self, text: str) -> None:
        self.pauses.append(text)

    def on_turn_ended(self, text: str, speech_ended_ms: int) -> None:
        self.turns.append((text, speech_ended_ms, int(asyncio.get_running_loop().time() * 1000)))

    def on_recogniser_lost(self) -> None:
        self.lost = True


async def speak(vendors: Vendors, ears: AssemblyAIRecogniser, text: str, silence_ms: int = 1200) -> int:
    """Say it in real time; when the last word ended, ms."""
    audio = bytes(vendors.world.studio.synthesize(text).audio) + b"\xff" * (silence_ms * 8)
    loop = asyncio.get_running_loop()
    start, ended = loop.time(), 0
    for number, at in enumerate(range(0, len(audio), FRAME)):
        await asyncio.sleep(max(0.0, start + number * 0.02 - loop.time()))
        quiet = at >= len(audio) - silence_ms * 8
        if not quiet:
            ended = int(loop.time() * 1000)
        ears.feed(audio[at : at + FRAME], voiced=not quiet)
    return ended


async def test_what_was_said_while_the_process_stood_still_is_heard(vendors: Vendors) -> None:
    listener = Listener()
    ears = vendors.listening(listener, language="en")
    said = "Please take me off your list and do not ever call me again."
    audio = bytes(vendors.world.studio.synthesize(said).audio) + b"\xff" * 8 * 1500
    frames = [audio[at : at + FRAME] for at in range(0, len(audio), FRAME)]
    for number, frame in enumerate(frames):
        if number == 10:
            time.sleep(2.8)  # noqa: ASYNC251 - a frozen process
        if not 10 <= number < 150:
            await asyncio.sleep(0.02)
        ears.feed(frame, voiced=True)
    await eventually(lambda: " ".join(turn[0] for turn in listener.turns) == said, 5)
    await ears.close()


async def test_speech_becomes_words_and_a_turn_with_its_time(vendors: Vendors) -> None:
    listener = Listener()
    ears = vendors.listening(listener, language="en")
    ended = await speak(vendors, ears, "Yes, I would like that very much. What times do you have?")
    await eventually(lambda: " ".join(turn[0] for turn in listener.turns).endswith("What times do you have?"), 3)
    assert listener.words and listener.words[0].startswith("Yes")
    _, speech_ended, told = listener.turns[-1]
    assert abs(speech_ended - ended) < 400 and speech_ended <= told
    assert ears.seconds > 1
    await ears.close()
    await eventually(lambda: vendors.ears.open_sessions == 0, 3)
    assert ears.seconds < 30


async def test_words_spoken_while_connecting_are_not_lost(vendors: Vendors) -> None:
    vendors.world.faults.order({"vendor": "assemblyai", "operation": "connect", "effect": "delay", "seconds": 0.6})
    listener = Listener()
    ears = vendors.listening(listener, language="en")
    await speak(vendors, ears, "Hello, who is this?")
    await eventually(lambda: listener.turns, 3)
    assert "who is this" in listener.turns[-1][0].lower()
    await ears.close()


async def test_a_number_spelled_in_groups_is_one_turn_while_we_are_patient(vendors: Vendors) -> None:
    listener = Listener()
    ears = vendors.listening(listener, language="en")
    ears.listen_patiently(True)
    await speak(vendors, ears, "It is two one two", silence_ms=1700)
    assert not listener.turns
    assert listener.pauses == ["It is two one two"], "a pause in the middle is told"
    await speak(vendors, ears, "five five five", silence_ms=2800)
    assert [turn[0] for turn in listener.turns] == ["It is two one two five five five"]
    ears.listen_patiently(False)
    await speak(vendors, ears, "and that is", silence_ms=1700)
    assert len(listener.turns) == 2, "the patience ended"
    await ears.close()


@pytest.mark.parametrize("effect", ["close:3005", "clean_close", "cut_socket"])
async def test_a_lost_session_is_replaced_once(vendors: Vendors, effect: str) -> None:
    vendors.world.faults.order({"vendor": "assemblyai", "operation": "audio", "effect": effect, "skip": 3})
    listener = Listener()
    ears = vendors.listening(listener, language="en")
    await speak(
        vendors, ears, "This is a rather long sentence, so that a watchdog has something to listen to. Is it not?"
    )
    for _ in range(4):
        if listener.turns:
            break
        await speak(vendors, ears, "Hello, is anybody there, can you hear me at all? I can hear nothing of you.")
    assert listener.turns and not listener.lost
    await ears.close()


async def test_a_session_that_went_deaf_is_replaced(vendors: Vendors) -> None:
    vendors.world.faults.order({"vendor": "assemblyai", "operation": "audio", "effect": "stall", "skip": 3})
    listener = Listener()
    ears = vendors.listening(listener, language="en")
    for _ in range(4):
        if listener.turns:
            break
        await speak(vendors, ears, "Hello, is anybody there, can you hear me at all? I can hear nothing of you.", 200)
    assert listener.turns and not listener.lost
    await ears.close()


async def test_two_lost_sessions_are_told(vendors: Vendors) -> None:
    vendors.world.faults.order({"vendor": "assemblyai", "operation": "connect", "effect": "close:1008", "count": None})
    listener = Listener()
    ears = vendors.listening(listener, language="en")
    await speak(vendors, ears, "Hello?", silence_ms=1500)
    await eventually(lambda: listener.lost, 5)
    await ears.close()


async def test_a_wrong_key_and_a_dead_address_are_told(vendors: Vendors) -> None:
    for options in (replace(vendors.options, api_key="wrong"), replace(vendors.options, url="ws://127.0.0.1:9")):
        listener = Listener()
        ears = AssemblyAIListening(options)(listener, language="en")
        await speak(vendors, ears, "Hello?", silence_ms=300)
        await eventually(lambda heard=listener: heard.lost, 5)
        await ears.close()


# --- Thinking --------------------------------------------------------------------------------------------------------

MESSAGES = [
    {"role": "system", "content": "You are Ava for Acme. Now: 2026-12-01T10:00:00."},
    {"role": "assistant", "content": "Am I speaking with Alex?"},
]


async def think(vendors: Vendors, words: str) -> list[Any]:
    messages = [*MESSAGES, {"role": "user", "content": words}]
    return [part async for part in vendors.thinker.reply(messages, definitions(("price",)), cache_key="c")]


async def test_words_come_in_pieces_and_tokens_at_the_end(vendors: Vendors) -> None:
    parts = await think(vendors, "Who is this?")
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    assert len(texts) > 3 and "AI assistant" in "".join(texts)
    assert isinstance(parts[-1], TokensUsed) or isinstance(parts[-2], TokensUsed)


async def test_a_tool_call_comes_whole(vendors: Vendors) -> None:
    parts = await think(vendors, "What times do you have on Tuesday?")
    (call,) = [part for part in parts if isinstance(part, ToolCall)]
    assert call.name == "offer_slots" and call.id and call.arguments.startswith("{") and call.arguments.endswith("}")


async def test_the_last_words_come_before_their_call_is_whole(vendors: Vendors) -> None:
    parts = await think(vendors, "Nothing else, goodbye.")
    calls = [part for part in parts if isinstance(part, ToolCall)]
    (last,) = [call for call in calls if call.name == "end_call"]
    words = [part for part in parts if isinstance(part, LastWords)]
    assert len(words) > 2 and parts.index(words[-1]) < parts.index(last)
    assert "".join(part.text for part in words) == orjson.loads(last.arguments)["farewell"]


@pytest.mark.parametrize("effect", ["status:500", "status:503", "status:429"])
async def test_a_failure_before_the_first_word_is_tried_again(vendors: Vendors, effect: str) -> None:
    vendors.world.faults.order({"vendor": "openai", "operation": "chat", "effect": effect})
    assert await think(vendors, "Who is this?")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"effect": "status:401", "count": None}, "credentials"),
        ({"effect": "status:403", "count": None}, "forbidden"),
        ({"effect": "status:404", "count": None}, "not_found"),
        ({"effect": "status:500", "count": None}, "server_error"),
        ({"effect": "quota", "count": None}, "quota"),
        ({"effect": "status:429", "count": None}, "rate_limit"),
        ({"effect": "delay", "seconds": 5, "count": None}, "timeout"),
    ],
)
async def test_a_failure_has_a_reason_and_none_of_the_vendors_words(
    vendors: Vendors, fault: dict[str, Any], reason: str
) -> None:
    vendors.world.faults.order({"vendor": "openai", "operation": "chat", **fault})
    began = time.monotonic()
    with pytest.raises(ThinkingFailed) as failed:
        await think(vendors, "Who is this?")
    assert failed.value.reason == reason and str(failed.value) == reason
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("effect", ["truncate", "error", "cut_socket"])
async def test_a_reply_that_breaks_off_keeps_its_beginning(vendors: Vendors, effect: str) -> None:
    vendors.world.faults.order({"vendor": "openai", "operation": "chat", "effect": effect, "count": None})
    parts: list[Any] = []
    with pytest.raises(ThinkingFailed):
        async for part in vendors.thinker.reply([*MESSAGES, {"role": "user", "content": "Who is this?"}], ()):
            parts.append(part)
    assert parts and all(isinstance(part, TextPart) for part in parts)


async def test_a_tool_call_that_breaks_off_is_none(vendors: Vendors) -> None:
    vendors.world.faults.order({"vendor": "openai", "operation": "chat", "effect": "truncate", "count": None})
    parts: list[Any] = []
    with pytest.raises(ThinkingFailed):
        messages = [*MESSAGES, {"role": "user", "content": "What times do you have?"}]
        async for part in vendors.thinker.reply(messages, definitions(())):
            parts.append(part)
    assert not any(isinstance(part, ToolCall) for part in parts)


async def test_a_dead_address_is_a_connection_failure() -> None:
    thinker = OpenAIThinker(OpenAIOptions("k", "http://127.0.0.1:9/v1", "m", timeout_seconds=2))
    with pytest.raises(ThinkingFailed) as failed:
        [part async for part in thinker.reply(MESSAGES, ())]
    assert failed.value.reason == "connection"
    await thinker.close()


# --- Speaking --------------------------------------------------------------------------------------------------------


async def voice(vendors: Vendors, text: str) -> bytes:
    return b"".join([piece.audio async for piece in vendors.synthesiser.stream(text, VOICE)])


async def test_audio_is_the_vendors_bytes_untouched(vendors: Vendors) -> None:
    spoken = vendors.world.studio.synthesize("Hello there.")
    audio = await voice(vendors, "Hello there.")
    assert abs(len(audio) - len(spoken.audio)) < 8000 * 0.5 and len(audio) > 3000


async def test_every_character_has_its_time_within_the_audio(vendors: Vendors) -> None:
    text = "We have two open times, and both are in the morning. Which one suits you better?"
    pieces = [piece async for piece in vendors.synthesiser.stream(text, VOICE)]
    assert len(pieces) > 3, "several pieces, whose times must go on from one to the next"
    assert "".join(piece.times.characters for piece in pieces) == text
    ends = [end for piece in pieces for end in piece.times.ends_ms]
    assert ends == sorted(ends)
    length = sum(len(piece.audio) for piece in pieces) // 8
    assert length * 0.8 < ends[-1] <= length


@pytest.mark.parametrize("effect", ["status:500", "empty", "status:429"])
async def test_a_silent_failure_is_tried_again(vendors: Vendors, effect: str) -> None:
    vendors.world.faults.order({"vendor": "elevenlabs", "operation": "stream", "effect": effect})
    assert await voice(vendors, "Hello there.")


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        ("status:401", "credentials"),
        ("status:404", "not_found"),
        ("status:422", "bad_request"),
        ("status:429", "rate_limit"),
        ("status:500", "server_error"),
        ("empty", "empty"),
    ],
)
async def test_no_audio_has_a_reason(vendors: Vendors, effect: str, reason: str) -> None:
    vendors.world.faults.order({"vendor": "elevenlabs", "operation": "stream", "effect": effect, "count": None})
    with pytest.raises(SpeakingFailed) as failed:
        await voice(vendors, "Hello there.")
    assert failed.value.reason == reason


async def test_late_audio_is_given_up_in_time(vendors: Vendors) -> None:
    vendors.world.faults.order(
        {"vendor": "elevenlabs", "operation": "stream", "effect": "late", "seconds": 30, "count": None}
    )
    began = time.monotonic()
    with pytest.raises(SpeakingFailed) as failed:
        await voice(vendors, "Hello there.")
    assert failed.value.reason == "timeout" and time.monotonic() - began < 7


async def test_audio_that_stalls_keeps_its_beginning(vendors: Vendors) -> None:
    vendors.world.faults.order({"vendor": "elevenlabs", "operation": "stream", "effect": "stall", "count": None})
    audio = bytearray()
    with pytest.raises(SpeakingFailed):
        async for piece in vendors.synthesiser.stream("A sentence that stalls in its middle somewhere.", VOICE):
            audio += piece.audio
    assert audio


async def test_a_voice_at_a_dead_address_is_a_connection_failure() -> None:
    synthesiser = ElevenLabsSynthesiser(ElevenLabsOptions("k", "http://127.0.0.1:9"))
    with pytest.raises(SpeakingFailed) as failed:
        [chunk async for chunk in synthesiser.stream("Hello.", VOICE)]
    assert failed.value.reason == "connection"
    await synthesiser.close()
