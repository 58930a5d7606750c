"""Turns that are not over where they seem to be: something spelled with pauses, an echo; and answers begun early."""

from cadenza.domain import phrases
from voice_bridge import turn_events as events
from voice_bridge.dictation import is_dictating
from voice_bridge.echo import is_echo
from voice_bridge.turn_decisions import Hear, ListenPatiently, Speculate
from voice_bridge.turn_parties import TurnParties
from voice_bridge.turn_rules import State

_MOST_AGENT_WORDS = 400  # characters: some twenty seconds


class TurnPatience(TurnParties):
    """Waits for what is being spelled, sees through echoes, and lets the model think ahead."""

    # --- Spelling ----------------------------------------------------------------------------------------------------

    def _expect_details(self, expected: bool) -> None:
        self._asked_for_details = expected
        self._be_patient(expected)

    def _be_patient(self, patiently: bool) -> None:
        if patiently is not self._listens_patiently:
            self._listens_patiently = patiently
            self._out.append(ListenPatiently(patiently))

    def _notice_spelling(self, text: str) -> None:
        """While the words come: the recogniser should not end the turn inside a number."""
        if not self._listens_patiently and is_dictating(text):
            self._be_patient(True)

    def _with_dictated(self, text: str) -> str:
        return f"{self._dictated} {text}".strip()

    def _is_unfinished(self, text: str) -> bool:
        lasts = self._now - self._dictated_since if self._dictated else 0
        return lasts < self.rules.longest_dictation_ms and is_dictating(text, asked=self._asked_for_details)

    def _keep_dictated(self, text: str) -> None:
        """A turn that ended in the middle: wait for the rest."""
        if not self._dictated:
            self._dictated_since = self._now
        self._dictated = text
        self._words_at = self._now
        self._be_patient(True)
        self._enter(State.CALLEE_SPEAKING)

    def _dictation_is_over(self) -> bool:
        """Nothing more came. The recogniser has waited for a part of the pause already."""
        quiet_since = self._voice_stopped_at if self._voice_stopped_at >= self._speaking_since else self._words_at
        return self._voice_since is None and self._now - quiet_since >= self.rules.dictation_pause_ms

    def _take_dictated(self) -> str:
        dictated, self._dictated = self._dictated, ""
        return dictated

    def _forget_patience(self) -> None:
        """The turn is complete."""
        self._take_dictated()
        self._expect_details(False)

    def _put_dictated_on_record(self) -> None:
        """The call ends inside it: it was said all the same."""
        if dictated := self._take_dictated():
            self._out.append(Hear(dictated))

    # --- Thinking ahead ----------------------------------------------------------------------------------------------

    def _speculate(self, text: str) -> None:
        if self._may_speculate(text):
            self._speculations += 1
            self._speculated = phrases.plain(text)
            self._out.append(Speculate(text))

    def _may_speculate(self, text: str) -> bool:
        # Before the callee's first turn it may be a mailbox: most calls end there, and nobody would hear the answer.
        return (
            self.state is State.CALLEE_SPEAKING
            and self.rules.speculates
            and self.callee_turns > 0
            and not self.busy
            and not self._dictated
            and self._speculations < self.rules.most_speculations
            and self._now - self._speaking_since <= self.rules.longest_speculation_ms
            and phrases.plain(text) != self._speculated
            and not phrases.is_back_channel(text)
            and not phrases.asks_to_hold(text)
            and not phrases.asks_if_robot(text)
            and not phrases.is_opt_out(text)
            and not is_dictating(text, asked=self._asked_for_details)
        )

    def _check_speculation(self, text: str) -> None:
        """More words have come than those that are being answered."""
        if self._speculated and phrases.plain(text) != self._speculated:
            self._drop_speculation()

    # --- Echo --------------------------------------------------------------------------------------------------------

    def _agent_says(self, event: events.AgentSays) -> None:
        self._agent_words = f"{self._agent_words} {event.text}"[-_MOST_AGENT_WORDS:]

    def _is_echo(self, text: str) -> bool:
        speaks = self.busy or self._now - self._agent_until <= self.rules.echo_tail_ms
        # After the agent's end people do repeat its words ("Tuesday at three"): only a line known to echo is doubted.
        doubted = self.state in {State.OPENING, State.AGENT_SPEAKING, State.INTERRUPTED} or self._line_echoes
        return speaks and doubted and is_echo(text, self._agent_words, line_echoes=self._line_echoes)

    def _note_echo(self) -> None:
        """A whole turn was the agent's own words. Twice: the line is known to echo."""
        self._echoes += 1

    @property
    def _line_echoes(self) -> bool:
        return self._echoes >= self.rules.echoes_of_a_line
