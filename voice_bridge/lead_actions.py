"""What a call does to the world outside it: messages to the lead's workflow, and the facts in SQL behind them.

SQL is written first: a signal may come late or never (the workflow asks when its deadline comes), the fact may not.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from time import monotonic
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from cadenza.domain.messages import (
    BookAppointment,
    BookingResult,
    CallbackPromised,
    ConversationEnded,
    MachineDetected,
    OfferSlots,
    OptedOut,
    SlotOffer,
)
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, MessageSource
from cadenza.domain.suppression import SuppressionSource
from cadenza.domain.transfers import TransferTarget
from cadenza.records.call_context import (
    CallContext,
    add_usage,
    finish_conversation,
    finish_unless_claimed,
    note_agent_heard,
    note_callback,
    note_disclosure_heard,
)
from cadenza.records.database import Database
from cadenza.records.suppressions import suppress_number
from cadenza.records.transfers import ask_for_transfer, call_off_transfer, release_to_transfer
from cadenza.temporal.lead_client import LeadClient

log = structlog.get_logger(__name__)

_WAITS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries of what must arrive: some 16 s, which is longer than a restart of a server."""

LeadMessage = CallbackPromised | ConversationEnded | MachineDetected | OptedOut


class CallActions:
    """The actions of one call."""

    def __init__(self, database: Database, leads: LeadClient, context: CallContext) -> None:
        self._database = database
        self._leads = leads
        self._context = context
        self._under_way: set[asyncio.Task[None]] = set()

    async def offer_slots(self, update_id: str, message: OfferSlots) -> SlotOffer:
        return await self._leads.offer_slots(self._context.campaign_id, self._context.lead_id, update_id, message)

    async def book_appointment(self, update_id: str, message: BookAppointment) -> BookingResult:
        return await self._leads.book_appointment(self._context.campaign_id, self._context.lead_id, update_id, message)

    async def promise_callback(self, when: datetime) -> None:
        async with self._database.transaction() as session:
            await note_callback(session, self._context.attempt_id, when)
        self._signal(CallbackPromised(attempt_id=self._context.attempt_id, callback_at=when))

    async def ask_for_transfer(self, update_id: str, target: TransferTarget) -> None:
        """Note it before anything is said or dialled. The last part of `update_id` is its place in the journal."""
        async with self._database.transaction() as session:
            await ask_for_transfer(session, self._context.attempt_id, int(update_id.rpartition("-")[2]), target)

    async def release_to_transfer(self) -> None:
        """From here on the verb after <Connect> dials the target."""

        async def write() -> None:
            async with self._database.transaction() as session:
                await release_to_transfer(session, self._context.attempt_id)

        await self._insist("transfer", write)

    def call_off_transfer_soon(self) -> None:
        """The callee is not to be connected: nobody was dialled, and nobody will be."""

        async def write() -> None:
            async with self._database.transaction() as session:
                await call_off_transfer(session, self._context.attempt_id)

        self._spawn(self._insist("transfer called off", write))

    async def stop_recording(self) -> None:
        """The callee objects to being recorded. Raises RPCError if that cannot be asked for now."""
        await self._leads.stop_recording(self._context.attempt_id)

    async def opt_out(self, *, by_keypad: bool = False) -> None:
        """Suppress the number, everywhere, and tell the workflow."""
        await self._persist_opt_out(by_keypad)
        self._signal(OptedOut(attempt_id=self._context.attempt_id))

    def opt_out_soon(self, *, by_keypad: bool = False) -> None:
        """The same, in the background: the confirmation need not wait for it."""
        self._spawn(self.opt_out(by_keypad=by_keypad))

    def report_answered_by(self, answered_by: AnsweredBy) -> None:
        self._signal(
            MachineDetected(
                attempt_id=self._context.attempt_id,
                call_sid=self._context.call_sid or "",
                answered_by=answered_by,
                source=MessageSource.BRIDGE,
            )
        )

    def disclosure_heard(self) -> None:
        self._spawn(self._insist("disclosure", self._note_disclosure))

    def agent_heard(self) -> None:
        """The callee hears us. How soon after the answer decides whether the call counts as abandoned."""
        heard_at = monotonic()

        async def note() -> None:
            async with self._database.transaction() as session:
                await note_agent_heard(session, self._context.attempt_id, monotonic() - heard_at)

        self._spawn(self._insist("agent_heard", note))

    async def add_usage(self, *, listening_seconds: float, tokens: int, characters_spoken: int) -> None:
        async def write() -> None:
            async with self._database.transaction() as session:
                await add_usage(
                    session,
                    self._context.attempt_id,
                    listening_seconds=listening_seconds,
                    tokens=tokens,
                    characters_spoken=characters_spoken,
                )

        await self._insist("usage", write)

    async def finish(self, outcome: AttemptOutcome) -> None:
        """Write the outcome in SQL: from here on the verb after <Connect> hangs up."""

        async def write() -> None:
            async with self._database.transaction() as session:
                await finish_conversation(session, self._context.attempt_id, outcome)

        await self._insist("outcome", write)

    async def finish_unless_claimed(self, outcome: AttemptOutcome, claim: int) -> bool:
        """The same after a broken stream. False if a later stream has the call; not knowing loses no outcome."""
        ours = True

        async def write() -> None:
            nonlocal ours
            async with self._database.transaction() as session:
                ours = await finish_unless_claimed(session, self._context.attempt_id, outcome, claim)

        await self._insist("outcome", write)
        return ours

    def tell_outcome(self, outcome: AttemptOutcome, reason: str, callback_at: datetime | None) -> None:
        self._signal(
            ConversationEnded(
                attempt_id=self._context.attempt_id, outcome=outcome, reason=reason, callback_at=callback_at
            )
        )

    async def settle(self, patience_seconds: float = 20.0) -> None:
        """Wait for everything that is still on its way."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=patience_seconds)

    # --- Inside ------------------------------------------------------------------------------------------------------

    async def _persist_opt_out(self, by_keypad: bool) -> None:
        async def write() -> None:
            async with self._database.transaction() as session:
                await suppress_number(
                    session,
                    self._context.phone,
                    reason="pressed the opt-out key in a call" if by_keypad else "asked in a call",
                    source=SuppressionSource.KEYPAD if by_keypad else SuppressionSource.CALL,
                    attempt_id=self._context.attempt_id,
                )

        await self._insist("suppression", write)

    async def _note_disclosure(self) -> None:
        async with self._database.transaction() as session:
            await note_disclosure_heard(session, self._context.attempt_id)

    def _signal(self, message: LeadMessage) -> None:
        async def send() -> None:
            known = await self._leads.signal(self._context.campaign_id, self._context.lead_id, message)
            if not known:
                log.info("workflow_gone", attempt=self._context.attempt_id, message=type(message).__name__)

        self._spawn(self._insist(type(message).__name__, send))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _insist(self, what: str, act: Any) -> None:
        """Try until it is done, for some 16 seconds. Everything here is safe to do twice."""
        for wait in (*_WAITS, None):
            try:
                await act()
                return
            except (SQLAlchemyError, OSError, RPCError) as error:
                log.warning("retrying", what=what, attempt=self._context.attempt_id, error=type(error).__name__)
                if wait is None:
                    log.error("given_up", what=what, attempt=self._context.attempt_id)
                    return
                await asyncio.sleep(wait)
