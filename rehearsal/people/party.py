"""Who is at the other end of a line, seen from the line: moments go in, actions come out.

A party does no I/O and has no clock: time is the `elapsed_milliseconds` of its moments. The line plays what it
says, tells it which of the agent's words it has really heard, and steps it about every 20 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Heard:
    """One word that the party heard the agent say."""

    text: str
    ends_sentence: bool = False


@dataclass(slots=True)
class Moment:
    """What a party notices in one short stretch of time."""

    elapsed_milliseconds: int = 20
    words: Sequence[Heard] = ()
    agent_speaking: bool = False
    speaking: bool = False
    """Whether something the party said earlier is still being played."""


@dataclass(frozen=True, slots=True)
class Say:
    """Speak, after whatever is still being said."""

    text: str


@dataclass(frozen=True, slots=True)
class Tone:
    """Play a pure tone, for example the beep of a mailbox."""

    hertz: float
    milliseconds: int


@dataclass(frozen=True, slots=True)
class StopTalking:
    """Break off in the middle of a word."""


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys (0-9, *, #)."""

    digits: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call, after whatever is still being said."""

    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Write something into the truth log."""

    kind: str
    facts: dict[str, object] = field(default_factory=dict)


Action = Say | Tone | StopTalking | Press | HangUp | Note


class Party(Protocol):
    """A person, a mailbox or a screening service."""

    def step(self, moment: Moment) -> Sequence[Action]:
        """Let a moment pass; returns what the party does, in order."""

    def line_ended(self) -> Sequence[Note]:
        """The call ended, whoever ended it; returns the party's last notes."""
