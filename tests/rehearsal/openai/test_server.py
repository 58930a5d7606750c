"""The emulated OpenAI as the vendor's own SDK sees it, and its messages against the official description."""

import asyncio
import json
import math
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import openai
import pytest
from openai import AsyncOpenAI

from cadenza.settings import Settings
from rehearsal.openai.behaviour import OpenAiBehaviour
from rehearsal.openai.server import OpenAiEmulator
from rehearsal.world import World
from tests.rehearsal.openai.telephone import FIRST, OPENING, PROMPT, SECOND, TOOLS

pytestmark = pytest.mark.waits(20)

MODEL = "gpt-5.4-mini"
QUICK = {"shortest_first_token_seconds": 0.0, "longest_first_token_seconds": 0.01}
OPEN_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
GREETED: list[Any] = [{"role": "system", "content": PROMPT}, {"role": "assistant", "content": OPENING}]


@asynccontextmanager
async def _emulator(**options: Any) -> AsyncIterator[tuple[World, OpenAiEmulator, AsyncOpenAI]]:
    world = World(settings=Settings(_env_file=None), seed=7)
    emulator = OpenAiEmulator(world, OpenAiBehaviour(**options))
    await emulator.start("127.0.0.1", 0)
    client = AsyncOpenAI(api_key="k", base_url=f"http://127.0.0.1:{emulator.port}/v1", max_retries=0, timeout=10)
    try:
        yield world, emulator, client
    finally:
        await client.close()
        await emulator.stop()


def _say(text: str, *before: Any) -> list[Any]:
    return [*GREETED, *before, {"role": "user", "content": text}]


async def _stream(client: AsyncOpenAI, messages: list[Any], **more: Any) -> list[Any]:
    stream = await client.chat.completions.create(
        model=MODEL,
        messages=messages,
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        **{"tools": TOOLS, "parallel_tool_calls": False, "max_completion_tokens": 200, **more},
    )
    return [chunk async for chunk in stream]


def _text(chunks: list[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


async def test_words_are_streamed_token_by_token_with_usage_at_the_end() -> None:
    async with _emulator() as (_, _, client):
        began = time.monotonic()
        stream = await client.chat.completions.create(
            model=MODEL, messages=_say("Who is this?"), stream=True, stream_options={"include_usage": True}
        )
        chunks, arrivals = [], []
        async for chunk in stream:
            chunks.append(chunk)
            arrivals.append(time.monotonic() - began)
        assert _text(chunks).startswith("This is Ava, an AI assistant calling for Harbour Energy")
        assert 0.18 <= arrivals[0] < 3.0
        assert len(chunks) > 15
        assert arrivals[-1] - arrivals[0] > (len(chunks) - 2) / 60 * 0.9
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert chunks[-1].choices == []
        assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens
        assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_a_tool_call_comes_in_pieces_with_its_id_in_the_first_only() -> None:
    async with _emulator() as (_, _, client):
        chunks = await _stream(client, _say("Could you do Thursday afternoon?"))
        pieces = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
        assert pieces[0].id
        assert pieces[0].function.name == "offer_slots"
        assert pieces[0].function.arguments == ""
        assert len(pieces) > 3
        assert all(piece.id is None and piece.function.name is None for piece in pieces[1:])
        arguments = json.loads("".join(piece.function.arguments for piece in pieces))
        assert arguments == {"preference": "Could you do Thursday afternoon?"}
        assert chunks[-2].choices[0].finish_reason == "tool_calls"


async def test_a_whole_booking_over_the_wire() -> None:
    async with _emulator(**QUICK) as (_, _, client):
        messages = _say("When could we meet?")
        answers = {
            "offer_slots": {"slots": [FIRST, SECOND]},
            "book_appointment": {"status": "booked", "spoken": f"{SECOND['spoken']} with Dana Reyes"},
        }
        spoken: list[str] = []
        for words in (None, "The second one please.", "No, that's all, thank you. Bye."):
            if words:
                messages.append({"role": "user", "content": words})
            while True:
                completion = await client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)  # type: ignore[call-overload]
                message = completion.choices[0].message
                messages.append(message.model_dump(exclude_none=True))
                spoken.append(message.content or "")
                if not message.tool_calls or message.tool_calls[0].function.name == "end_call":
                    break
                call = message.tool_calls[0]
                messages.append(
                    {"role": "tool", "tool_call_id": call.id, "content": json.dumps(answers[call.function.name])}
                )
        assert any(text.startswith("You're booked for Wednesday") for text in spoken)
        assert message.tool_calls[0].function.name == "end_call"


async def test_long_replies_are_cut_at_the_token_limit() -> None:
    async with _emulator(**QUICK) as (_, _, client):
        chunks = await _stream(client, _say("Who is this?"), max_completion_tokens=5)
        assert chunks[-2].choices[0].finish_reason == "length"
        assert chunks[-1].usage.completion_tokens == 5


async def test_a_summary_fits_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"summary": {"type": "string"}, "interest": {"enum": ["high", "low"]}},
        "required": ["summary", "interest"],
        "additionalProperties": False,
    }
    async with _emulator(**QUICK) as (_, _, client):
        completion = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Agent: You're booked for Tuesday.\nCallee: Great, bye."}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "summary", "strict": True, "schema": schema},
            },
        )
        value = json.loads(completion.choices[0].message.content or "")
        jsonschema.validate(value, schema)
        assert value["interest"] == "high"


async def test_models_and_embeddings() -> None:
    async with _emulator() as (_, _, client):
        assert MODEL in [model.id async for model in client.models.list()]
        assert (await client.models.retrieve(MODEL)).id == MODEL
        answer = await client.embeddings.create(
            model="text-embedding-3-small", input=["too expensive", "it is too expensive", "good morning"]
        )
        first, second, third = (one.embedding for one in answer.data)
        assert len(first) == 1536
        assert math.isclose(sum(value * value for value in first), 1.0, rel_tol=1e-4)
        assert sum(map(lambda a, b: a * b, first, second)) > sum(map(lambda a, b: a * b, first, third))
        plain = await client.embeddings.create(
            model="text-embedding-3-small", input="hi", dimensions=8, encoding_format="float"
        )
        assert len(plain.data[0].embedding) == 8


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": "no-such-model"}, openai.NotFoundError),
        ({"messages": []}, openai.BadRequestError),
        ({"messages": [{"role": "wizard", "content": "hi"}]}, openai.BadRequestError),
        ({"messages": [{"role": "user", "content": None}]}, openai.BadRequestError),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "{}"}]}, openai.BadRequestError),
        ({"max_tokens": 5}, openai.BadRequestError),
        ({"max_completion_tokens": 0}, openai.BadRequestError),
        ({"tools": []}, openai.BadRequestError),
        ({"stream_options": {"include_usage": True}}, openai.BadRequestError),
        ({"reasoning_effort": "heroic"}, openai.BadRequestError),
        ({"extra_body": {"wings": 2}}, openai.BadRequestError),
        ({"response_format": {"type": "xml"}}, openai.BadRequestError),
        (
            {"tools": [{"type": "function", "function": {"name": "x", "strict": True, "parameters": OPEN_SCHEMA}}]},
            openai.BadRequestError,
        ),
    ],
)  # fmt: skip
async def test_what_the_service_would_refuse_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    async with _emulator() as (_, _, client):
        with pytest.raises(error):
            await client.chat.completions.create(**{"model": MODEL, "messages": _say("Hi"), **change})


async def test_a_tool_call_left_unanswered_is_refused() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "offer_slots", "arguments": "{}"}}
    async with _emulator() as (_, _, client):
        with pytest.raises(openai.BadRequestError, match="must be followed by tool messages"):
            await client.chat.completions.create(
                model=MODEL, messages=_say("Hello?", {"role": "assistant", "content": None, "tool_calls": [call]})
            )


async def test_keys_are_checked() -> None:
    async with _emulator() as (_, emulator, client):
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="invalid").models.list()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{emulator.port}") as http:
            answer = await http.get("/v1/models")
            assert answer.status_code == 401
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
            assert answer.headers["x-request-id"].startswith("req_")
            broken = await http.post("/v1/chat/completions", content=b"{", headers={"authorization": "Bearer k"})
            assert broken.status_code == 400


@pytest.mark.parametrize(
    ("effect", "error", "code"),
    [
        ("status:429", openai.RateLimitError, "rate_limit_exceeded"),
        ("quota", openai.RateLimitError, "insufficient_quota"),
        ("status:500", openai.InternalServerError, None),
        ("status:503", openai.InternalServerError, None),
    ],
)
async def test_ordered_refusals(effect: str, error: type[openai.APIStatusError], code: str | None) -> None:
    async with _emulator() as (world, _, client):
        world.faults.order({"vendor": "openai", "operation": "chat", "effect": effect})
        with pytest.raises(error) as caught:
            await _stream(client, _say("Hi"))
        assert caught.value.code == code
        if effect == "status:429":
            assert caught.value.response.headers["retry-after"] == "1"
        assert _text(await _stream(client, _say("Who is this?")))


async def test_the_sdk_tries_again_after_a_rate_limit() -> None:
    async with _emulator(**QUICK) as (world, _, client):
        world.faults.order({"vendor": "openai", "operation": "chat", "effect": "status:429"})
        assert _text(await _stream(client.with_options(max_retries=1), _say("Who is this?")))


async def test_faults_in_the_middle_of_a_stream() -> None:
    async with _emulator(**QUICK) as (world, _, client):
        for effect in ("error", "truncate", "cut_socket", "empty", "markup", "promise"):
            world.faults.order({"vendor": "openai", "operation": "chat", "effect": effect})
        with pytest.raises(openai.APIError):
            await _stream(client, _say("Who is this?"))
        truncated = await _stream(client, _say("Who is this?"))
        assert all(choice.finish_reason is None for chunk in truncated for choice in chunk.choices)
        with pytest.raises(Exception):  # noqa: B017 - httpx or httpx2, as the SDK chose its transport
            await _stream(client, _say("Who is this?"))
        empty = await _stream(client, _say("Who is this?"))
        assert _text(empty) == ""
        assert empty[-2].choices[0].finish_reason == "stop"
        assert "**" in _text(await _stream(client, _say("Who is this?")))
        assert "a discount of forty percent" in _text(await _stream(client, _say("Who is this?")))


async def test_a_slow_first_token_and_a_stall() -> None:
    async with _emulator(**QUICK) as (world, _, client):
        world.faults.order(
            {"vendor": "openai", "operation": "chat", "effect": "delay", "seconds": 0.7},
            {"vendor": "openai", "operation": "chat", "effect": "stall", "seconds": 0.7},
        )
        for _ in range(2):
            began = time.monotonic()
            assert _text(await _stream(client, _say("Who is this?")))
            assert time.monotonic() - began > 0.7


@pytest.mark.no_cover  # other tests cover its lines
async def test_fifty_conversations_are_served_in_one_process() -> None:
    async with _emulator() as (_, _, client):
        answers = await asyncio.gather(*(_stream(client, _say("Who is this?")) for _ in range(50)))
        assert all(_text(answer).startswith("This is Ava") for answer in answers)


# --- the official description ------------------------------------------------------------------------------------


def _specification() -> dict[str, Any]:
    root = Path(__file__).parents[3]
    named = os.environ.get("CADENZA_SPECS_DIR")
    folder = Path(named) if named else root.parent / "shared" / "reference" / "specs"
    path = folder / "openai" / "openai-voice-slice.json"
    if not path.exists():
        pytest.skip("the official OpenAI description is not here (CADENZA_SPECS_DIR)")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _nullable(schema: Any) -> Any:
    """OpenAPI's `nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [_nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _nullable(one) for key, one in schema.items()}
    return {"anyOf": [found, {"type": "null"}]} if found.pop("nullable", False) is True else found


def _check(value: Any, schema: str) -> None:
    components = _nullable(_specification()["components"])
    reference = {"$ref": f"#/components/schemas/{schema}", "components": components}
    jsonschema.Draft202012Validator(reference).validate(value)


@pytest.mark.parametrize("words", ["Who is this?", "Could you do Thursday afternoon?"])
@pytest.mark.parametrize("usage", [True, False])
async def test_chunks_fit_the_official_description(words: str, usage: bool) -> None:
    _specification()
    async with _emulator(**QUICK) as (_, emulator, _):
        body: dict[str, Any] = {"model": MODEL, "messages": _say(words), "tools": TOOLS, "stream": True}
        if usage:
            body["stream_options"] = {"include_usage": True}
        _check(body, "CreateChatCompletionRequest")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{emulator.port}") as http:
            answer = await http.post("/v1/chat/completions", json=body, headers={"authorization": "Bearer k"})
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
        assert events[-1] == "[DONE]"
        for event in events[:-1]:
            _check(json.loads(event), "CreateChatCompletionStreamResponse")


@pytest.mark.parametrize("words", ["Who is this?", "Could you do Thursday afternoon?"])
async def test_completions_models_and_embeddings_fit_the_official_description(words: str) -> None:
    _specification()
    async with (
        _emulator(**QUICK) as (_, emulator, _),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{emulator.port}", headers={"authorization": "Bearer k"}) as http,
    ):
        body = {"model": MODEL, "messages": _say(words), "tools": TOOLS}
        _check((await http.post("/v1/chat/completions", json=body)).json(), "CreateChatCompletionResponse")
        _check((await http.get("/v1/models")).json(), "ListModelsResponse")
        embeddings = {"model": "text-embedding-3-small", "input": "hi"}
        _check((await http.post("/v1/embeddings", json=embeddings)).json(), "CreateEmbeddingResponse")
