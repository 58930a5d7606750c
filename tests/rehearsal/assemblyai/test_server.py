"""The emulated AssemblyAI as the vendor's own SDK sees it, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from assemblyai.streaming.v3 import (
    AsyncStreamingClient,
    Encoding,
    SpeechModel,
    StreamingClientOptions,
    StreamingEvents,
    StreamingParameters,
    StreamingSessionParameters,
)

from cadenza.settings import Settings
from rehearsal.assemblyai.behaviour import AssemblyAiBehaviour
from rehearsal.assemblyai.server import AssemblyAiEmulator
from rehearsal.speech.mulaw import SILENT_FRAME
from rehearsal.world import World

pytestmark = pytest.mark.waits(20)

PARAMETERS = StreamingParameters(
    sample_rate=8000,
    encoding=Encoding.pcm_mulaw,
    speech_model=SpeechModel.universal_3_5_pro,
    format_turns=True,
    keyterms_prompt=["Calendly"],
)


@asynccontextmanager
async def _emulator(**options: Any) -> AsyncIterator[tuple[World, AssemblyAiEmulator]]:
    world = World(settings=Settings(_env_file=None), seed=7)
    emulator = AssemblyAiEmulator(world, AssemblyAiBehaviour(**options))
    await emulator.start("127.0.0.1", 0)
    try:
        yield world, emulator
    finally:
        await emulator.stop()


class _Line:
    """An SDK client that notes every event with its time."""

    def __init__(self, port: int, key: str | None = "k", token: str | None = None) -> None:
        options = StreamingClientOptions(api_key=key, token=token, api_host=f"ws://127.0.0.1:{port}", connect_timeout=5)
        self.client = AsyncStreamingClient(options)
        self.events: list[tuple[float, str, Any]] = []
        self.woken = asyncio.Event()
        for event in StreamingEvents:
            self.client.on(event, self._handler(event.name))

    def _handler(self, name: str) -> Any:
        async def note(_client: Any, event: Any) -> None:
            self.events.append((time.monotonic(), name, event))
            self.woken.set()

        return note

    def names(self) -> list[str]:
        return [name for _, name, _ in self.events]

    async def until(self, name: str, seconds: float = 5.0) -> Any:
        async with asyncio.timeout(seconds):
            while True:
                for _, found, event in self.events:
                    if found == name:
                        return event
                self.woken.clear()
                await self.woken.wait()

    async def say(self, audio: bytes, chunk_ms: int = 60) -> None:
        size = chunk_ms * 8
        begun = time.monotonic()
        for number, start in enumerate(range(0, len(audio), size)):
            await asyncio.sleep(max(0.0, begun + number * chunk_ms / 1000 - time.monotonic()))
            chunk = audio[start : start + size]
            await self.client.stream(chunk.ljust(size, b"\xff"))


def _spoken(world: World, text: str, silence_ms: int = 600) -> bytes:
    return world.studio.synthesize(text, "person-1").audio + SILENT_FRAME * (silence_ms // 20)


async def test_a_sentence_becomes_a_turn_soon_after_its_end() -> None:
    async with _emulator() as (world, emulator):
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        utterance = world.studio.synthesize("Yes, Tuesday works.", "person-1")
        begun = time.monotonic()
        await line.say(utterance.audio + SILENT_FRAME * 40)
        await line.client.disconnect(terminate=True)
        assert line.names()[:2] == ["Begin", "SpeechStarted"]
        assert line.names()[-1] == "Termination"
        at, _, turn = next(entry for entry in line.events if entry[1] == "Turn" and entry[2].end_of_turn)
        assert turn.transcript == "Yes, Tuesday works."
        assert 0.1 < at - begun - utterance.words[-1].end_ms / 1000 < 1.0
        (closed,) = world.truth.entries("recogniser_closed")
        assert closed.facts["terminated"] is True
        assert emulator.open_sessions == 0


async def test_configuration_and_forced_ends_are_obeyed() -> None:
    async with _emulator() as (world, emulator):
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        await line.client.set_params(StreamingSessionParameters(max_turn_silence=5000, agent_context="So?"))
        await line.say(_spoken(world, "My e-mail is", 1500))
        assert not any(name == "Turn" and event.end_of_turn for _, name, event in line.events)
        await line.client.force_endpoint()
        await asyncio.sleep(0.4)
        assert line.events[-1][2].end_of_turn
        await line.client.keep_alive()
        await line.client.disconnect(terminate=True)
        assert "Error" not in line.names()


@pytest.mark.parametrize(("key", "code"), [("invalid-key", 1008), ("", 1008)])
async def test_a_wrong_key_is_refused(key: str, code: int) -> None:
    async with _emulator() as (_, emulator):
        line = _Line(emulator.port, key=key)
        await line.client.connect(PARAMETERS)
        error = await line.until("Error")
        assert error.code == code


async def test_a_token_opens_one_session() -> None:
    async with _emulator() as (_, emulator):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{emulator.port}") as http:
            answer = await http.get("/v3/token", params={"expires_in_seconds": 60}, headers={"Authorization": "k"})
            assert answer.status_code == 200
            assert (await http.get("/v3/token", params={"expires_in_seconds": 60})).status_code == 401
            refused = await http.get("/v3/token", params={"expires_in_seconds": 601}, headers={"Authorization": "k"})
            assert refused.status_code == 400
            assert (await http.get("/elsewhere")).status_code == 404
        token = answer.json()["token"]
        address = f"ws://127.0.0.1:{emulator.port}/v3/ws?sample_rate=8000&encoding=pcm_mulaw&token={token}"
        async with websockets.connect(address) as socket:
            assert '"Begin"' in str(await socket.recv())


@pytest.mark.parametrize("length", [399, 8001])
async def test_a_chunk_of_the_wrong_length_ends_the_session(length: int) -> None:
    async with _emulator() as (_, emulator):
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        await line.client.stream(b"\xff" * length)
        error = await line.until("Error")
        assert error.code == 3007
        assert "Input duration violation" in str(error)


async def test_audio_faster_than_real_time_ends_the_session() -> None:
    async with _emulator() as (_, emulator):
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        for _ in range(4):
            await line.client.stream(b"\xff" * 8000)
        error = await line.until("Error")
        assert error.code == 3007
        assert "Rate Exceeded" in str(error)


@pytest.mark.parametrize("message", ["{", "[]", '{"type":"Dance"}', '{"type":"UpdateConfiguration","x":1}'])
async def test_a_bad_message_ends_the_session(message: str) -> None:
    async with _emulator() as (_, emulator):
        address = f"ws://127.0.0.1:{emulator.port}/v3/ws?sample_rate=8000&encoding=pcm_mulaw"
        async with websockets.connect(address, additional_headers={"Authorization": "k"}) as socket:
            await socket.recv()
            await socket.send(message)
            assert '"error_code":3006' in str(await socket.recv())
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 3006


async def test_bad_parameters_and_too_many_sessions_are_refused() -> None:
    async with _emulator(maximum_sessions=1) as (_, emulator):
        first = _Line(emulator.port)
        await first.client.connect(PARAMETERS)
        await first.until("Begin")
        second = _Line(emulator.port)
        await second.client.connect(PARAMETERS)
        assert (await second.until("Error")).code == 3009
        await first.client.disconnect(terminate=True)
        third = _Line(emulator.port)
        await third.client.connect(StreamingParameters(sample_rate=16000, encoding=Encoding.pcm_mulaw))
        assert (await third.until("Error")).code == 3006


async def test_an_idle_session_ends_when_it_was_ordered_to() -> None:
    async with _emulator() as (_, emulator):
        address = f"ws://127.0.0.1:{emulator.port}/v3/ws?sample_rate=8000&encoding=pcm_mulaw&inactivity_timeout=5"
        async with websockets.connect(address, additional_headers={"Authorization": "k"}) as socket:
            await socket.recv()
            assert "Inactivity" in str(await socket.recv())


async def test_a_clean_close_without_termination_raises_no_callback() -> None:
    async with _emulator() as (world, emulator):
        world.faults.order({"vendor": "assemblyai", "operation": "audio", "effect": "clean_close", "skip": 2})
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        await line.say(SILENT_FRAME * 30)
        await asyncio.sleep(0.2)
        assert line.names() == ["Begin"]


async def test_a_stalled_session_takes_audio_and_says_nothing() -> None:
    async with _emulator() as (world, emulator):
        world.faults.order({"vendor": "assemblyai", "operation": "audio", "effect": "stall"})
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        await line.say(_spoken(world, "Yes."))
        assert line.names() == ["Begin"]
        assert emulator.open_sessions == 1


@pytest.mark.parametrize(("effect", "code"), [("close:3005", 3005), ("close:1013", 1013), ("close:3009", 3009)])
async def test_ordered_closes_come_with_their_code(effect: str, code: int) -> None:
    async with _emulator() as (world, emulator):
        world.faults.order({"vendor": "assemblyai", "operation": "turn", "effect": effect})
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        await line.say(_spoken(world, "Yes."))
        assert (await line.until("Error")).code == code


async def test_a_cut_socket_is_cut() -> None:
    async with _emulator() as (world, emulator):
        world.faults.order({"vendor": "assemblyai", "operation": "audio", "effect": "cut_socket"})
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        await line.say(SILENT_FRAME * 3)
        assert (await line.until("Error")).code in {1006, None}


async def test_a_delay_postpones_every_answer() -> None:
    async with _emulator() as (world, emulator):
        world.faults.order({"vendor": "assemblyai", "operation": "audio", "effect": "delay", "seconds": 1.0})
        line = _Line(emulator.port)
        await line.client.connect(PARAMETERS)
        await line.say(_spoken(world, "Yes.", 300))
        assert "Turn" not in line.names()
        assert (await line.until("Turn")).transcript == "Yes."


@pytest.mark.no_cover  # other tests cover its lines
async def test_fifty_sessions_run_beside_each_other_in_one_process() -> None:
    async with _emulator() as (world, emulator):
        audio = _spoken(world, "Could you call me back tomorrow at three?", 500)

        async def one() -> bool:
            line = _Line(emulator.port)
            await line.client.connect(PARAMETERS)
            await line.say(audio)
            await line.client.disconnect(terminate=True)
            return any(
                name == "Turn" and event.transcript == "Could you call me back tomorrow at three?"
                for _, name, event in line.events
            )

        began = time.process_time()
        results = await asyncio.gather(*(one() for _ in range(50)))
        assert all(results)
        # Clients and server together; one second of CPU would be 50 ms a second and session.
        assert time.process_time() - began < 6
