"""Who or what picked up: mailboxes and screening assistants, noticed from their words and their beep."""

from cadenza.domain import phrases
from cadenza.domain.outcomes import AnsweredBy
from cadenza.domain.standard_lines import Line
from voice_bridge import turn_events as events
from voice_bridge.turn_decisions import (
    Hear,
    ReportAnsweredBy,
)
from voice_bridge.turn_rules import State
from voice_bridge.turn_state import TurnState


class TurnParties(TurnState):
    """Notices machines and screening assistants, and knows how to treat them."""

    @property
    def _is_early(self) -> bool:
        return (
            self.callee_turns <= self.rules.early_turns and self._now - self._opened_at <= self.rules.early_ms
        ) or self.state is State.SCREENING

    def _notice_machine(self, text: str) -> bool:
        """True if the words are those of a machine, and the state says so now."""
        if not self._is_early or self.state in {State.MACHINE, State.ENDING}:
            return False
        both = f"{self._early_text} {text}"
        if self.state is not State.SCREENING and phrases.is_call_screening(both):
            self._stop_agent()
            self._early_text = ""
            self._screening_replied = False
            self._enter(State.SCREENING)
            self._out.append(ReportAnsweredBy(AnsweredBy.SCREENING))
            return True
        if phrases.is_voicemail_greeting(both):
            self._machine(AnsweredBy.MACHINE_START)
            return True
        return False

    def _screening_turn(self, text: str) -> None:
        self._out.append(Hear(text))
        if self._notice_machine(text):
            return
        if not self._screening_replied:
            self._reply_to_screening("")
        elif not (phrases.is_screening_hold(text) or phrases.is_call_screening(text)):
            # Somebody else speaks: the person joined, and has heard nothing of us yet.
            self._stop_agent()
            self.callee_turns = 0
            self.disclosure_heard = False
            self._disclosures = 0
            self._open()

    def _after_noticing(self, text: str) -> None:
        """The words that gave the machine away were a whole turn."""
        if self.state is State.SCREENING:
            self._reply_to_screening(text)
        else:
            self._out.append(Hear(text))

    def _reply_to_screening(self, text: str) -> None:
        if text:
            self._out.append(Hear(text))
        self._screening_replied = True
        self._screening_waits_since = self._now
        self._speak(State.SCREENING, Line.SCREENING_REPLY)

    def _machine(self, answered_by: AnsweredBy) -> None:
        self._stop_agent()
        self._partial = ""
        self._enter(State.MACHINE)
        self._out.append(ReportAnsweredBy(AnsweredBy.MACHINE_START))
        if answered_by is not AnsweredBy.MACHINE_START:
            self._machine_greeting_over(answered_by)

    def _machine_greeting_over(self, answered_by: AnsweredBy) -> None:
        if not self._machine_end_reported:
            self._machine_end_reported = True
            self._out.append(ReportAnsweredBy(answered_by))

    def _beep(self, event: events.Beep) -> None:
        if self.state is State.MACHINE:
            self._machine_greeting_over(AnsweredBy.MACHINE_END_BEEP)
        elif self._is_early and self.state is not State.ENDING and self._sounds_like_a_greeting():
            self._machine(AnsweredBy.MACHINE_END_BEEP)

    def _sounds_like_a_greeting(self) -> bool:
        """Some words and no talk yet. A "hello?" with a beep is a person whose phone records calls."""
        words = phrases.word_count(f"{self._early_text} {self._partial}")
        return words >= self.rules.greeting_words and self.callee_turns <= 1
