"""Writes down when a side of a line sounds and when it pauses: what a stopwatch at the callee's ear would tell. Pure.

Silence inside a sentence is no pause: a stretch of sound ends with `PAUSE_FRAMES` silent frames. Its end is then told
with its length, so that the pause began `silent` milliseconds before the entry.
"""

from collections.abc import Callable, Sequence

FRAME_MS = 20
PAUSE_FRAMES = 15


class SoundLog:
    """One side of one line. `note` gets `<side>_sounds`, then `<side>_paused` with the words that were whole."""

    def __init__(self, side: str, note: Callable[[str, dict[str, object]], None]) -> None:
        self._side = side
        self._note = note
        self._frames = 0
        self._silent = 0
        self._words: list[str] = []

    def hear(self, sounds: bool, words: Sequence[str] = ()) -> None:
        """Take 20 ms."""
        self._words += words
        if sounds:
            if not self._frames:
                self._note(f"{self._side}_sounds", {})
            self._frames += 1
            self._silent = 0
        elif self._frames:
            self._frames += 1
            self._silent += 1
            if self._silent >= PAUSE_FRAMES:
                self.end()

    def end(self) -> None:
        """The stretch is over, the line perhaps too."""
        if self._frames:
            facts: dict[str, object] = {
                "milliseconds": (self._frames - self._silent) * FRAME_MS,
                "silent": self._silent * FRAME_MS,
                "words": " ".join(self._words),
            }
            self._note(f"{self._side}_paused", facts)
        self._frames = self._silent = 0
        self._words = []
