"""A conversation with turn-taking on a virtual clock: says what happens, notes what is decided."""

from typing import TypeVar

from cadenza.domain.standard_lines import Line
from voice_bridge import turn_events as events
from voice_bridge.turn_decisions import (
    Decision,
    Discard,
    EndCall,
    HandOver,
    Speak,
    Think,
)
from voice_bridge.turn_rules import State, TurnRules
from voice_bridge.turn_taking import TurnTaking

Kind = TypeVar("Kind", bound=Decision)


class Talk:
    """Every method returns the decisions that it led to; `decisions` holds all of them."""

    def __init__(self, rules: TurnRules | None = None) -> None:
        self.machine = TurnTaking(rules)
        self.now = 1000
        self.decisions: list[Decision] = []

    @property
    def state(self) -> State:
        return self.machine.state

    def tell(self, event: events.Event) -> list[Decision]:
        made = self.machine.handle(event)
        self.decisions += made
        return made

    def start(self, **facts: object) -> list[Decision]:
        return self.tell(events.Started(self.now, **facts))  # type: ignore[arg-type]

    def wait(self, milliseconds: int) -> list[Decision]:
        made: list[Decision] = []
        until = self.now + milliseconds
        while self.now < until:
            self.now = min(self.now + 100, until)
            made += self.tell(events.Tick(self.now))
        return made

    def voice(self, milliseconds: int) -> list[Decision]:
        """A voice for so long; it goes on."""
        return [*self.tell(events.VoiceStarted(self.now)), *self.wait(milliseconds)]

    def quiet(self) -> list[Decision]:
        return self.tell(events.VoiceStopped(self.now))

    def words(self, text: str) -> list[Decision]:
        return self.tell(events.Words(self.now, text))

    def turn(self, text: str) -> list[Decision]:
        """The callee says something, and the recogniser ends the turn."""
        return [*self.words(text), *self.tell(events.TurnEnded(self.now, text))]

    def pause(self, text: str) -> list[Decision]:
        """The callee pauses, in the middle of a sentence as it sounds."""
        return self.tell(events.Paused(self.now, text))

    def turn_end(self, text: str) -> list[Decision]:
        return self.tell(events.TurnEnded(self.now, text))

    def agent_starts(self, lasting: int = 3000) -> list[Decision]:
        made = self.tell(events.AgentStarted(self.now))
        return [*made, *self.tell(events.AgentAudio(self.now, self.now + lasting))]

    def heard(self, line: Line) -> list[Decision]:
        return self.tell(events.LineHeard(self.now, line))

    def agent_says(self, text: str) -> list[Decision]:
        return self.tell(events.AgentSays(self.now, text))

    def agent_done(self, *, said_goodbye: bool = False, asks_for_details: bool = False) -> list[Decision]:
        return self.tell(events.AgentDone(self.now, said_goodbye, asks_for_details))

    def greet(self) -> None:
        """The greeting is played to its end."""
        self.start()
        self.agent_starts(5000)
        self.wait(5000)
        self.heard(Line.DISCLOSURE)
        self.agent_done()

    def reply(self, *, said_goodbye: bool = False, asks_for_details: bool = False) -> list[Decision]:
        """The model's reply is played to its end."""
        made = self.agent_starts(2000)
        made += self.wait(2000)
        return [*made, *self.agent_done(said_goodbye=said_goodbye, asks_for_details=asks_for_details)]

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [decision for decision in self.decisions if isinstance(decision, kind)]

    @property
    def lines(self) -> list[Line]:
        """All fixed lines that were begun, in order."""
        said: list[Line] = []
        for decision in self.decisions:
            match decision:
                case Speak(lines):
                    said += lines
                case Think(_, lead_in):
                    said += lead_in
        return said

    @property
    def is_over(self) -> bool:
        return self.state is State.ENDED


def speaks_while_busy(decisions: list[Decision], done_after: set[int]) -> bool:
    """Whether a second utterance was begun while one was under way."""
    busy = False
    for index, decision in enumerate(decisions):
        match decision:
            case Speak() | Think():
                if busy:
                    return True
                busy = True
            case Discard() | EndCall() | HandOver():
                busy = False
        if index in done_after:
            busy = False
    return False
