"""A reply that the model begins while the callee may still go on.

Its parts are kept, nothing of it is said, and its tool calls are only words until the turn has ended: who takes the
parts then runs them as always. Dropped, it leaves no trace but its tokens.
"""

import asyncio
from collections.abc import AsyncIterator

from cadenza.domain import phrases
from voice_bridge.thinking import ReplyPart, ThinkingFailed


class Speculation:
    """One reply to `text`, said after `entries_before` entries of the conversation."""

    def __init__(self, text: str, entries_before: int, parts: AsyncIterator[ReplyPart]) -> None:
        self._text = phrases.plain(text)
        self._entries_before = entries_before
        self._has_parts = False
        self._has_failed = False
        self._queue: asyncio.Queue[ReplyPart | ThinkingFailed | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._pump(parts))

    def fits(self, text: str, entries: int) -> bool:
        """Whether it answers these words, nothing but they came into the conversation since, and it did not fail."""
        return not self._has_failed and phrases.plain(text) == self._text and entries == self._entries_before + 1

    async def parts(self) -> AsyncIterator[ReplyPart]:
        """What the model says, as it comes. Raises ThinkingFailed as the model's own stream would."""
        try:
            while (part := await self._queue.get()) is not None:
                if isinstance(part, ThinkingFailed):
                    raise part
                yield part
        finally:
            self.drop()

    def drop(self) -> None:
        """Stop the model; safe to do twice."""
        self._task.cancel()

    async def _pump(self, parts: AsyncIterator[ReplyPart]) -> None:
        try:
            async for part in parts:
                self._has_parts = True
                self._queue.put_nowait(part)
        except ThinkingFailed as failure:
            self._has_failed = not self._has_parts
            self._queue.put_nowait(failure)
        finally:
            self._queue.put_nowait(None)
