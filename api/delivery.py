"""Stored webhooks reach the lead's workflow: at once if it can be, and again and again until it was.

The webhook is answered as soon as the event is stored; delivery happens behind it. A background loop takes what is
left (Temporal was away, this process died): several API processes share the work by locking rows.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from api.orchestration import Orchestration
from api.webhooks.events import RecordingReady, StreamBroke, TargetAnswered, TransferEnded, read_event
from cadenza.domain.messages import CallProgressed, ConversationEnded, MachineDetected, VoicemailPlayed
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.transfers import TransferState
from cadenza.records.attempts import apply_call_status, record_answered_by, record_voicemail_played
from cadenza.records.database import Database
from cadenza.records.events import StoredEvent, lock_undelivered, mark_delivered
from cadenza.records.recordings import note_recording
from cadenza.records.transfers import end_transfer, note_target_answered
from cadenza.temporal.lead_client import LeadClient

_log = structlog.get_logger("api.delivery")

PATIENCE_SECONDS = 3.0
"""For one signal. Temporal usually needs some ten milliseconds."""
AT_ONCE = 16
LEFT_AFTER_SECONDS = 4.0
"""An event this old was not delivered by the request that brought it."""
BATCH = 50
IDLE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


async def apply_event(session: AsyncSession, event: StoredEvent) -> None:
    """Write what an event says to SQL. Safe to repeat."""
    match read_event(event.kind, event.attempt_id, event.call_sid, event.payload):
        case CallProgressed() as progress:
            await apply_call_status(session, progress)
        case MachineDetected() as verdict:
            await record_answered_by(session, event.attempt_id, verdict.answered_by)
        case VoicemailPlayed():
            await record_voicemail_played(session, event.attempt_id)
        case TargetAnswered() as taken:
            await note_target_answered(session, event.attempt_id, taken.position, taken.call_sid)
        case TransferEnded() as ended:
            await end_transfer(
                session, event.attempt_id, ended.position, ended.state, ended.call_sid, ended.talked_seconds
            )
        case RecordingReady() as ready:
            await note_recording(
                session,
                sid=ready.sid,
                attempt_id=event.attempt_id,
                source_url=ready.url,
                duration_seconds=ready.duration_seconds,
                channels=ready.channels,
            )


def _connected(attempt_id: str) -> ConversationEnded:
    """No bridge has the line any more: the last word on the conversation is ours."""
    return ConversationEnded(
        attempt_id=attempt_id, outcome=AttemptOutcome.TRANSFERRED, reason="was connected to a person, who took the call"
    )


class EventDelivery:
    """Delivers stored events. `start` its loop once; `offer` an event as soon as it is committed."""

    def __init__(self, database: Database, leads: LeadClient, orchestration: Orchestration) -> None:
        self._database = database
        self._leads = leads
        self._orchestration = orchestration
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_before: dict[int, tuple[float, float]] = {}
        """Event id -> (monotonic time of the next try, pause in seconds). One bad event does not hold up the rest."""

    def offer(self, event: StoredEvent) -> None:
        """Deliver in the background an event that is stored and applied. What fails is left to the loop."""
        task = asyncio.create_task(self._deliver_one(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, patience_seconds: float = 3.0) -> None:
        """Let what is under way end; what does not is delivered after the next start."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience_seconds)
            for task in late:
                task.cancel()

    async def keep_going(self) -> None:
        """Until cancelled: deliver what is left."""
        while True:
            try:
                delivered = await self.deliver_left(LEFT_AFTER_SECONDS)
            except Exception as error:
                _log.warning("delivery loop: database cannot be reached", error=type(error).__name__)
                delivered = 0
            if delivered < BATCH:
                await asyncio.sleep(IDLE_SECONDS)

    async def deliver_left(self, older_than_seconds: float) -> int:
        """One batch of events that are still undelivered; how many were delivered."""
        now = time.monotonic()
        resting = [event_id for event_id, (at, _) in self._not_before.items() if at > now]
        async with self._database.transaction() as session:
            events = await lock_undelivered(
                session, older_than_seconds=older_than_seconds, limit=BATCH, except_ids=resting
            )
            applied = []
            for event in events:
                if await self._attempt(self._apply(session, event), event):
                    applied.append(event)
            results = await asyncio.gather(*(self._attempt(self._send(event), event) for event in applied))
            done = [event.id for event, sent in zip(applied, results, strict=True) if sent]
            await mark_delivered(session, done)
        if len(done) < len(events):
            _log.warning("events wait for delivery", failed=len(events) - len(done), delivered=len(done))
        return len(done)

    async def _deliver_one(self, event: StoredEvent) -> None:
        """No transaction is open while Temporal is asked: a slow Temporal must not use up the connections."""
        async with self._slots:
            try:
                await self._send(event)
                async with self._database.transaction() as session:
                    await mark_delivered(session, [event.id])
            except Exception as error:
                _log.warning("event not delivered yet", event_id=event.id, error=type(error).__name__)

    async def _apply(self, session: AsyncSession, event: StoredEvent) -> None:
        async with session.begin_nested():
            await apply_event(session, event)

    async def _send(self, event: StoredEvent) -> None:
        """To its workflow. A workflow that is not there has finished: the event is history."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            match read_event(event.kind, event.attempt_id, event.call_sid, event.payload):
                case RecordingReady() as ready:
                    await self._orchestration.fetch_recording(event.attempt_id, ready.sid)
                case None | TargetAnswered():
                    pass
                case StreamBroke(stream_sid=stream_sid):
                    await self._orchestration.rescue(event.attempt_id, stream_sid)
                case TransferEnded(state=state):
                    if state is TransferState.COMPLETED:
                        await self._leads.signal(event.campaign_id, event.lead_id, _connected(event.attempt_id))
                case CallProgressed(status=status) if not status.is_terminal:
                    pass  # the row has it; for the workflow it would be four events that change no decision
                case MachineDetected(answered_by=who) if not who.is_machine:
                    pass  # the same: the carrier's word for a person or for nothing does not count against the bridge's
                case message:
                    await self._leads.signal(event.campaign_id, event.lead_id, message)

    async def _attempt(self, work: Coroutine[Any, Any, None], event: StoredEvent) -> bool:
        try:
            await work
        except Exception as error:
            _, pause = self._not_before.get(event.id, (0.0, IDLE_SECONDS))
            self._not_before[event.id] = (time.monotonic() + pause, min(pause * 2, LONGEST_PAUSE_SECONDS))
            _log.warning("event not delivered yet", event_id=event.id, kind=event.kind, error=type(error).__name__)
            return False
        self._not_before.pop(event.id, None)
        return True
