"""What happens in a call, as turn-taking sees it. Every event carries `now_ms`: milliseconds of a clock that never
goes back. The machine has no other clock."""

from dataclasses import dataclass

from cadenza.domain.standard_lines import Line
from voice_bridge.turn_decisions import EndReason


@dataclass(frozen=True, slots=True)
class Started:
    """The media stream is up. `resumed`: the call was under way when an earlier stream broke."""

    now_ms: int
    resumed: bool = False
    disclosure_heard: bool = False
    unanswered: str = ""
    """On a resume: the callee's last words, if nobody answered them."""
    missed_an_answer: bool = False
    """On a resume: the line broke while it was the callee's turn to speak."""
    rest: str = ""
    """On a resume: what the agent meant to say when the line broke, as far as it was not heard."""
    took_leave: bool = False
    """On a resume: the agent's goodbye was heard, and the callee said nothing more than theirs."""
    leaves: EndReason | None = None
    """On a resume: why the agent was hanging up with its last words."""
    callee_turns: int = 0
    machine: bool = False
    """On a resume: a machine had the line."""
    screening: bool = False
    """On a resume: a screening assistant had the line, and knows who calls."""
    elapsed_ms: int = 0
    """How long the call had been going on before."""
    connects: bool = False
    """On a resume: the callee was being told that they are connected to a person."""
    after_connection: Line | None = None
    """The carrier gave the call back: what is to be said about the person who could not be reached."""


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """Sound like a voice came from the callee (by its level, faster than the recogniser)."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class VoiceStopped:
    """The callee's sound fell below the level of a voice."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class Words:
    """The recogniser's text of the callee's turn so far."""

    now_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The callee has paused, in the middle of a sentence as it sounds; `text` is the turn so far."""

    now_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The recogniser's final text of the callee's turn."""

    now_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Beep:
    """A steady single tone, as mailboxes play before they record."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class AgentStarted:
    """The first audio of the agent's utterance was sent."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class AgentSays:
    """The agent begins these words: what an echo would bring back."""

    now_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class AgentAudio:
    """All audio sent so far will have been played at `until_ms`."""

    now_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class LineHeard:
    """A fixed line was played to its end."""

    now_ms: int
    line: Line


@dataclass(frozen=True, slots=True)
class AgentDone:
    """The agent's utterance is complete and was played to its end. `said_goodbye`: its words took leave."""

    now_ms: int
    said_goodbye: bool = False
    asks_for_details: bool = False
    """It asked for a number or an address: the answer will be spelled."""


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """The model or the synthesiser had nothing to say, and nothing of this reply was said."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class ToolStarted:
    now_ms: int
    calendar: bool = True
    """It asks the calendar, which may take seconds."""


@dataclass(frozen=True, slots=True)
class ToolFinished:
    now_ms: int


@dataclass(frozen=True, slots=True)
class ConnectionAsked:
    """The callee is to be connected to a person, as soon as they have heard that they are."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class EndRequested:
    """The model ended the call: hang up when the utterance under way was played."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class OptedOutByTool:
    """The model understood an opt-out that the patterns did not: the call ends with the utterance under way."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The callee pressed a key of the telephone."""

    now_ms: int
    key: str


@dataclass(frozen=True, slots=True)
class RecogniserLost:
    """Nothing can be heard any more, and a new connection failed too."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """The process is stopping: hand the call over at the next good moment."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class HungUp:
    """The stream ended from the carrier's side."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed. About ten times a second."""

    now_ms: int


Event = (
    Started
    | VoiceStarted
    | VoiceStopped
    | Words
    | Paused
    | TurnEnded
    | Beep
    | AgentStarted
    | AgentSays
    | AgentAudio
    | LineHeard
    | AgentDone
    | ReplyFailed
    | ToolStarted
    | ToolFinished
    | ConnectionAsked
    | EndRequested
    | OptedOutByTool
    | KeyPressed
    | RecogniserLost
    | DrainAsked
    | HungUp
    | Tick
)
