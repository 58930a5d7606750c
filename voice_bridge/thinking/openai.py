"""Chat completions of OpenAI and of every server that speaks the same, streamed, over the official SDK."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx2
import jiter
import openai
import structlog
from openai import AsyncOpenAI, AsyncStream, DefaultAioHttpClient

from voice_bridge.thinking import LastWords, ReplyPart, TextPart, ThinkingFailed, TokensUsed, ToolCall

log = structlog.get_logger(__name__)

MAX_REPLY_TOKENS = 300
GAP_SECONDS = 4.0
"""Longest wait between two pieces of a reply that has begun."""
KEPT_OPEN_SECONDS = 60.0
"""A connection that nobody uses: to open one takes two ways there and back, while somebody waits for a reply."""
LONGEST_RETRY_AFTER = 1.0
"""A rate limit that asks for more patience than this is a failure: somebody is on the line."""
_BREATH = 0.15


@dataclass(frozen=True, slots=True)
class OpenAIOptions:
    api_key: str
    base_url: str
    model: str
    timeout_seconds: float


class OpenAIThinker:
    """One for each process: its connections are shared by all calls."""

    def __init__(self, options: OpenAIOptions) -> None:
        self._options = options
        self._client = AsyncOpenAI(
            api_key=options.api_key,
            base_url=options.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(options.timeout_seconds, connect=3.0),
            # 2 ms of processor time for a reply; 3.6 on its usual one, which also forgets a connection after 5 s.
            http_client=DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=1000, keepalive_expiry=KEPT_OPEN_SECONDS)
            ),
        )

    async def reply(
        self,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]],
        *,
        model: str | None = None,
        cache_key: str | None = None,
    ) -> AsyncIterator[ReplyPart]:
        """Stream one reply; one quick second try while nothing was said yet."""
        request = self._request(messages, tools, model or self._options.model, cache_key)
        for attempt in range(2):
            said_something = False
            try:
                async for part in self._stream(request):
                    said_something = True
                    yield part
                return
            except ThinkingFailed as failure:
                log.warning("model_failed", reason=failure.reason, attempt=attempt, said_something=said_something)
                if said_something or attempt or failure.reason in _HOPELESS:
                    raise
                await asyncio.sleep(_BREATH)

    async def close(self) -> None:
        await self._client.close()

    def _request(
        self,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]],
        model: str,
        cache_key: str | None,
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": model,
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": MAX_REPLY_TOKENS,
        }
        if tools:
            request |= {"tools": list(tools), "parallel_tool_calls": False}
        if cache_key:
            request["prompt_cache_key"] = cache_key
        if model.startswith(("gpt-5.", "gpt-6")):
            request["reasoning_effort"] = "none"  # thinking aloud for seconds is no answer on the phone
        return request

    async def _stream(self, request: dict[str, Any]) -> AsyncIterator[ReplyPart]:
        """By the client's `post` and as plain objects: the SDK's typed method walks through every message and tool of
        a request by its type annotations, and makes a model of each token. That was a third of a reply's cost."""
        calls: dict[int, _Fragments] = {}
        finished = False
        try:
            patience = self._options.timeout_seconds
            async with asyncio.timeout(patience):
                stream = await self._client.post(
                    "/chat/completions", cast_to=object, body=request, stream=True, stream_cls=AsyncStream[object]
                )
            async with stream:
                chunks = aiter(stream)
                while (chunk := await _next(chunks, patience)) is not None:
                    patience = GAP_SECONDS
                    if usage := chunk.get("usage"):
                        yield TokensUsed(usage["total_tokens"])
                    for choice in chunk.get("choices") or ():
                        delta = choice.get("delta") or {}
                        if content := delta.get("content"):
                            yield TextPart(content)
                        for fragment in delta.get("tool_calls") or ():
                            call = calls.setdefault(fragment["index"], _Fragments())
                            call.add(fragment)
                            if words := call.more_last_words():
                                yield LastWords(words)
                        finished = finished or choice.get("finish_reason") is not None
        except TimeoutError:
            raise ThinkingFailed("timeout") from None
        except openai.OpenAIError as error:
            raise ThinkingFailed(_reason(error)) from None
        except httpx2.HTTPError:
            raise ThinkingFailed("connection") from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ThinkingFailed("stream_error") from None  # a piece that is no JSON, or has another shape
        if not finished:
            raise ThinkingFailed("cut_off")  # the stream ended in the middle: half a tool call must not run
        for index in sorted(calls):
            yield calls[index].call()


async def _next(chunks: AsyncIterator[Any], patience: float) -> Any | None:
    """The next piece, None at the end. The time-out must not span a `yield`: it would strike the consumer."""
    async with asyncio.timeout(patience):
        return await anext(chunks, None)


class _Fragments:
    """A tool call as its pieces come in: id and name in the first, arguments in all."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self._last_words = ""

    def more_last_words(self) -> str:
        """What came of the farewell since it was asked for the last time."""
        if self.name != "end_call":
            return ""
        try:
            arguments = jiter.from_json("".join(self.arguments).encode(), partial_mode="trailing-strings")
        except ValueError:
            return ""
        farewell = arguments.get("farewell") if isinstance(arguments, dict) else None
        if not isinstance(farewell, str) or not farewell.startswith(self._last_words):
            return ""
        more, self._last_words = farewell[len(self._last_words) :], farewell
        return more

    def add(self, fragment: dict[str, Any]) -> None:
        self.id = self.id or fragment.get("id") or ""
        function = fragment.get("function") or {}
        self.name = self.name or function.get("name") or ""
        self.arguments.append(function.get("arguments") or "")

    def call(self) -> ToolCall:
        return ToolCall(self.id, self.name, "".join(self.arguments))


_HOPELESS = frozenset({"credentials", "forbidden", "bad_request", "not_found", "quota", "rate_limit_long"})


def _reason(error: openai.OpenAIError) -> str:
    match error:
        case openai.APITimeoutError() if not _is_unreachable(error):
            return "timeout"
        case openai.APIConnectionError():
            return "connection"
        case openai.AuthenticationError():
            return "credentials"
        case openai.PermissionDeniedError():
            return "forbidden"
        case openai.NotFoundError():
            return "not_found"
        case openai.RateLimitError():
            return _rate_limit(error)
        case openai.BadRequestError() | openai.UnprocessableEntityError():
            return "bad_request"
        case openai.APIStatusError():
            return "server_error"
    return "stream_error"


def _is_unreachable(error: openai.APITimeoutError) -> bool:
    """The SDK takes a refused connection for one that takes too long, when its client is aiohttp."""
    cause = error.__cause__ and error.__cause__.__cause__
    return isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, aiohttp.ServerTimeoutError)


def _rate_limit(error: openai.RateLimitError) -> str:
    if error.code == "insufficient_quota":
        return "quota"
    try:
        wait = float(error.response.headers.get("retry-after", "0"))
    except ValueError:
        wait = 0.0
    return "rate_limit" if wait <= LONGEST_RETRY_AFTER else "rate_limit_long"
