"""Two people talking: the callee's words and the agent's voice, interruptions, goodbyes. See turn_taking.py."""

from cadenza.domain import phrases
from cadenza.domain.outcomes import AnsweredBy
from cadenza.domain.standard_lines import Line
from voice_bridge import turn_events as events
from voice_bridge.turn_decisions import (
    EndReason,
    Hear,
    Pause,
    ReportAnsweredBy,
    ReportOptOut,
    Resume,
)
from voice_bridge.turn_patience import TurnPatience
from voice_bridge.turn_rules import State

_HESITATIONS = frozenset({"um", "uh", "er", "erm", "hm", "hmm", "ah"})


class TurnTalk(TurnPatience):
    """What each event of the talk means in each state."""

    # --- Beginning ---------------------------------------------------------------------------------------------------

    def _started(self, event: events.Started) -> None:
        self._started_at = self._now - event.elapsed_ms
        self._opened_at = self._now
        self.disclosure_heard = event.disclosure_heard
        self.callee_turns = event.callee_turns
        self._begun = True
        self._connects = self._connects or (event.resumed and event.connects)
        if event.machine:
            self._enter(State.MACHINE)
        elif event.screening:
            self._screening_replied = True
            self._screening_waits_since = self._now
            self._enter(State.SCREENING)
        elif not event.resumed:
            self._open()
        elif self._connects:
            self._speak(State.AGENT_SPEAKING, Line.RESUME, Line.CONNECTING)
        elif event.after_connection is not None:
            self._speak(State.AGENT_SPEAKING, event.after_connection)
        else:
            self._take_up(event)

    def _take_up(self, event: events.Started) -> None:
        """Go on where the line broke."""
        if event.took_leave and event.leaves is not None:
            self._end_call(event.leaves)
        elif event.took_leave:
            self._parting = True
            self._listen()
        elif phrases.is_opt_out(event.unanswered):
            self._out.append(ReportOptOut(event.unanswered))
            self._end_with(EndReason.OPTED_OUT, Line.RESUME, Line.REMOVED)
        elif event.rest and event.leaves is not None:
            self.end_reason = event.leaves
            self._speak(State.ENDING, Line.RESUME, rest=event.rest)
        elif event.unanswered:
            self._think(event.unanswered, Line.RESUME)
        elif not self.disclosure_heard:
            self._greet(Line.RESUME, opens=not event.callee_turns)
        elif event.rest:
            self._speak(State.AGENT_SPEAKING, Line.RESUME, rest=event.rest)
        else:
            self._speak(State.AGENT_SPEAKING, Line.RESUME_AND_ASK if event.missed_an_answer else Line.RESUME)

    # --- The callee's voice and words --------------------------------------------------------------------------------

    def _voice_started(self, event: events.VoiceStarted) -> None:
        self._voice_since = self._now

    def _voice_stopped(self, event: events.VoiceStopped) -> None:
        self._voice_since = None
        self._voice_stopped_at = self._now

    def _words(self, event: events.Words) -> None:
        text = event.text.strip()
        if not text:
            return
        if not self._partial:
            self._speaking_since = self._now
        self._partial = text
        self._words_at = self._now
        self._check_speculation(text)
        self._notice_spelling(text)
        if self.state in {State.MACHINE, State.ENDING} or self._notice_machine(text):
            return
        match self.state:
            case State.OPENING | State.AGENT_SPEAKING:
                if self._interrupts(text):
                    self._interrupt()
            case State.THINKING if not self.tool_running and not self._connects and not phrases.is_back_channel(text):
                self._stop_agent()  # the callee goes on: the reply would answer half a turn
                self._enter(State.CALLEE_SPEAKING)
            case State.LISTENING if not self._is_echo(text):
                self._enter(State.CALLEE_SPEAKING)
            case State.HOLDING if not self.busy:
                self._enter(State.CALLEE_SPEAKING)

    def _paused(self, event: events.Paused) -> None:
        self._words(events.Words(event.now_ms, event.text))
        self._speculate(event.text.strip())

    def _interrupts(self, text: str) -> bool:
        if phrases.is_back_channel(text) or (self.state is State.OPENING and phrases.is_greeting(text)):
            return False
        if self._is_echo(text) or (self._connects and phrases.is_assent(text)):
            return False
        if phrases.is_stop_word(text) or phrases.word_count(text) >= self.rules.interrupting_words:
            return True
        voice = self._now - self._voice_since if self._voice_since is not None else 0
        return voice >= self.rules.interrupting_voice_ms

    def _interrupt(self) -> None:
        self._out.append(Pause())
        self._enter(State.INTERRUPTED)

    def _go_on(self) -> None:
        self._partial = ""
        self._out.append(Resume())
        self._enter(State.OPENING if self._opening else State.AGENT_SPEAKING)

    def _turn_ended(self, event: events.TurnEnded) -> None:
        text = event.text.strip() or self._partial
        self._partial = ""
        if not text:
            self._nothing_was_said()
            return
        if self._is_echo(text) and not phrases.is_opt_out(text):
            self._note_echo()
            self._nothing_was_said()
            return
        text = self._with_dictated(text)
        self._words_at = self._now
        match self.state:
            case State.MACHINE:
                self._out.append(Hear(text))
            case State.SCREENING:
                self._screening_turn(text)
            case State.ENDING:
                self._turn_while_ending(text)
            case _ if self._notice_machine(text):
                self._after_noticing(text)
            case _ if phrases.is_opt_out(text) or phrases.is_opt_out(f"{self._unfinished} {text}"):
                self._opt_out(text)
            case _ if self._connects and phrases.is_assent(text):
                self._out.append(Hear(text))
                if not self.busy:
                    self._connect()
                elif self.state is State.INTERRUPTED:
                    self._go_on()
            case _ if self.tool_running:
                # What is being done goes on; the model sees these words together with its result.
                self._out.append(Hear(text))
                if self.state is State.INTERRUPTED:
                    self._go_on()
            case State.OPENING | State.AGENT_SPEAKING | State.INTERRUPTED:
                self._turn_into_agent(text)
            case State.THINKING if phrases.is_back_channel(text):
                self._out.append(Hear(text))
            case State.LISTENING | State.CALLEE_SPEAKING if phrases.plain(text) in _HESITATIONS:
                self._listen()
            case State.LISTENING | State.CALLEE_SPEAKING if self._is_unfinished(text):
                self._keep_dictated(text)
            case _:
                self._callee_turn(text)

    def _nothing_was_said(self) -> None:
        if self.state is State.INTERRUPTED:
            self._go_on()
        elif self.state is State.CALLEE_SPEAKING and not self._dictated:
            self._listen()

    def _turn_into_agent(self, text: str) -> None:
        """A whole turn while the agent has the floor (or just lost it)."""
        ignored = phrases.is_back_channel(text) or (self._opening and phrases.is_greeting(text))
        if not ignored:
            self._callee_turn(text)
            return
        if self._opening and self._is_not_heard(text):
            self._stop_agent()
            self._open()
            return
        self._early_answer = (text, self._now)
        if self.state is State.INTERRUPTED:
            self._go_on()

    def _is_not_heard(self, text: str) -> bool:
        """Says hello into the greeting again: it begins anew, once."""
        if not phrases.plain(text).startswith("hello"):
            return False
        self._hellos += 1
        return self._hellos == 2 and self._now - self._spoke_at >= self.rules.unheard_after_ms

    def _callee_turn(self, text: str) -> None:
        """The callee has said something to answer."""
        self._stop_agent()
        self._call_off_connection()
        self._forget_patience()
        self._speculations = 0
        self.callee_turns += 1
        self._reprompts = 0
        self._early_text = f"{self._early_text} {text}"[-400:]
        self._unfinished = f"{self._unfinished} {text}"[-400:]
        self._early_answer = None
        if self._parting and phrases.is_goodbye(text):
            self._out.append(Hear(text))
            self._end_call(EndReason.AGENT_SAID_GOODBYE)
            return
        self._parting = False
        if not self._person_reported:
            self._person_reported = True
            self._out.append(ReportAnsweredBy(AnsweredBy.HUMAN))
        if phrases.asks_to_hold(text):
            self._out.append(Hear(text))
            self._speak(State.HOLDING, Line.TAKE_YOUR_TIME)
        elif phrases.asks_if_robot(text) and phrases.word_count(text) <= 9:
            self._out.append(Hear(text))
            self._speak(State.AGENT_SPEAKING, Line.I_AM_AN_AI)
        else:
            self._think(text)

    def _opt_out(self, text: str) -> None:
        self._out += [Hear(text), ReportOptOut(text)]
        self.callee_turns += 1
        self._forget_patience()
        self._end_with(EndReason.OPTED_OUT, Line.REMOVED)

    # --- The agent's voice -------------------------------------------------------------------------------------------

    def _agent_started(self, event: events.AgentStarted) -> None:
        self._spoke_at = self._now
        self._unfinished = ""
        if self.state is State.THINKING:
            self._enter(State.AGENT_SPEAKING)

    def _agent_audio(self, event: events.AgentAudio) -> None:
        self._agent_until = event.until_ms

    def _line_heard(self, event: events.LineHeard) -> None:
        if event.line is Line.DISCLOSURE:
            self.disclosure_heard = True

    def _agent_done(self, event: events.AgentDone) -> None:
        if not self.busy:
            return
        self.busy = False
        self._opening = False
        if self._end_after is not None or self.state is State.ENDING:
            self._end_call(self._end_after or self.end_reason or EndReason.AGENT_SAID_GOODBYE)
        elif self.state is State.SCREENING:
            self._screening_waits_since = self._now
        elif self.state is State.INTERRUPTED:
            self._enter(State.CALLEE_SPEAKING)
        elif self._connects:
            self._connect()
        elif self.state is not State.HOLDING:
            if self._thinks:
                self._failures = 0
            self._expect_details(event.asks_for_details)
            self._hand_the_floor_over(event.said_goodbye)

    def _hand_the_floor_over(self, said_goodbye: bool) -> None:
        answer, self._early_answer = self._early_answer, None
        if answer and self._now - answer[1] <= self.rules.early_answer_ms and not said_goodbye:
            self._enter(State.LISTENING)
            self._callee_turn(answer[0])
            return
        self._parting = said_goodbye
        if self._partial and not phrases.is_back_channel(self._partial):
            self._enter(State.CALLEE_SPEAKING)
        else:
            self._listen()

    def _reply_failed(self, event: events.ReplyFailed) -> None:
        if not self.busy:
            return
        self.busy = False
        self._opening = False
        self._failures += 1
        if self.state is State.ENDING:
            self._end_without_words()
        elif self._end_after is EndReason.OPTED_OUT:
            self._end_with(EndReason.OPTED_OUT, Line.REMOVED)
        elif self.state is State.INTERRUPTED:
            self._enter(State.CALLEE_SPEAKING)
        elif self.state is State.SCREENING:
            self._screening_waits_since = self._now
        elif self._connects:
            self._announce_again()
        elif self._failures >= 2:
            self._end_with(EndReason.TROUBLE, Line.TROUBLE)
        else:
            self._speak(State.AGENT_SPEAKING, Line.SAY_AGAIN)

    def _end_without_words(self) -> None:
        """The last words could not be said; a farewell that was rendered before may still be."""
        reason = self.end_reason or EndReason.TROUBLE
        if self._farewell_tried or reason is not EndReason.AGENT_SAID_GOODBYE:
            self._end_call(reason)
        else:
            self._farewell_tried = True
            self._speak(State.ENDING, Line.FAREWELL)

    def _tool_started(self, event: events.ToolStarted) -> None:
        self._tool_since = self._now
        self._fillers = 0
        self._asks_calendar = event.calendar

    def _tool_finished(self, event: events.ToolFinished) -> None:
        self._tool_since = None
        if self.state is State.THINKING:
            self._since = self._now

    # --- Connecting to a person --------------------------------------------------------------------------------------

    def _connection_asked(self, event: events.ConnectionAsked) -> None:
        """The announcement is the utterance under way; where that was thrown away, it is made with our own words."""
        self._connects = True
        if self._end_after is not None or self.state in {State.ENDING, State.MACHINE, State.SCREENING}:
            self._call_off_connection()
        elif self._begun and not self.busy:
            self._announce_again()

    def _announce_again(self) -> None:
        if self._announced_again:
            self._connect()
        else:
            self._announced_again = True
            self._speak(State.AGENT_SPEAKING, Line.CONNECTING)

    # --- Leaving -----------------------------------------------------------------------------------------------------

    def _end_requested(self, event: events.EndRequested) -> None:
        if self.state is State.ENDING:
            return
        reason = self._end_after or EndReason.AGENT_SAID_GOODBYE
        if not self.busy:
            self._end_call(reason)
        elif self.state is State.INTERRUPTED:
            self._end_after = reason
        else:
            self.end_reason = reason
            self._enter(State.ENDING)

    def _opted_out_by_tool(self, event: events.OptedOutByTool) -> None:
        self._end_after = EndReason.OPTED_OUT
        self._call_off_connection()

    def _key_pressed(self, event: events.KeyPressed) -> None:
        """The opt-out key counts in every state: who presses it wants to be left alone, whatever we took them for."""
        if event.key != self.rules.opt_out_key or self.end_reason is EndReason.OPTED_OUT:
            return
        self._out.append(ReportOptOut("", by_keypad=True))
        if self.state is State.ENDING:
            self.end_reason, self._end_after = EndReason.OPTED_OUT, None
        else:
            self._end_with(EndReason.OPTED_OUT, Line.REMOVED)

    # --- Ending ------------------------------------------------------------------------------------------------------

    def _turn_while_ending(self, text: str) -> None:
        self._out.append(Hear(text))
        if phrases.is_opt_out(text) and self.end_reason is not EndReason.OPTED_OUT:
            self.end_reason = EndReason.OPTED_OUT
            self._end_after = None
            self._out.append(ReportOptOut(text))
            return
        wants_more = "?" in text or phrases.is_stop_word(text)
        if self.end_reason is EndReason.AGENT_SAID_GOODBYE and wants_more and not self._came_back:
            self._came_back = True
            self._out.pop()  # the turn goes to the model instead
            self._enter(State.LISTENING)
            self.end_reason = None
            self._callee_turn(text)

    def _recogniser_lost(self, event: events.RecogniserLost) -> None:
        if self.state not in {State.MACHINE, State.ENDING}:
            self._end_with(EndReason.TROUBLE, Line.TROUBLE)

    def _hung_up(self, event: events.HungUp) -> None:
        self._put_dictated_on_record()
        self.busy = False
        self._enter(State.ENDED)
