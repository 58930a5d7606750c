"""The bookkeeping under turn-taking: what is known at a moment, and the smallest steps. See turn_taking.py."""

from cadenza.domain.standard_lines import Line
from voice_bridge.fillers import Fillers
from voice_bridge.turn_decisions import (
    CallOffConnection,
    Connect,
    Decision,
    Discard,
    DropSpeculation,
    EndCall,
    EndReason,
    Speak,
    Think,
)
from voice_bridge.turn_rules import State, TurnRules


class TurnState:
    """What is known of the conversation, and the smallest steps that change it."""

    def __init__(self, rules: TurnRules | None = None) -> None:
        self.rules = rules or TurnRules()
        self.state = State.LISTENING
        self.busy = False  # an utterance is under way: begun, not done, not discarded
        self.callee_turns = 0
        self.disclosure_heard = False
        self.end_reason: EndReason | None = None
        self._now = 0
        self._since = 0  # when the state was entered
        self._started_at = 0
        self._opened_at = 0  # when the party that has the line now took it
        self._quiet_since = 0
        self._agent_until = 0
        self._spoke_at = 0
        self._opening = False  # the utterance under way is the greeting
        self._hellos = 0  # over the greeting
        self._partial = ""
        self._early_text = ""
        self._unfinished = ""  # turns since the agent last spoke: the recogniser may have cut one sentence in two
        self._words_at = 0
        self._speaking_since = 0
        self._voice_since: int | None = None
        self._voice_stopped_at = 0
        self._trusts_voice = True
        self._early_answer: tuple[str, int] | None = None
        self._reprompts = 0
        self._disclosures = 0
        self._failures = 0
        self._thinks = False  # the utterance under way is the model's
        self._farewell_tried = False
        self._fillers = 0  # of the wait under way
        self._filler_lines = Fillers()
        self._asks_calendar = False
        self._asked_for_details = False
        self._dictated = ""  # turns that ended inside something that is being spelled
        self._dictated_since = 0
        self._listens_patiently = False
        self._speculated = ""  # the words that the model answers ahead of the turn's end
        self._speculations = 0
        self._agent_words = ""  # the agent's latest
        self._echoes = 0
        self._tool_since: int | None = None
        self._end_after: EndReason | None = None
        self._parting = False
        self._came_back = False
        self._person_reported = False
        self._screening_replied = False
        self._screening_waits_since = 0
        self._machine_end_reported = False
        self._drain_at: int | None = None
        self._begun = False
        self._connects = False  # to a person, after the utterance under way
        self._announced_again = False
        self._out: list[Decision] = []

    @property
    def tool_running(self) -> bool:
        return self._tool_since is not None

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = self._now
        if state in {State.MACHINE, State.SCREENING}:
            self._call_off_connection()  # nobody there wanted to be connected

    def _listen(self) -> None:
        self._quiet_since = self._now
        self._enter(State.LISTENING)

    def _drop_speculation(self) -> None:
        if self._speculated:
            self._speculated = ""
            self._out.append(DropSpeculation())

    def _speak(self, state: State, *lines: Line, rest: str = "") -> None:
        self._drop_speculation()
        self.busy = True
        self._thinks = False
        self._spoke_at = self._now
        self._out.append(Speak(lines, rest))
        self._enter(state)

    def _think(self, text: str, *lead_in: Line) -> None:
        if not self.disclosure_heard and self._disclosures < self.rules.max_disclosures:
            self._disclosures += 1  # it was cut off: the law wants it heard
            lead_in = (*lead_in, Line.DISCLOSURE)
        self._speculated = ""  # it is this answer, or the shell sees that it is none
        self.busy = True
        self._thinks = True
        self._spoke_at = self._now
        self._fillers = 0
        wrap_up = self._now - self._started_at >= self.rules.wrap_up_ms
        self._out.append(Think(text, lead_in, wrap_up))
        self._enter(State.THINKING)

    def _stop_agent(self) -> None:
        self._opening = False
        if self.busy:
            self.busy = False
            self._out.append(Discard())

    def _connect(self) -> None:
        """The carrier takes the line: nothing more is decided here."""
        self.busy = False
        self._out.append(Connect())
        self._enter(State.ENDED)

    def _call_off_connection(self) -> None:
        if self._connects:
            self._connects = False
            self._out.append(CallOffConnection())

    def _open(self) -> None:
        self._opened_at = self._now
        self._greet()

    def _greet(self, *lead_in: Line, opens: bool = True) -> None:
        """Say who calls; `opens`: and begin the talk, which has not begun yet."""
        self._disclosures += 1
        self._opening = opens
        if opens:
            self._speak(State.OPENING, *lead_in, Line.DISCLOSURE, Line.OPENING)
        else:
            self._speak(State.AGENT_SPEAKING, *lead_in, Line.DISCLOSURE)

    def _end_with(self, reason: EndReason, *lines: Line) -> None:
        self._stop_agent()
        self._call_off_connection()
        self._end_after = None
        self.end_reason = reason
        self._speak(State.ENDING, *lines)

    def _end_call(self, reason: EndReason) -> None:
        self._stop_agent()
        self._call_off_connection()
        self.end_reason = reason
        self._out.append(EndCall(reason))
        self._enter(State.ENDED)
