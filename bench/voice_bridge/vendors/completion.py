"""The model: OpenAI's chat completions as server-sent events."""

from time import monotonic
from typing import Any

import orjson

from bench.voice_bridge.speech import FIRST_SENTENCE, GREETING, SECOND_SENTENCE, find_tag, tag
from bench.voice_bridge.vendors.connection import Connection

FIRST_TOKEN_SECONDS = 0.2
TOKEN_SECONDS = 0.01


class Completion:
    """One streamed answer of the model."""

    def __init__(self, connection: Connection, body: bytes) -> None:
        self._connection = connection
        text = body.decode()
        found = find_tag(text)
        self._turn = connection.account.turn_of(text)
        if self._turn is not None and self._turn.asked_at is None:
            self._turn.asked_at = monotonic()
        answer = (
            f"{FIRST_SENTENCE.format(tag=tag(*found))} {SECOND_SENTENCE}" if found is not None else GREETING
        )  # without a caller's word in it, it is the first line of all
        words = answer.split(" ")
        self._tokens = [words[0], *(f" {word}" for word in words[1:])]
        self._first_ends = len(FIRST_SENTENCE.split()) if found is not None else len(self._tokens)
        self._sent = -1
        self._begun = connection.loop.time() + FIRST_TOKEN_SECONDS
        connection.loop.call_at(self._begun, self._next)

    def _next(self) -> None:
        if self._connection.transport.is_closing():
            return
        if self._sent < 0:
            self._event({"role": "assistant", "content": ""}, None)
        elif self._sent < len(self._tokens):
            if self._sent == self._first_ends and self._turn is not None and self._turn.sentence_at is None:
                self._turn.sentence_at = monotonic()
            self._event({"content": self._tokens[self._sent]}, None)
        else:
            self._event({}, "stop")
            usage = {"prompt_tokens": 900, "completion_tokens": len(self._tokens), "total_tokens": 900 + self._sent}
            self._write({"choices": [], "usage": usage})
            self._connection.chunk(b"data: [DONE]\n\n")
            self._connection.chunk(b"")
            return
        self._sent += 1
        self._connection.loop.call_at(self._begun + (self._sent + 1) * TOKEN_SECONDS, self._next)

    def _event(self, delta: dict[str, Any], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        self._write({"choices": [choice], "usage": None})

    def _write(self, changes: dict[str, Any]) -> None:
        event = {
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_780_000_000, "model": "bench",
            "service_tier": "default", **changes,
        }  # fmt: skip
        self._connection.chunk(b"data: " + orjson.dumps(event) + b"\n\n")
