"""The emulated ElevenLabs as the vendor's own SDK and a plain WebSocket client see it."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
import websockets
from elevenlabs.client import AsyncElevenLabs, ElevenLabs
from elevenlabs.core import ApiError
from elevenlabs.errors import UnprocessableEntityError
from pydantic import SecretStr

from cadenza.settings import Settings
from rehearsal.elevenlabs.behaviour import ElevenLabsBehaviour
from rehearsal.elevenlabs.server import ElevenLabsEmulator
from rehearsal.speech import Ear
from rehearsal.speech.mulaw import encode
from rehearsal.world import World

pytestmark = pytest.mark.waits(20)

VOICE = "21m00Tcm4TlvDq8ikWAM"
FLASH = "eleven_flash_v2_5"
ONCE: Any = {"max_retries": 0, "timeout_in_seconds": 10, "chunk_size": 1600}
TEXT = "Hello there, this is Cadenza. Would Tuesday at two suit you?"


@asynccontextmanager
async def _emulator(**options: Any) -> AsyncIterator[tuple[World, ElevenLabsEmulator, AsyncElevenLabs]]:
    world = World(settings=Settings(_env_file=None), seed=7)
    emulator = ElevenLabsEmulator(world, ElevenLabsBehaviour(**options))
    await emulator.start("127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(timeout=10) as http:
            yield (
                world,
                emulator,
                AsyncElevenLabs(api_key="k", base_url=f"http://127.0.0.1:{emulator.port}", httpx_client=http),
            )
    finally:
        await emulator.stop()


def _heard(audio: bytes) -> list[str]:
    return [word.text for word in Ear().feed(audio)]


async def _speak(client: AsyncElevenLabs, text: str = TEXT, voice: str = VOICE, **more: Any) -> bytes:
    stream = client.text_to_speech.stream(
        voice,
        text=text,
        **{"model_id": FLASH, "output_format": "ulaw_8000", "request_options": ONCE, **more},
    )
    return b"".join([chunk async for chunk in stream])


async def test_streamed_speech_is_the_text_and_comes_faster_than_it_sounds() -> None:
    async with _emulator() as (_, emulator, client):
        began = time.monotonic()
        arrivals: list[float] = []
        audio = b""
        async for chunk in client.text_to_speech.stream(
            VOICE, text=TEXT, model_id=FLASH, output_format="ulaw_8000", request_options=ONCE
        ):
            arrivals.append(time.monotonic() - began)
            audio += chunk
        assert _heard(audio) == TEXT.split()
        assert 0.08 < arrivals[0] < 2.0
        assert arrivals[-1] < len(audio) / 8000
        assert emulator.engine.running == 0


async def test_the_headers_say_what_it_cost() -> None:
    async with _emulator(concurrency=4) as (_, _, client):
        async with client.text_to_speech.with_raw_response.stream(
            VOICE, text="Hello.", model_id=FLASH, output_format="ulaw_8000", request_options=ONCE
        ) as answer:
            headers = answer.headers
            assert b"".join([chunk async for chunk in answer.data])
        assert headers["character-cost"] == "6"
        assert headers["maximum-concurrent-requests"] == "4"
        assert headers["current-concurrent-requests"] == "1"
        assert headers["request-id"]


@pytest.mark.parametrize(("output_format", "width"), [("ulaw_8000", 1), ("pcm_8000", 2), ("pcm_16000", 4)])
async def test_whole_speech_comes_in_several_formats(output_format: Any, width: int) -> None:
    async with _emulator() as (world, _, client):
        stream = client.text_to_speech.convert(
            VOICE, text="Hello.", model_id=FLASH, output_format=output_format, request_options=ONCE
        )
        audio = b"".join([chunk async for chunk in stream])
        assert len(audio) == len(world.studio.synthesize("Hello.", "agent").audio) * width
        if output_format == "pcm_8000":
            import numpy as np

            assert _heard(encode(np.frombuffer(audio, "<i2").astype(np.int16))) == ["Hello."]


async def test_timestamps_give_every_character_its_time() -> None:
    async with _emulator() as (_, _, client):
        audio, characters, latest = b"", "", 0.0
        async for part in client.text_to_speech.stream_with_timestamps(
            VOICE, text=TEXT, model_id=FLASH, output_format="ulaw_8000", request_options=ONCE
        ):
            audio += base64.b64decode(part.audio_base_64)
            if part.alignment:
                characters += "".join(part.alignment.characters)
                latest = part.alignment.character_end_times_seconds[-1]
        assert characters == TEXT
        assert _heard(audio) == TEXT.split()
        assert latest > 0
        whole = await client.text_to_speech.convert_with_timestamps(
            VOICE, text=TEXT, model_id=FLASH, output_format="ulaw_8000", request_options=ONCE
        )
        assert whole.alignment is not None
        assert "".join(whole.alignment.characters) == TEXT
        assert abs(whole.alignment.character_end_times_seconds[-1] - len(audio) / 8000) < 0.1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"voice": "no-such-voice"}, 404, "voice_not_found"),
        ({"model_id": "no_such_model"}, 400, "model_not_found"),
        ({"text": "x" * 40_001}, 400, "max_character_limit_exceeded"),
    ],
)
async def test_refusals_have_their_status_and_code(change: dict[str, Any], status: int, code: str) -> None:
    async with _emulator() as (_, _, client):
        with pytest.raises(ApiError) as caught:
            await _speak(client, **change)
        assert caught.value.status_code == status
        assert caught.value.body["detail"]["status"] == code


@pytest.mark.parametrize(
    "change",
    [{"text": " "}, {"output_format": "mp3_44100_128"}, {"previous_request_ids": ["a", "b", "c", "d"]}],
)
async def test_malformed_requests_are_unprocessable(change: dict[str, Any]) -> None:
    async with _emulator() as (_, _, client):
        with pytest.raises(UnprocessableEntityError):
            await _speak(client, **change)


async def test_a_wrong_key_is_refused_where_the_settings_name_one() -> None:
    world = World(settings=Settings(_env_file=None, elevenlabs_api_key=SecretStr("right")), seed=7)
    emulator = ElevenLabsEmulator(world)
    await emulator.start("127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{emulator.port}") as http:
            wrong = await http.get("/v1/voices", headers={"xi-api-key": "k"})
            assert wrong.status_code == 401
            assert wrong.json()["detail"]["status"] == "invalid_api_key"
            assert (await http.get("/v1/voices", headers={"xi-api-key": "right"})).status_code == 200
            assert (await http.get("/v1/voices")).status_code == 401
    finally:
        await emulator.stop()


async def test_more_generations_than_the_account_may_have_are_refused() -> None:
    async with _emulator(concurrency=2) as (_, emulator, client):
        results = await asyncio.gather(*(_speak(client, f"{TEXT} {n}") for n in range(6)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, ApiError)]
        assert len(refused) == 4
        assert all(error.status_code == 429 for error in refused)
        assert refused[0].body["detail"]["status"] == "too_many_concurrent_requests"
        assert emulator.engine.running == 0


async def test_voices_are_listed_searched_cloned_and_deleted() -> None:
    async with _emulator() as (_, _, client):
        names = {voice.name for voice in (await client.voices.get_all()).voices}
        assert {"Rachel", "Charlie"} <= names
        found = await client.voices.search(search="ra", page_size=1)
        assert found.has_more is (found.total_count > 1)
        clone = await client.voices.ivc.create(name="Dana", files=[("a.wav", b"RIFF")])
        assert (await client.voices.get(clone.voice_id)).category == "cloned"
        assert await _speak(client, "Hi.", voice=clone.voice_id)
        await client.voices.delete(clone.voice_id)
        with pytest.raises(ApiError):
            await client.voices.get(clone.voice_id)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_ordered_refusals(status: int) -> None:
    async with _emulator() as (world, _, client):
        world.faults.order({"vendor": "elevenlabs", "operation": "stream", "effect": f"status:{status}"})
        with pytest.raises(ApiError) as caught:
            await _speak(client)
        assert caught.value.status_code == status
        assert await _speak(client)


async def test_a_stall_sends_half_and_then_nothing_and_holds_no_slot_for_ever() -> None:
    async with _emulator() as (world, emulator, client):
        world.faults.order({"vendor": "elevenlabs", "operation": "stream", "effect": "stall"})
        audio = b""
        with pytest.raises(httpx.ReadTimeout):
            async for chunk in client.text_to_speech.stream(
                VOICE,
                text=TEXT,
                model_id=FLASH,
                output_format="ulaw_8000",
                request_options={"max_retries": 0, "timeout_in_seconds": 1, "chunk_size": 160},
            ):
                audio += chunk
        words = _heard(audio)
        assert 0 < len(words) < len(TEXT.split())
        assert words == TEXT.split()[: len(words)]
        for _ in range(100):
            if emulator.engine.running == 0:
                break
            await asyncio.sleep(0.02)
        assert emulator.engine.running == 0


async def test_a_short_stall_goes_on_afterwards() -> None:
    async with _emulator() as (world, _, client):
        world.faults.order({"vendor": "elevenlabs", "operation": "stream", "effect": "stall", "seconds": 0.5})
        assert _heard(await _speak(client, "Hello.")) == ["Hello."]


async def test_a_cut_socket_a_late_start_and_an_empty_answer() -> None:
    async with _emulator() as (world, _, client):
        world.faults.order(
            {"vendor": "elevenlabs", "operation": "stream", "effect": "cut_socket"},
            {"vendor": "elevenlabs", "operation": "stream", "effect": "late", "seconds": 0.5},
            {"vendor": "elevenlabs", "operation": "stream", "effect": "empty"},
        )
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await _speak(client)
        began = time.monotonic()
        assert await _speak(client, "Hello.")
        assert time.monotonic() - began > 0.5
        assert await _speak(client) == b""


def _address(emulator: ElevenLabsEmulator, endpoint: str, **query: Any) -> str:
    items = {"model_id": FLASH, "output_format": "ulaw_8000", **query}
    text = "&".join(f"{name}={value}" for name, value in items.items())
    return f"ws://127.0.0.1:{emulator.port}/v1/text-to-speech/{VOICE}/{endpoint}?{text}"


async def _collect(socket: Any) -> list[dict[str, Any]]:
    messages = []
    try:
        async for text in socket:
            messages.append(orjson.loads(text))
    except websockets.ConnectionClosedError:
        pass
    return messages


def _audio(messages: list[dict[str, Any]], context: str) -> bytes:
    return b"".join(
        base64.b64decode(message["audio"])
        for message in messages
        if message.get("audio") and context in (message.get("context_id"), message.get("contextId"))
    )


@pytest.mark.parametrize("snake", [True, False])
async def test_contexts_are_spoken_beside_each_other(snake: bool) -> None:
    async with _emulator(snake_case=snake) as (_, emulator, _):
        headers = {"xi-api-key": "k"}
        async with websockets.connect(_address(emulator, "multi-stream-input"), additional_headers=headers) as socket:
            for message in (
                {"text": " ", "context_id": "u1", "voice_settings": {"stability": 0.5}},
                {"text": "Hello there. ", "context_id": "u1"},
                {"text": "Bye. ", "context_id": "u1", "flush": True},
                {"text": "Another one. ", "context_id": "u2", "flush": True},
                {"text": "", "context_id": "u1"},
                {"close_socket": True},
            ):
                await socket.send(orjson.dumps(message).decode())
            messages = await _collect(socket)
        assert _heard(_audio(messages, "u1")) == ["Hello", "there.", "Bye."]
        assert _heard(_audio(messages, "u2")) == ["Another", "one."]
        final = "is_final" if snake else "isFinal"
        name = "context_id" if snake else "contextId"
        assert {message[name] for message in messages if message.get(final)} == {"u1", "u2"}
        assert sum(message.get("type") == "flush_done" for message in messages) == 2
        assert socket.close_code == 1000


async def test_auto_mode_speaks_each_sentence_at_once_and_a_closed_context_falls_silent() -> None:
    async with (
        _emulator() as (_, emulator, _),
        websockets.connect(
            _address(emulator, "multi-stream-input", auto_mode="true"), additional_headers={"xi-api-key": "k"}
        ) as socket,
    ):
        await socket.send('{"text":" ","context_id":"u1"}')
        await socket.send('{"text":"A sentence that is long enough for many pieces of it. ","context_id":"u1"}')
        first = orjson.loads(await socket.recv())
        assert first["audio"]
        assert first["alignment"]["chars"][0] == "A"
        await socket.send('{"context_id":"u1","close_context":true}')
        rest = []
        while not (rest and rest[-1].get("is_final")):
            rest.append(orjson.loads(await socket.recv()))
        assert len(rest) <= 3
        # The same id may be used again and is a new context.
        await socket.send('{"text":"Again. ","context_id":"u1","flush":true}')
        await socket.send('{"close_socket":true}')
        assert _heard(_audio(await _collect(socket), "u1")) == ["Again."]


async def test_a_sixth_context_is_refused() -> None:
    async with _emulator() as (_, emulator, _):
        async with websockets.connect(
            _address(emulator, "multi-stream-input"), additional_headers={"xi-api-key": "k"}
        ) as socket:
            for number in range(6):
                await socket.send(orjson.dumps({"text": " ", "context_id": f"u{number}"}).decode())
            messages = await _collect(socket)
        assert messages[-1]["error"] == "max_contexts_exceeded"
        assert socket.close_code == 1008


@pytest.mark.parametrize("endpoint", ["multi-stream-input", "stream-input"])
async def test_a_socket_needs_a_key_in_the_header_or_the_first_message(endpoint: str) -> None:
    async with _emulator() as (_, emulator, _):
        async with websockets.connect(_address(emulator, endpoint)) as socket:
            await socket.send('{"text":" "}')
            assert (await _collect(socket))[-1]["error"] == "invalid_api_key"
        async with websockets.connect(_address(emulator, endpoint)) as socket:
            await socket.send('{"text":" ","xi_api_key":"k"}')
            await socket.send('{"text":"Hi. ","flush":true}')
            assert orjson.loads(await socket.recv())["audio"]


async def test_a_silent_client_is_closed_after_the_inactivity_time() -> None:
    async with _emulator() as (_, emulator, _):
        async with websockets.connect(
            _address(emulator, "multi-stream-input", inactivity_timeout=1),
            additional_headers={"xi-api-key": "k"},
        ) as socket:
            messages = await _collect(socket)
        assert messages[-1]["error"] == "input_timeout_exceeded"


async def test_the_sdks_own_realtime_client_is_served() -> None:
    async with _emulator() as (_, emulator, _):

        def speak() -> bytes:
            client = ElevenLabs(api_key="k", base_url=f"http://127.0.0.1:{emulator.port}")
            client.text_to_speech._ws_base_url = f"ws://127.0.0.1:{emulator.port}"  # type: ignore[attr-defined]
            return b"".join(
                client.text_to_speech.convert_realtime(
                    VOICE,
                    text=iter(["Hello there. ", "How are you?"]),
                    model_id=FLASH,
                    output_format="ulaw_8000",
                )
            )

        assert _heard(await asyncio.to_thread(speak)) == ["Hello", "there.", "How", "are", "you?"]


@pytest.mark.parametrize(("effect", "code"), [("status:429", 1008), ("cut_socket", 1006)])
async def test_faults_of_a_generation_end_the_socket(effect: str, code: int) -> None:
    async with _emulator() as (world, emulator, _):
        world.faults.order({"vendor": "elevenlabs", "operation": "generate", "effect": effect})
        async with websockets.connect(
            _address(emulator, "multi-stream-input"), additional_headers={"xi-api-key": "k"}
        ) as socket:
            await socket.send(orjson.dumps({"text": TEXT, "context_id": "u1", "flush": True}).decode())
            await _collect(socket)
        assert socket.close_code == code
        assert emulator.engine.running == 0


@pytest.mark.no_cover  # other tests cover its lines
async def test_fifty_calls_can_be_spoken_to_in_one_process() -> None:
    async with _emulator(concurrency=60) as (_, _, client):
        began = time.process_time()
        results = await asyncio.gather(*(_speak(client, f"Sentence number {n}.") for n in range(50)))
        assert all(_heard(audio)[:2] == ["Sentence", "number"] for audio in results)
        assert time.process_time() - began < 8
