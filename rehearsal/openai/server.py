"""The emulated service: chat completions, models, embeddings.

Faults (vendor `openai`): operations `chat` (streamed), `complete` (not streamed), `embeddings`, `models`. Effects:
`status:<code>` (429 with retry-after), `quota` (429 insufficient_quota), `delay` (`seconds` before the first token),
`stall` (silence after half the tokens, `seconds` or for good), `error` (error object in mid-stream), `truncate` (the
stream ends without finish and [DONE]), `cut_socket`, `empty` (no text), `markup` (Markdown, a list, an emoji),
`promise` (a discount that nobody approved, behind the reply).
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rehearsal.control.faults import Fault
from rehearsal.openai.behaviour import OpenAiBehaviour
from rehearsal.openai.brain import Thought, think
from rehearsal.openai.completion import Completion, random_id, shortened, tokens
from rehearsal.openai.conversation import read, text_of
from rehearsal.openai.embeddings import DIMENSIONS, as_base64, embed
from rehearsal.openai.requests import RefusedError, check_chat
from rehearsal.openai.summary import fill
from rehearsal.servers import AsgiServer, Emulator, cut_connection
from rehearsal.world import World

_FOREVER_SECONDS: Final = 3600.0
_MODELS: Final = (
    "gpt-6-astra",
    "gpt-6.1-sol",
    "gpt-6.1-terra",
    "gpt-6-sol",
    "gpt-6-luna",
    "gpt-5.5",
    "gpt-5.4",
    "gpt-5.4-mini",
    "gpt-4.1-mini",
    "gpt-4o-mini",
    "text-embedding-3-small",
    "text-embedding-3-large",
)
_CREATED: Final = 1_780_000_000

Handler = Callable[[Request], Awaitable[Response]]


class OpenAiEmulator:
    """The service; `behaviour` holds its timings."""

    def __init__(self, world: World, behaviour: OpenAiBehaviour | None = None) -> None:
        self.behaviour = behaviour or OpenAiBehaviour()
        world.behaviours["openai"] = self.behaviour
        self._world = world
        self._answered = 0
        self._models = tuple(dict.fromkeys((world.settings.openai_model, *_MODELS)))
        self._server = AsgiServer(
            Starlette(
                routes=[
                    Route("/v1/chat/completions", self._guarded(self._chat), methods=["POST"]),
                    Route("/v1/embeddings", self._guarded(self._embeddings), methods=["POST"]),
                    Route("/v1/models", self._guarded(self._list), methods=["GET"]),
                    Route("/v1/models/{model:path}", self._guarded(self._model), methods=["GET"]),
                ]
            )
        )

    @property
    def port(self) -> int:
        """The port in use; raises RuntimeError before the start."""
        return self._server.port

    async def start(self, host: str, port: int) -> None:
        """Listen. Port 0 takes a free one. Raises OSError when the port is taken."""
        await self._server.start(host, port)

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            self._answered += 1
            chance = self._world.random("openai", self._answered)
            request.state.chance = chance
            headers = {
                "x-request-id": random_id("req_", chance),
                "openai-version": "2020-10-01",
                "x-ratelimit-limit-requests": "10000",
                "x-ratelimit-remaining-requests": "9999",
                "x-ratelimit-reset-requests": "6ms",
                "x-ratelimit-limit-tokens": "2000000",
                "x-ratelimit-remaining-tokens": "1999000",
                "x-ratelimit-reset-tokens": "3ms",
            }
            try:
                self._authorise(request.headers.get("authorization", ""))
                response = await handler(request)
            except RefusedError as refused:
                response = JSONResponse(refused.body, refused.status)
                if refused.status == 429:
                    response.headers["retry-after"] = "1"
                    response.headers["retry-after-ms"] = "1000"
            response.headers.update(headers)
            return response

        return guarded

    def _authorise(self, header: str) -> None:
        """With no key in the settings any key will do, except one that says it is not."""
        scheme, _, key = header.partition(" ")
        expected = self._world.settings.openai_api_key.get_secret_value()
        if scheme.lower() != "bearer" or not key:
            raise RefusedError(401, "You didn't provide an API key.")
        if (expected and key != expected) or key.startswith("invalid"):
            raise RefusedError(401, "Incorrect API key provided.", code="invalid_api_key")

    def _fault(self, operation: str) -> Fault | None:
        """The fault of this operation. Raises RefusedError where it is a refusal."""
        fault = self._world.faults.take("openai", operation)
        if fault is None:
            return None
        if fault.kind == "quota":
            raise RefusedError(
                429,
                "You exceeded your current quota, please check your plan and billing details.",
                kind="insufficient_quota",
                code="insufficient_quota",
            )
        if fault.kind in {"status", "refuse"}:
            status = int(fault.argument or 500)
            if status == 429:
                raise RefusedError(429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded")
            kind = "server_error" if status >= 500 else "invalid_request_error"
            raise RefusedError(status, "The server had an error while processing your request.", kind=kind)
        return fault

    async def _chat(self, request: Request) -> Response:
        body = check_chat(await _json(request))
        self._known_model(body["model"])
        stream = bool(body.get("stream"))
        fault = self._fault("chat" if stream else "complete")
        completion = self._complete(body, request.state.chance, fault)
        delay = request.state.chance.uniform(
            self.behaviour.shortest_first_token_seconds, self.behaviour.longest_first_token_seconds
        )
        self._world.truth.append(
            "completion",
            stream=stream,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            tools=[call.name for call in completion.thought.calls],
            fault=fault.effect if fault else "",
        )
        if fault is not None and fault.kind in {"delay", "late"}:
            delay += fault.seconds
        if stream:
            include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            events = self._events(request, completion, include_usage, delay, fault)
            return StreamingResponse(events, media_type="text/event-stream; charset=utf-8")
        await asyncio.sleep(delay + completion.completion_tokens / self.behaviour.tokens_per_second)
        if fault is not None and fault.kind == "stall":
            await asyncio.sleep(fault.seconds or _FOREVER_SECONDS)
        if fault is not None and fault.kind == "cut_socket":
            cut_connection(request.scope)
        return JSONResponse(completion.whole())

    def _complete(self, body: dict[str, Any], chance: Random, fault: Fault | None) -> Completion:
        messages = body["messages"]
        texts = [text_of(message) for message in messages]
        tools = [] if body.get("tool_choice") == "none" else body.get("tools") or []
        wanted = body.get("response_format") or {}
        if wanted.get("type") == "json_schema":
            thought = Thought(fill(wanted["json_schema"].get("schema") or {}, messages, texts))
        elif wanted.get("type") == "json_object":
            schema = {"type": "object", "properties": {"summary": {"type": "string"}}}
            thought = Thought(fill(schema, messages, texts))
        else:
            thought = think(read(messages, tools))
        if fault is not None and fault.kind == "empty":
            thought = Thought()
        elif fault is not None and fault.kind == "markup":
            thought = Thought(_marked_up(thought.text), thought.calls)
        elif fault is not None and fault.kind == "promise" and thought.text:
            thought = Thought(f"I can promise you a discount of forty percent. {thought.text}", thought.calls)
        thought, finish = shortened(thought, body.get("max_completion_tokens"))
        return Completion(
            identifier=random_id("chatcmpl-", chance),
            created=int(self._world.clock.now().timestamp()),
            model=body["model"],
            thought=thought,
            call_ids=tuple(random_id("call_", chance) for _ in thought.calls),
            prompt_tokens=sum(len(text) for text in texts) // 4 + len(orjson.dumps(tools)) // 4 + 3 * len(texts),
            finish_reason=finish,
        )

    async def _events(
        self, request: Request, completion: Completion, include_usage: bool, delay: float, fault: Fault | None
    ) -> AsyncIterator[bytes]:
        kind = fault.kind if fault else ""
        chunks = list(completion.chunks(include_usage=include_usage))
        middle = len(chunks) // 2
        begun = asyncio.get_running_loop().time() + delay
        for number, chunk in enumerate(chunks):
            due = begun + number / self.behaviour.tokens_per_second
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if number == middle and kind == "stall":
                assert fault is not None
                await asyncio.sleep(fault.seconds or _FOREVER_SECONDS)
            if number == middle and kind == "error":
                error = {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}
                yield _event({"error": error})
                return
            if number == middle and kind == "truncate":
                return
            if number == middle and kind == "cut_socket":
                cut_connection(request.scope)
                return
            yield _event(chunk)
        yield b"data: [DONE]\n\n"

    async def _embeddings(self, request: Request) -> Response:
        body = await _json(request)
        self._fault("embeddings")
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            raise RefusedError(400, "you must provide a model parameter")
        self._known_model(body["model"])
        given = body.get("input")
        inputs = [given] if isinstance(given, str) else given
        if not isinstance(inputs, list) or not inputs or not all(isinstance(one, str) and one for one in inputs):
            raise RefusedError(400, "'$.input' is invalid.", param="input")
        dimensions = body.get("dimensions", DIMENSIONS)
        if not isinstance(dimensions, int) or not 1 <= dimensions <= 3072:
            raise RefusedError(400, "Invalid value for 'dimensions'.", param="dimensions")
        encoded = body.get("encoding_format", "float") == "base64"
        data = []
        for index, text in enumerate(inputs):
            vector = embed(text, dimensions)
            embedding = as_base64(vector) if encoded else vector
            data.append({"object": "embedding", "index": index, "embedding": embedding})
        used = math.ceil(sum(len(text) for text in inputs) / 4)
        usage = {"prompt_tokens": used, "total_tokens": used}
        return JSONResponse({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def _list(self, request: Request) -> Response:
        self._fault("models")
        return JSONResponse({"object": "list", "data": [_model_object(model) for model in self._models]})

    async def _model(self, request: Request) -> Response:
        self._fault("models")
        model = request.path_params["model"]
        self._known_model(model)
        return JSONResponse(_model_object(model))

    def _known_model(self, model: str) -> None:
        if model not in self._models:
            raise RefusedError(
                404,
                f"The model `{model}` does not exist or you do not have access to it.",
                code="model_not_found",
            )


async def _json(request: Request) -> Any:
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise RefusedError(400, "We could not parse the JSON body of your request.") from None


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _model_object(model: str) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": _CREATED, "owned_by": "system"}


def _marked_up(text: str) -> str:
    """The text as a model writes that forgets it is on the telephone."""
    words = tokens(text)
    half = len(words) // 2
    return (
        f"**{''.join(words[:half]).strip()}**\n\n- {''.join(words[half:]).strip()} 😊\n\n[details](https://example.com)"
    )


def build(world: World) -> Emulator:
    """The emulated OpenAI of this world."""
    return OpenAiEmulator(world)
