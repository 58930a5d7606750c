"""Speaking: a sentence in, mu-law audio out, as it is made, with the time of each character where it is known."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from cadenza.domain.character_times import NO_TIMES, CharacterTimes


@dataclass(frozen=True, slots=True)
class Voice:
    """Whose voice, made by which model, in which language (ISO 639-1)."""

    id: str
    model: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class SpokenAudio:
    """A piece of mu-law 8 kHz audio without header, with the times of the characters in it."""

    audio: bytes
    times: CharacterTimes = NO_TIMES


class SpeakingFailed(Exception):
    """No (more) audio. `reason` is a stable word, never the vendor's text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Synthesiser(Protocol):
    def stream(self, text: str, voice: Voice) -> AsyncIterator[SpokenAudio]:
        """The audio in pieces. Raises SpeakingFailed; an empty result is one too."""

    async def close(self) -> None: ...
