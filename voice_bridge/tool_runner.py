"""Runs the model's tools in tasks of their own, each with a journal row: an interruption ends no booking."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol

from cadenza.domain.outcomes import Speaker
from cadenza.records.journal import TurnRow
from voice_bridge import turn_events as events
from voice_bridge.conversation import Conversation, ToolEntry
from voice_bridge.journal import Journal
from voice_bridge.thinking import ToolCall
from voice_bridge.tools import ToolBox, ToolOutcome, new_call_id

PATIENCE_SECONDS = 30.0
"""A booking asked for in the last second is waited for: its result belongs to the outcome."""
CALENDAR_TOOLS = frozenset({"offer_slots", "book_appointment"})
_MAX_ARGUMENTS = 2000
_MAX_NAME = 100


class Listener(Protocol):
    """Who is told that a tool runs."""

    def take(self, event: events.Event) -> None: ...
    def now_ms(self) -> int: ...


def row_of(entry: ToolEntry, started_at: datetime | None = None) -> TurnRow:
    """The entry as the journal has it; written again, it keeps the instant at which it began."""
    payload: dict[str, Any] = {"arguments": entry.arguments[:_MAX_ARGUMENTS]}
    if entry.result is not None:
        payload["result"] = entry.result
    return TurnRow(
        entry.position,
        Speaker.TOOL,
        tool=entry.name[:_MAX_NAME],
        tool_call_id=entry.id[:_MAX_NAME],
        payload=payload,
        started_at=started_at,
    )


def _is_connecting(entry: object) -> bool:
    return isinstance(entry, ToolEntry) and (entry.result or {}).get("status") == "connecting"


class ToolRunner:
    """The tools of one call, one at a time."""

    def __init__(
        self, attempt_id: str, tools: ToolBox, conversation: Conversation, journal: Journal, listener: Listener
    ) -> None:
        self._attempt_id = attempt_id
        self._tools = tools
        self._conversation = conversation
        self._journal = journal
        self._listener = listener
        self._task: asyncio.Task[ToolOutcome] | None = None

    async def run(self, call: ToolCall) -> tuple[ToolEntry, ToolOutcome]:
        """Run a tool. Cancelling the caller does not cancel it."""
        entry = self._conversation.tool(call.id or new_call_id(), call.name, call.arguments)
        entry.position = self._journal.next_position()
        self._task = asyncio.create_task(self.finish(entry))
        return entry, await asyncio.shield(self._task)

    async def finish(self, entry: ToolEntry) -> ToolOutcome:
        """Run an entry's tool. Its place in the journal names the update: run again after a crash, it acts once."""
        row = row_of(entry, started_at=datetime.now(UTC))
        self._journal.write(row)
        self._listener.take(events.ToolStarted(self._listener.now_ms(), calendar=entry.name in CALENDAR_TOOLS))
        try:
            await self._journal.kept(entry.position)  # what is done must be known to whoever takes the call up
            outcome = await self._tools.run(f"{self._attempt_id}-{entry.position}", entry.name, entry.arguments)
        finally:
            self._listener.take(events.ToolFinished(self._listener.now_ms()))
        entry.result = outcome.result
        row.payload = {"arguments": entry.arguments[:_MAX_ARGUMENTS], "result": outcome.result}
        self._journal.write(row)
        if outcome.connects:
            self._listener.take(events.ConnectionAsked(self._listener.now_ms()))
        return outcome

    def call_off_transfer(self) -> None:
        """The callee spoke before they were connected: the model is told, so is the journal."""
        entry = next((one for one in reversed(self._conversation.entries) if _is_connecting(one)), None)
        if isinstance(entry, ToolEntry):
            self._tools.forget_transfer()
            entry.result = {
                "status": "called_off",
                "reason": "the callee spoke first, nobody was dialled: answer, and ask whether they still want it",
            }
            self._journal.write(row_of(entry))

    async def settle(self) -> None:
        """Wait for the tool under way, if there is one."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=PATIENCE_SECONDS)
