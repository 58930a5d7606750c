"""Speaking: a sentence in, mu-law audio out, as it is made."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Voice:
    """Whose voice, made by which model, in which language (ISO 639-1)."""

    id: str
    model: str
    language: str = "en"


class SpeakingFailed(Exception):
    """No (more) audio. `reason` is a stable word, never the vendor's text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Synthesiser(Protocol):
    def stream(self, text: str, voice: Voice) -> AsyncIterator[bytes]:
        """mu-law 8 kHz without header, in pieces. Raises SpeakingFailed; an empty result is one too."""

    async def close(self) -> None: ...
