"""Generation: text becomes pieces of audio at the pace of the real service, under the account's concurrency limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from rehearsal.control.faults import Fault
from rehearsal.elevenlabs.behaviour import ElevenLabsBehaviour
from rehearsal.elevenlabs.errors import model_not_found, ordered, text_too_long, too_many_concurrent
from rehearsal.elevenlabs.voices import Catalogue
from rehearsal.speech import Utterance
from rehearsal.world import World

PIECE_BYTES: Final = 4000
"""Mu-law bytes in a piece: half a second."""
_PATIENCE_SECONDS: Final = 0.05
_FOREVER_SECONDS: Final = 3600.0

# Characters a request may have, and the range of seconds to the first byte.
_MODELS: Final[dict[str, tuple[int, tuple[float, float]]]] = {
    "eleven_flash_v2_5": (40_000, (0.09, 0.15)),
    "eleven_flash_v2": (30_000, (0.09, 0.15)),
    "eleven_turbo_v2_5": (40_000, (0.2, 0.3)),
    "eleven_multilingual_v2": (10_000, (0.3, 0.5)),
    "eleven_v3": (5_000, (0.5, 0.9)),
    "eleven_v3_conversational": (5_000, (0.2, 0.3)),
    "eleven_v4": (10_000, (0.4, 0.7)),
    "eleven_v4_turbo": (40_000, (0.1, 0.18)),
}
DEFAULT_MODEL: Final = "eleven_multilingual_v2"


class CutError(Exception):
    """The connection is to be cut here."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the speech: mu-law audio and the characters that begin in it (start and length in ms)."""

    audio: bytes
    characters: tuple[tuple[str, int, int], ...]


class Engine:
    """The account's synthesis."""

    def __init__(self, world: World, catalogue: Catalogue, behaviour: ElevenLabsBehaviour) -> None:
        self.behaviour = behaviour
        self.running = 0
        self.characters = 0
        self._world = world
        self._catalogue = catalogue
        self._generations = 0

    def check(self, model: str, text: str) -> None:
        """Raises ServiceError when the model does not exist or does not take so long a text."""
        if model not in _MODELS:
            raise model_not_found(model)
        limit = _MODELS[model][0]
        if len(text) > limit:
            raise text_too_long(limit)

    def models(self) -> list[dict[str, Any]]:
        """The models, as `GET /v1/models` lists them."""
        return [
            {
                "model_id": model,
                "name": model.replace("_", " ").title(),
                "can_do_text_to_speech": True,
                "maximum_text_length_per_request": limit,
            }
            for model, (limit, _) in _MODELS.items()
        ]

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One of the account's concurrent generations. Raises ServiceError (429) after a short wait."""
        if self.running >= self.behaviour.concurrency:
            await asyncio.sleep(_PATIENCE_SECONDS)
            if self.running >= self.behaviour.concurrency:
                raise too_many_concurrent(self.behaviour.concurrency)
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def fault(self, operation: str, voice_id: str) -> Fault | None:
        """The fault of this operation, if any. Raises the ServiceError that a `status:<code>` orders."""
        fault = self._world.faults.take("elevenlabs", operation, voice=voice_id)
        if fault is not None and fault.kind in {"status", "refuse"}:
            raise ordered(int(fault.argument or 500), self.behaviour.concurrency)
        return fault

    async def speak(self, text: str, voice_id: str, model: str, fault: Fault | None = None) -> AsyncIterator[Piece]:
        """The pieces of the speech, each when it is due. Raises CutError where a fault orders a cut."""
        self._generations += 1
        self.characters += len(text)
        chance: Random = self._world.random("elevenlabs", self._generations)
        kind = fault.kind if fault else ""
        seconds = fault.seconds if fault else 0.0
        delay = chance.uniform(*_MODELS[model][1]) + self.behaviour.extra_delay_seconds
        if kind in {"late", "delay"}:
            delay += seconds
        began = asyncio.get_running_loop().time()
        utterance = await asyncio.to_thread(self._world.studio.synthesize, text, self._catalogue.sound(voice_id))
        await asyncio.sleep(max(0.0, began + delay - asyncio.get_running_loop().time()))
        self._world.truth.append(
            "speech_generated", voice=voice_id, characters=len(text), seconds=utterance.duration_ms / 1000, fault=kind
        )
        if kind == "empty":
            return
        pieces = _pieces(utterance)
        for number, piece in enumerate(pieces):
            if number * 2 >= len(pieces) - 1 and kind in {"stall", "cut_socket"}:
                # Half of the speech has gone out, or the first half of a single piece does now.
                half = Piece(piece.audio[: len(piece.audio) // 320 * 160], piece.characters)
                if half.audio:
                    yield half
                if kind == "cut_socket":
                    raise CutError
                await asyncio.sleep(seconds or _FOREVER_SECONDS)
                rest = piece.audio[len(half.audio) :]
                yield Piece(rest, ())
                kind = ""
                continue
            yield piece
            await asyncio.sleep(len(piece.audio) / 8000 / self.behaviour.speed)


def _pieces(utterance: Utterance) -> list[Piece]:
    characters = character_times(utterance)
    pieces: list[Piece] = []
    for start in range(0, len(utterance.audio), PIECE_BYTES):
        begin, end = start // 8, (start + PIECE_BYTES) // 8
        last = start + PIECE_BYTES >= len(utterance.audio)
        own = tuple(
            (character, at - begin, length)
            for character, at, length in characters
            if begin <= at and (at < end or last)
        )
        pieces.append(Piece(utterance.audio[start : start + PIECE_BYTES], own))
    return pieces


def character_times(utterance: Utterance) -> list[tuple[str, int, int]]:
    """Every character of the text with its start and length in ms: a word's time shared by its characters."""
    times: list[tuple[str, int, int]] = []
    position = 0
    end = 0
    for word in utterance.words:
        found = utterance.text.index(word.text, position)
        for space in utterance.text[position:found]:
            times.append((space, end, max(0, word.start_ms - end)))
            end = word.start_ms
        span = word.end_ms - word.start_ms
        for index, character in enumerate(word.text):
            start = word.start_ms + span * index // len(word.text)
            stop = word.start_ms + span * (index + 1) // len(word.text)
            times.append((character, start, stop - start))
        end = word.end_ms
        position = found + len(word.text)
    times += [(character, end, 0) for character in utterance.text[position:]]
    return times


def alignment_in_seconds(piece: Piece) -> dict[str, Any] | None:
    """The alignment as the HTTP endpoints give it."""
    if not piece.characters:
        return None
    return {
        "characters": [character for character, _, _ in piece.characters],
        "character_start_times_seconds": [start / 1000 for _, start, _ in piece.characters],
        "character_end_times_seconds": [(start + length) / 1000 for _, start, length in piece.characters],
    }


def alignment_in_ms(piece: Piece) -> dict[str, Any] | None:
    """The alignment as the WebSockets give it."""
    if not piece.characters:
        return None
    return {
        "chars": [character for character, _, _ in piece.characters],
        "charStartTimesMs": [start for _, start, _ in piece.characters],
        "charDurationsMs": [length for _, _, length in piece.characters],
    }
