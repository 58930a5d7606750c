"""Thinking: the conversation so far in, words and tool calls out, as they come."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TextPart:
    """Some more text of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class LastWords:
    """Some more text of a farewell, as it stands in a tool call that is still being written."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool run. `arguments` is JSON as the model wrote it: possibly broken."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class TokensUsed:
    count: int


ReplyPart = TextPart | LastWords | ToolCall | TokensUsed


class ThinkingFailed(Exception):
    """The model gave no (whole) reply. `reason` is a stable word, never the vendor's text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Thinker(Protocol):
    """A chat model."""

    def reply(
        self,
        messages: Sequence[dict[str, Any]],
        tools: Sequence[dict[str, Any]],
        *,
        model: str | None = None,
        cache_key: str | None = None,
    ) -> AsyncIterator[ReplyPart]:
        """Stream the reply. Raises ThinkingFailed; what came before it counts."""

    async def close(self) -> None: ...
