"""What turn-taking decides. The shell (call.py) carries decisions out, in order, and decides nothing itself."""

from dataclasses import dataclass
from enum import StrEnum

from cadenza.domain.outcomes import AnsweredBy
from cadenza.domain.standard_lines import Line


class EndReason(StrEnum):
    """Why the bridge ends the call."""

    AGENT_SAID_GOODBYE = "agent_said_goodbye"
    OPTED_OUT = "opted_out"
    SILENCE = "silence"
    TIME_LIMIT = "time_limit"
    SCREENED = "screened"
    MACHINE = "machine"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Speak:
    """Begin an utterance of fixed lines. The agent is silent when this is decided."""

    lines: tuple[Line, ...]
    rest: str = ""
    """Said after them: the part of an earlier utterance that nobody heard."""


@dataclass(frozen=True, slots=True)
class Think:
    """Ask the model to answer `text`. `lead_in` is spoken at once, before the reply."""

    text: str
    lead_in: tuple[Line, ...] = ()
    wrap_up: bool = False


@dataclass(frozen=True, slots=True)
class Speculate:
    """Begin the model's answer to `text` without a word of it and without any tool: the turn may end here."""

    text: str


@dataclass(frozen=True, slots=True)
class DropSpeculation:
    """The callee went on: what was begun answers half a turn."""


@dataclass(frozen=True, slots=True)
class ListenPatiently:
    """The recogniser is to wait longer for the end of a turn (a number is being spelled), or no longer."""

    patiently: bool


@dataclass(frozen=True, slots=True)
class Insert:
    """Say a short line now, inside the utterance under way (a filler)."""

    line: Line


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop the agent's voice now, and keep what it has not said yet."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Nobody interrupted after all: go on from the word where it stopped."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Stop the agent's voice and its reply, and forget what was not heard."""


@dataclass(frozen=True, slots=True)
class Hear:
    """Put words of the callee on record that get no answer of their own."""

    text: str


@dataclass(frozen=True, slots=True)
class ReportAnsweredBy:
    """Tell the lead's workflow who, or what, answered."""

    answered_by: AnsweredBy


@dataclass(frozen=True, slots=True)
class ReportOptOut:
    """Suppress the number now."""

    text: str
    by_keypad: bool = False


@dataclass(frozen=True, slots=True)
class HandOver:
    """Close the stream so that another bridge takes the call."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Leave the line to the carrier, which connects the callee to the person that was announced."""


@dataclass(frozen=True, slots=True)
class CallOffConnection:
    """The callee is not to be connected after all."""


@dataclass(frozen=True, slots=True)
class EndCall:
    """Hang up."""

    reason: EndReason


Decision = (
    Speak
    | Think
    | Speculate
    | DropSpeculation
    | ListenPatiently
    | Insert
    | Pause
    | Resume
    | Discard
    | Hear
    | ReportAnsweredBy
    | ReportOptOut
    | HandOver
    | Connect
    | CallOffConnection
    | EndCall
)
