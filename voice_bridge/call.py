"""One call, from the first frame of its stream to its outcome. Decides nothing: turn_taking does.

begin      ears, voice and journal; greet, or take up where an earlier stream broke
converse   frames, words, marks and time go to turn-taking; its decisions are carried out
conclude   settle what is under way, write the outcome, hang up or let another bridge go on
"""

import asyncio
import contextlib
from collections import deque
from datetime import UTC, datetime
from typing import Any

import structlog

from cadenza.domain.outcomes import AnsweredBy, Speaker
from cadenza.domain.standard_lines import Line
from cadenza.records.call_context import CallContext
from cadenza.records.journal import TurnRow
from voice_bridge import turn_events as events
from voice_bridge.after_transfer import line_after
from voice_bridge.agent_voice import AgentVoice
from voice_bridge.beep import BeepDetector
from voice_bridge.frames import DigitFrame, Frame, MarkFrame, MediaFrame
from voice_bridge.journal import Journal
from voice_bridge.lead_actions import CallActions
from voice_bridge.media_stream import MediaStream
from voice_bridge.outcome import CallFacts, decide_outcome
from voice_bridge.reply import Replier
from voice_bridge.resume import Past
from voice_bridge.services import Services
from voice_bridge.speaking import Voice
from voice_bridge.tasks import end_task
from voice_bridge.timing import ReplyTiming
from voice_bridge.tool_runner import ToolRunner, row_of
from voice_bridge.tools import ToolBox
from voice_bridge.turn_decisions import (
    CallOffConnection,
    Connect,
    Decision,
    Discard,
    DropSpeculation,
    EndCall,
    HandOver,
    Hear,
    Insert,
    ListenPatiently,
    Pause,
    ReportAnsweredBy,
    ReportOptOut,
    Resume,
    Speak,
    Speculate,
    Think,
)
from voice_bridge.turn_rules import State, TurnRules
from voice_bridge.turn_taking import TurnTaking
from voice_bridge.voice_activity import VoiceActivity, VoiceChange

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.1
BEEP_LISTENING_MS = 75_000
"""Beeps are listened for at the start of a call, and while a machine has the line."""
BROKEN_STREAM_GRACE_SECONDS = 60.0
"""After a broken socket: how long another stream of the call may take before the call counts as over. Where everything
died, the carrier is answered again after some 20 s, and must not find the call closed by the one who lost it."""


class Call:
    """One media stream of one attempt; `claim` is its number among the streams of the call."""

    def __init__(self, services: Services, stream: MediaStream, context: CallContext, past: Past, claim: int) -> None:
        policy, settings = context.policy, services.settings
        self.attempt_id = context.attempt_id
        self._services = services
        self._stream = stream
        self._context = context
        self._past = past
        self._claim = claim
        self._unanswered = past.unanswered  # taken up from the journal: it stands there already
        self._loop = asyncio.get_running_loop()
        self._facts = CallFacts(
            machine=past.machine, screened=past.screened, callback_at=context.callback_at, opted_out=past.opted_out
        )
        self._conversation = past.conversation
        self._actions = CallActions(services.database, services.leads, context)
        self._journal = Journal(services.journals, context.attempt_id, past.last_position)
        self._tools = ToolBox(context, self._facts, self._actions)
        self._runner = ToolRunner(context.attempt_id, self._tools, self._conversation, self._journal, self)
        voice = Voice(policy.voice_id or settings.elevenlabs_voice_id, settings.elevenlabs_model, policy.language)
        self._voice = AgentVoice(
            context, stream, services.synthesiser, voice, services.library, self._conversation, self._journal, self
        )
        self._replier = Replier(
            context, self._conversation, self._tools, services.thinker, self._voice, self._runner.run
        )
        self._ears = services.listen(self, language=policy.language)
        self._turns = TurnTaking(
            TurnRules(
                reprompt_ms=int(policy.reprompt_seconds * 1000),
                wrap_up_ms=policy.wrap_up_seconds * 1000,
                max_call_ms=policy.max_call_seconds * 1000,
                speculates=policy.speculative_replies,
                opt_out_key=policy.opt_out_key,
            )
        )
        self._activity = VoiceActivity()
        self._beeps: BeepDetector | None = BeepDetector()
        self._began_ms = self.now_ms()
        self._events: deque[events.Event] = deque()
        self._handling = False
        self._over = asyncio.Event()
        self._left_to_others = asyncio.Event()
        self._handed_over = False
        self._connecting = False  # the carrier takes the line, to connect the callee to a person
        self._detached = False
        self._reply: asyncio.Task[None] | None = None
        self._tokens = 0
        self._notes = set(past.notes)

    # --- The story ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hold the call until it ends here."""
        loading = asyncio.create_task(self._voice.load_lines())
        try:
            await self._begin()
            await self._converse()
        finally:
            await end_task(loading)
            await self._conclude()

    def drain(self) -> None:
        """The process is stopping: hand the call over at the next good moment."""
        self.leave_to_others()
        self.take(events.DrainAsked(self.now_ms()))

    def detach(self) -> None:
        """Another stream of the same call has taken over: leave without a word."""
        self._detached = True
        self.leave_to_others()
        self._over.set()

    def leave_to_others(self) -> None:
        """Should the stream break, it is not ours to say that the call is over."""
        self._left_to_others.set()

    def take_note(self, note_id: int, text: str) -> None:
        """A fact came in from our side: the next reply knows it, nobody is interrupted. A known one is not news."""
        if note_id not in self._notes:
            self._notes.add(note_id)
            self._conversation.note(text)
            self._note({"note": note_id}, text)

    async def _begin(self) -> None:
        past = self._past
        for entry in past.finished_tools:
            self._tools.remember(entry.name, entry.result or {})
        if past.opted_out:
            self._actions.opt_out_soon()  # whoever heard it may have died before it was written
        if not past.is_empty:
            self._note({"resumed_by": self._services.bridge_id})
        for entry in past.amended_tools:
            self._journal.write(row_of(entry))
        for entry in past.unfinished_tools:
            await self._runner.finish(entry)
        if past.not_connected is not None:
            self._note({"transfer": past.not_connected.position, "became": past.not_connected.state})
        elapsed = (datetime.now(UTC) - past.began_at).total_seconds() if past.began_at else 0.0
        self.take(
            events.Started(
                self.now_ms(),
                resumed=not past.is_empty,
                disclosure_heard=self._context.disclosure_heard,
                unanswered=past.unanswered,
                missed_an_answer=past.missed_an_answer,
                rest=past.rest,
                took_leave=past.took_leave,
                leaves=past.leaves,
                callee_turns=past.callee_turns,
                machine=past.machine,
                screening=past.screened and not past.machine,
                elapsed_ms=int(elapsed * 1000),
                connects=past.connects,
                after_connection=line_after(past.not_connected, self._context),
            )
        )

    async def _converse(self) -> None:
        working = {
            asyncio.create_task(work) for work in (self._stream.read(self._take_frame), self._tick(), self._over.wait())
        }
        try:
            await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in working:
                await end_task(task)
                if not task.cancelled() and (error := task.exception()) is not None:
                    log.error("call_task_failed", attempt=self.attempt_id, exc_info=error)

    async def _conclude(self) -> None:
        if self._turns.state is not State.ENDED:
            self.take(events.HungUp(self.now_ms()))
        self._replier.drop_ahead()
        await end_task(self._reply)
        await self._voice.close()
        closing_ears = asyncio.create_task(self._ears.close())
        await self._runner.settle()
        if self._handed_over:
            self._note({"handed_over_by": self._services.bridge_id})
        connecting = self._connecting and not self._stream.stopped_by_carrier
        if connecting:
            self._note({"connecting": True})
        await self._journal.flush()  # whoever takes the call up reads it
        if connecting:
            await self._actions.release_to_transfer()
        elif not self._detached and not self._handed_over:
            await self._finish_unless_taken_up()
        await self._stream.close()
        await closing_ears
        await self._actions.add_usage(
            listening_seconds=self._ears.seconds, tokens=self._tokens, characters_spoken=self._voice.mouth.characters
        )
        await self._journal.close()
        await self._actions.settle()

    async def _finish_unless_taken_up(self) -> None:
        """The call's last word, unless its stream only broke and another one takes it up."""
        broke = self._facts.end_reason is None and not self._stream.stopped_by_carrier
        if broke:
            await self._stream.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BROKEN_STREAM_GRACE_SECONDS):
                    await self._left_to_others.wait()
                    return
        self._facts.callee_turns = self._turns.callee_turns
        verdict = decide_outcome(self._facts)
        if not broke:
            await self._actions.finish(verdict.outcome)
        elif not await self._actions.finish_unless_claimed(verdict.outcome, self._claim):
            return
        self._note({"outcome": verdict.outcome.value, "reason": verdict.reason})
        await self._journal.flush()
        self._actions.tell_outcome(verdict.outcome, verdict.reason, self._facts.callback_at)
        log.info("call_over", attempt=self.attempt_id, outcome=verdict.outcome.value)

    # --- What happens ------------------------------------------------------------------------------------------------

    def _take_frame(self, frame: Frame) -> None:
        match frame:
            case MediaFrame(audio):
                self._hear(audio)
            case MarkFrame(name):
                self._voice.mouth.on_mark(name, self.now_ms())
            case DigitFrame(key):
                self.take(events.KeyPressed(self.now_ms(), key))

    def _hear(self, audio: bytes) -> None:
        change = self._activity.feed(audio)
        self._ears.feed(audio, voiced=self._activity.active, quiet_ms=self._activity.quiet_ms)
        if change is VoiceChange.STARTED:
            self.take(events.VoiceStarted(self.now_ms()))
        elif change is VoiceChange.STOPPED:
            self.take(events.VoiceStopped(self.now_ms()))
        if self._beeps is not None and self._beeps.feed(audio):
            self.take(events.Beep(self.now_ms()))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self.now_ms()
            self._voice.tick(now)
            self.take(events.Tick(now))
            if self._beeps is not None and now - self._began_ms > BEEP_LISTENING_MS:
                waiting = self._turns.state in {State.MACHINE, State.SCREENING}
                self._beeps = self._beeps if waiting else None

    def on_words(self, text: str) -> None:
        self.take(events.Words(self.now_ms(), text))

    def on_pause(self, text: str) -> None:
        self.take(events.Paused(self.now_ms(), text))

    def on_turn_ended(self, text: str, speech_ended_ms: int) -> None:
        now = self.now_ms()
        self._voice.callee_finished(ReplyTiming(speech_ended=min(speech_ended_ms, now), transcript=now))
        self.take(events.TurnEnded(now, text))

    def on_recogniser_lost(self) -> None:
        self.take(events.RecogniserLost(self.now_ms()))

    def disclosure_heard(self) -> None:
        self._actions.disclosure_heard()

    def agent_heard(self) -> None:
        self._actions.agent_heard()

    def tokens_used(self, count: int) -> None:
        self._tokens += count

    def now_ms(self) -> int:
        """Milliseconds of the loop's clock: the only clock of a call."""
        return int(self._loop.time() * 1000)

    # --- What is decided ---------------------------------------------------------------------------------------------

    def take(self, event: events.Event) -> None:
        """Give an event to turn-taking. What its decisions cause at once waits its turn."""
        self._events.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._events:
                for decision in self._turns.handle(self._events.popleft()):
                    self._carry_out(decision)
        finally:
            self._handling = False

    def _carry_out(self, decision: Decision) -> None:
        match decision:
            case Speak(lines, rest):
                if Line.OPENING in lines and self._facts.screened:
                    self._person_joined()
                self._voice.speak(lines, rest)
            case Think():
                self._think(decision)
            case Speculate(text):
                self._replier.think_ahead(text)
            case DropSpeculation():
                self._replier.drop_ahead()
            case ListenPatiently(patiently):
                self._ears.listen_patiently(patiently)
            case Insert(line):
                self._voice.insert(line)
            case Pause():
                self._voice.mouth.pause(self.now_ms())
            case Resume():
                self._voice.mouth.resume()
            case Discard():
                if self._reply is not None:
                    self._reply.cancel()
                self._voice.discard()
            case Hear(text):
                self._callee_said(text)
            case ReportAnsweredBy(answered_by):
                self._answered_by(answered_by)
            case ReportOptOut(by_keypad=by_keypad):
                self._facts.opted_out = True
                self._note({"opt_out_key": self._context.policy.opt_out_key} if by_keypad else {"opted_out": True})
                self._actions.opt_out_soon(by_keypad=by_keypad)
            case Connect():
                self._connecting = True
                self._over.set()
            case CallOffConnection():
                self._runner.call_off_transfer()
                self._actions.call_off_transfer_soon()
            case HandOver():
                self._handed_over = True
                self._over.set()
            case EndCall(reason):
                self._facts.end_reason = reason
                self._over.set()

    def _think(self, decision: Think) -> None:
        if decision.text != self._unanswered:
            self._callee_said(decision.text)
        self._unanswered = ""
        turn = self._voice.begin_reply(decision.lead_in)
        self._reply = asyncio.create_task(self._replier.reply(turn, decision.text, wrap_up=decision.wrap_up))

    def _callee_said(self, text: str) -> None:
        self._conversation.callee(text)
        self._journal.write(TurnRow(self._journal.next_position(), Speaker.CALLEE, text, started_at=datetime.now(UTC)))

    def _person_joined(self) -> None:
        """What a screening assistant said is no part of the talk with the person."""
        self._facts.person_joined = True
        self._conversation.clear()
        self._note({"person_joined": True})

    def _answered_by(self, answered_by: AnsweredBy) -> None:
        if answered_by is AnsweredBy.SCREENING:
            self._facts.screened = True
        elif answered_by.is_machine:
            self._facts.machine = True
        self._note({"answered_by": answered_by.value})
        self._actions.report_answered_by(answered_by)

    def _note(self, payload: dict[str, Any], text: str = "") -> None:
        position = self._journal.next_position()
        self._journal.write(TurnRow(position, Speaker.SYSTEM, text, payload=payload, started_at=datetime.now(UTC)))
