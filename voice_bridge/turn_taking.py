"""Who may speak: the conversation's decisions as a pure, synchronous state machine.

Events go in, decisions come out; no I/O, no await and so no interleaving, no clock of its own (every event carries
`now_ms`). Two rules hold whatever happens, and tests try to break them: the agent never has two utterances at once,
and every call ends.

    OPENING ──────────────► LISTENING ◄──────────── AGENT_SPEAKING ◄──► INTERRUPTED
                                │  ▲                      ▲                  │
                     words      ▼  │ silence              │ first audio      │ real words
                            CALLEE_SPEAKING ─ turn ends ─► THINKING ◄────────┘

HOLDING ("hold on"), SCREENING and MACHINE are left by words, time or the carrier; ENDING says the last words.
"""

from collections.abc import Callable
from typing import Any

from cadenza.domain import phrases
from cadenza.domain.outcomes import AnsweredBy
from cadenza.domain.standard_lines import Line
from voice_bridge import turn_events as events
from voice_bridge.fillers import Wait
from voice_bridge.turn_decisions import (
    Decision,
    EndReason,
    HandOver,
    Insert,
)
from voice_bridge.turn_rules import State
from voice_bridge.turn_talk import TurnTalk


class TurnTaking(TurnTalk):
    """One conversation. `handle` takes an event and returns what to do, in order."""

    def handle(self, event: events.Event) -> list[Decision]:
        """Take an event; return the decisions it leads to. After the end: none, ever."""
        if self.state is State.ENDED:
            return []
        self._now = max(self._now, event.now_ms)
        self._out = []
        _HANDLERS[type(event)](self, event)
        if self._drain_at is not None:
            self._hand_over_at_a_good_moment(self._drain_at)
        return self._out

    def _tick(self, event: events.Tick) -> None:
        if self._now - self._started_at >= self.rules.max_call_ms:
            self._end_call(self.end_reason or EndReason.TIME_LIMIT)
            return
        _TICKS[self.state](self)
        if self.state not in {State.ENDED, State.ENDING}:
            self._check_time_limit()

    def _check_time_limit(self) -> None:
        left = self.rules.max_call_ms - (self._now - self._started_at)
        quiet_states = {State.MACHINE, State.SCREENING}
        if self._parting and self.state is State.LISTENING:
            return  # leave was taken
        if left <= self.rules.last_words_ms and self.state not in quiet_states and not self.tool_running:
            self._end_with(EndReason.TIME_LIMIT, Line.TIME_UP)

    def _in_state(self) -> int:
        return self._now - self._since

    def _tick_agent(self) -> None:
        if self._voice_since is None or self.state is State.OPENING:
            return
        voice = self._now - max(self._voice_since, self._spoke_at)
        if self._partial:
            limit, counts = self.rules.interrupting_voice_ms, not phrases.is_back_channel(self._partial)
        else:
            # A sound that was there before the agent spoke is no interruption.
            limit, counts = self.rules.voice_without_words_ms, self._voice_since >= self._spoke_at
            counts = counts and self._trusts_voice
        if counts and voice >= limit:
            self._interrupt()

    def _tick_interrupted(self) -> None:
        nothing_said = not self._partial or phrases.is_back_channel(self._partial)
        if nothing_said:
            quiet_since = max(self._since, self._voice_stopped_at)
            quiet = self._voice_since is None and self._now - quiet_since >= self.rules.false_interruption_ms
            if quiet or self._in_state() >= self.rules.noise_ms:
                self._trusts_voice = False  # this line has noise: from now on only words interrupt
                self._go_on()
        elif self._turn_end_is_lost():
            self._turn_ended(events.TurnEnded(self._now, ""))

    def _turn_end_is_lost(self) -> bool:
        silent_for = self._now - self._words_at
        limit = self.rules.lost_turn_end_ms if self._voice_since is None else self.rules.stalled_words_ms
        return silent_for >= limit

    def _tick_listening(self) -> None:
        if self._connects:
            self._connect()  # what the callee seemed to say into the announcement was nothing
            return
        quiet = self._now - self._quiet_since
        if self._parting:
            if quiet >= self.rules.parting_ms:
                self._end_call(EndReason.AGENT_SAID_GOODBYE)
            return
        if self._voice_since is not None and self._now - self._voice_since < self.rules.noise_ms:
            return  # a voice, the words will come
        waits = (self.rules.reprompt_ms, self.rules.second_reprompt_ms, self.rules.give_up_ms)
        if quiet < waits[min(self._reprompts, 2)]:
            return
        self._reprompts += 1
        if self._reprompts == 1:
            self._speak(State.AGENT_SPEAKING, Line.REPROMPT)
        elif self._reprompts == 2:
            self._speak(State.AGENT_SPEAKING, Line.REPROMPT_AGAIN)
        else:
            self._end_with(EndReason.SILENCE, Line.SILENCE_FAREWELL)

    def _tick_callee(self) -> None:
        talking = self._now - self._speaking_since
        if self.callee_turns == 0 and self._partial and talking >= self.rules.monologue_ms and self._is_early:
            self._machine(AnsweredBy.MACHINE_START)
        elif self._partial and self._turn_end_is_lost():
            self._turn_ended(events.TurnEnded(self._now, ""))
        elif self._dictated:
            if not self._partial and self._dictation_is_over():
                self._callee_turn(self._take_dictated())
        elif not self._partial and self._in_state() >= self.rules.noise_ms:
            self._listen()

    def _tick_thinking(self) -> None:
        if self._tool_since is not None:
            running = self._now - max(self._tool_since, self._agent_until)
            waits = (self.rules.filler_ms, self.rules.second_filler_ms)
            if self._fillers < len(waits) and running >= waits[self._fillers]:
                self._out.append(Insert(self._filler_lines.next(self._kind_of_wait())))
                self._fillers += 1
            elif running >= self.rules.tool_limit_ms:
                self._end_with(EndReason.TROUBLE, Line.TROUBLE)
        elif self._in_state() >= self.rules.reply_limit_ms:
            self._end_with(EndReason.TROUBLE, Line.TROUBLE)
        elif self._fillers == 0 and self._in_state() >= self.rules.slow_reply_ms:
            self._fillers = 1
            self._out.append(Insert(self._filler_lines.next(Wait.ANSWER)))

    def _kind_of_wait(self) -> Wait:
        if self._asks_calendar:
            return Wait.CALENDAR_LONGER if self._fillers else Wait.CALENDAR
        return Wait.ANSWER_LONGER if self._fillers else Wait.ANSWER

    def _tick_speaking(self) -> None:
        """A tool may also run behind the agent's voice: its filler comes when the voice has ended."""
        if self._tool_since is not None and self._now >= self._agent_until:
            self._tick_thinking()
        else:
            self._tick_agent()

    def _tick_holding(self) -> None:
        if self._in_state() >= self.rules.hold_ms:
            self._stop_agent()
            self._reprompts = max(self._reprompts, 1)
            self._speak(State.AGENT_SPEAKING, Line.STILL_THERE)

    def _tick_screening(self) -> None:
        if not self._screening_replied:
            quiet_since = max(self._words_at, self._since, self._voice_stopped_at)
            quiet = self._voice_since is None and self._now - quiet_since >= self.rules.screening_reply_after_ms
            if quiet or self._in_state() >= self.rules.longest_screening_ms:
                text, self._partial = self._partial, ""
                self._reply_to_screening(text)
        elif not self.busy and self._now - self._screening_waits_since >= self.rules.screening_wait_ms:
            self._end_call(EndReason.SCREENED)

    def _tick_machine(self) -> None:
        quiet_since = max(self._words_at, self._voice_stopped_at, self._since)
        if self._voice_since is None and self._now - quiet_since >= self.rules.machine_silence_ms:
            self._machine_greeting_over(AnsweredBy.MACHINE_END_SILENCE)
        if self._in_state() >= self.rules.machine_limit_ms:
            self._end_call(EndReason.MACHINE)

    def _tick_ending(self) -> None:
        if not self.busy or self._in_state() >= self.rules.ending_limit_ms:
            self._end_call(self.end_reason or EndReason.AGENT_SAID_GOODBYE)

    def _tick_nothing(self) -> None:
        return

    # --- Leaving the call to another bridge --------------------------------------------------------------------------

    def _drain_asked(self, event: events.DrainAsked) -> None:
        if self._drain_at is None:
            self._drain_at = self._now

    def _hand_over_at_a_good_moment(self, asked_at: int) -> None:
        """While nobody is in mid-sentence; after some seconds in any case (but not during a tool).

        The next bridge knows what is on record: it does not hear the beginning of a sentence that is said here.
        """
        if self.tool_running or self.state in {State.ENDING, State.ENDED}:
            return
        waited = self._now - asked_at
        if self._callee_talks():
            if waited < self.rules.drain_callee_ms:
                return
            if self._partial:
                self._turn_ended(events.TurnEnded(self._now, ""))
            if self.state in {State.ENDING, State.ENDED}:
                return
        elif self.busy and self.state is not State.THINKING and waited < self.rules.drain_ms:
            return
        self._put_dictated_on_record()
        self._stop_agent()
        self._out.append(HandOver())
        self._enter(State.ENDED)

    def _callee_talks(self) -> bool:
        """Or did a moment ago: the words are behind the voice."""
        if self.state in {State.MACHINE, State.SCREENING}:
            return False
        words_may_come = self._now - self._voice_stopped_at < self.rules.words_behind_voice_ms
        voice = self._voice_since is not None and self._now - self._voice_since < self.rules.noise_ms
        return bool(self._partial or self._dictated) or voice or (words_may_come and self.state is not State.THINKING)


_HANDLERS: dict[type, Callable[[TurnTaking, Any], None]] = {
    events.Started: TurnTaking._started,
    events.VoiceStarted: TurnTaking._voice_started,
    events.VoiceStopped: TurnTaking._voice_stopped,
    events.Words: TurnTaking._words,
    events.Paused: TurnTaking._paused,
    events.TurnEnded: TurnTaking._turn_ended,
    events.Beep: TurnTaking._beep,
    events.AgentStarted: TurnTaking._agent_started,
    events.AgentSays: TurnTaking._agent_says,
    events.AgentAudio: TurnTaking._agent_audio,
    events.LineHeard: TurnTaking._line_heard,
    events.AgentDone: TurnTaking._agent_done,
    events.ReplyFailed: TurnTaking._reply_failed,
    events.ToolStarted: TurnTaking._tool_started,
    events.ToolFinished: TurnTaking._tool_finished,
    events.ConnectionAsked: TurnTaking._connection_asked,
    events.EndRequested: TurnTaking._end_requested,
    events.OptedOutByTool: TurnTaking._opted_out_by_tool,
    events.KeyPressed: TurnTaking._key_pressed,
    events.RecogniserLost: TurnTaking._recogniser_lost,
    events.DrainAsked: TurnTaking._drain_asked,
    events.HungUp: TurnTaking._hung_up,
    events.Tick: TurnTaking._tick,
}

_TICKS: dict[State, Callable[[TurnTaking], None]] = {
    State.OPENING: TurnTaking._tick_agent,
    State.LISTENING: TurnTaking._tick_listening,
    State.CALLEE_SPEAKING: TurnTaking._tick_callee,
    State.THINKING: TurnTaking._tick_thinking,
    State.AGENT_SPEAKING: TurnTaking._tick_speaking,
    State.INTERRUPTED: TurnTaking._tick_interrupted,
    State.HOLDING: TurnTaking._tick_holding,
    State.SCREENING: TurnTaking._tick_screening,
    State.MACHINE: TurnTaking._tick_machine,
    State.ENDING: TurnTaking._tick_ending,
    State.ENDED: TurnTaking._tick_nothing,
}
