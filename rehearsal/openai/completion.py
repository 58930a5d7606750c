"""A thought in the shapes of the wire: tokens, stream chunks, whole completions, usage. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import orjson

from rehearsal.openai.brain import Thought

_TOKEN: Final = re.compile(r"\s*(?:[^\W_]{1,7}|.)", re.DOTALL)
_ARGUMENT_PIECE: Final = 6
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def tokens(text: str) -> list[str]:
    """The text in pieces of about a token each."""
    return _TOKEN.findall(text)


def random_id(prefix: str, chance: Random, length: int = 24) -> str:
    """An identifier in the service's style."""
    return prefix + "".join(chance.choices(_LETTERS, k=length))


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer, ready to be sent either way."""

    identifier: str
    created: int
    model: str
    thought: Thought
    call_ids: tuple[str, ...]
    prompt_tokens: int
    finish_reason: str

    @property
    def completion_tokens(self) -> int:
        """Tokens of the text and of the calls."""
        calls = "".join(call.name + orjson.dumps(call.arguments).decode() for call in self.thought.calls)
        return len(tokens(self.thought.text)) + len(tokens(calls))

    @property
    def usage(self) -> dict[str, Any]:
        """The usage object."""
        written = self.completion_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def whole(self) -> dict[str, Any]:
        """The answer to a request without streaming."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self.thought.text or (None if self.thought.calls else ""),
            "refusal": None,
            "annotations": [],
        }
        if self.thought.calls:
            message["tool_calls"] = [
                {
                    "id": identifier,
                    "type": "function",
                    "function": {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()},
                }
                for identifier, call in zip(self.call_ids, self.thought.calls, strict=True)
            ]
        return {
            "id": self.identifier,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}],
            "usage": self.usage,
            "service_tier": "default",
        }

    def chunks(self, *, include_usage: bool) -> Iterator[dict[str, Any]]:
        """The stream's chunks, one for each token or piece of a call's arguments."""
        first: dict[str, Any] = {"role": "assistant", "content": "" if self._has_text else None, "refusal": None}
        yield self._chunk(first, None, include_usage)
        for token in tokens(self.thought.text):
            yield self._chunk({"content": token}, None, include_usage)
        for index, (identifier, call) in enumerate(zip(self.call_ids, self.thought.calls, strict=True)):
            head = {
                "index": index,
                "id": identifier,
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            yield self._chunk({"tool_calls": [head]}, None, include_usage)
            arguments = orjson.dumps(call.arguments).decode()
            for start in range(0, len(arguments), _ARGUMENT_PIECE):
                piece = arguments[start : start + _ARGUMENT_PIECE]
                yield self._chunk(
                    {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None, include_usage
                )
        yield self._chunk({}, self.finish_reason, include_usage)
        if include_usage:
            yield self._envelope() | {"choices": [], "usage": self.usage}

    @property
    def _has_text(self) -> bool:
        return bool(self.thought.text) or not self.thought.calls

    def _envelope(self) -> dict[str, Any]:
        return {
            "id": self.identifier,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
        }

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None, include_usage: bool) -> dict[str, Any]:
        chunk = self._envelope()
        chunk["choices"] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]
        if include_usage:
            chunk["usage"] = None
        return chunk


def shortened(thought: Thought, limit: int | None) -> tuple[Thought, str]:
    """The thought within `limit` tokens, and the finish reason that goes with it."""
    if limit is not None and len(tokens(thought.text)) > limit:
        return Thought("".join(tokens(thought.text)[:limit])), "length"
    return thought, "tool_calls" if thought.calls else "stop"
