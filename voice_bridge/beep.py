"""A mailbox's beep: one steady tone. Cheap enough to listen on every call's start (about 5 µs a frame).

Each 20 ms: the sign changes give a tone's frequency, the level its steadiness. Only when both have been steady for
long enough is the tone checked by a Goertzel filter, which speech and music do not pass.
"""

from collections import deque
from math import cos, pi

from voice_bridge.mulaw import IS_NEGATIVE, LINEAR, mean_level

_FRAME_BYTES = 160
_LOWEST_HERTZ, _HIGHEST_HERTZ = 350, 2200
_STEADY_FRAMES = 9  # 180 ms: no vowel keeps one pitch and one level for so long
_LONGEST_FRAMES = 150  # 3 s: a longer tone is a fax, a dial tone or music on hold
_MIN_LEVEL = 32.0
_LEVEL_SPREAD = 6.0
_CROSSING_SPREAD = 2
_PURITY = 0.75  # share of the energy at the tone's own frequency


class BeepDetector:
    """Feed it every inbound frame; it says once when a beep has ended."""

    __slots__ = ("_buffer", "_frames", "_run", "_steady")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._frames: deque[bytes] = deque(maxlen=_STEADY_FRAMES)
        self._steady: deque[tuple[int, float]] = deque(maxlen=_STEADY_FRAMES)
        self._run = 0

    def feed(self, audio: bytes) -> bool:
        """Take audio; True when a beep has just ended."""
        if len(audio) == _FRAME_BYTES and not self._buffer:
            return self._frame(audio)
        self._buffer += audio
        ended = False
        while len(self._buffer) >= _FRAME_BYTES:
            ended = self._frame(bytes(self._buffer[:_FRAME_BYTES])) or ended
            del self._buffer[:_FRAME_BYTES]
        return ended

    def _frame(self, frame: bytes) -> bool:
        level = mean_level(frame)
        bits = int(frame.translate(IS_NEGATIVE), 2)
        crossings = (bits ^ (bits >> 1)).bit_count()
        if self._run:
            if level >= _MIN_LEVEL and self._matches(crossings, level):
                self._run += 1
                return False
            ended = self._run <= _LONGEST_FRAMES
            self._run = 0
            self._steady.clear()
            self._frames.clear()
            return ended
        if level < _MIN_LEVEL:
            self._steady.clear()
            self._frames.clear()
            return False
        self._steady.append((crossings, level))
        self._frames.append(frame)
        if len(self._steady) == _STEADY_FRAMES and self._is_steady() and self._is_pure():
            self._run = _STEADY_FRAMES
        return False

    def _matches(self, crossings: int, level: float) -> bool:
        first_crossings, first_level = self._steady[0]
        return abs(crossings - first_crossings) <= _CROSSING_SPREAD and abs(level - first_level) <= _LEVEL_SPREAD

    def _is_steady(self) -> bool:
        crossings = [pair[0] for pair in self._steady]
        levels = [pair[1] for pair in self._steady]
        hertz = sum(crossings) / len(crossings) * 25
        return (
            max(crossings) - min(crossings) <= _CROSSING_SPREAD
            and max(levels) - min(levels) <= _LEVEL_SPREAD
            and _LOWEST_HERTZ <= hertz <= _HIGHEST_HERTZ
        )

    def _is_pure(self) -> bool:
        samples = [LINEAR[value] for value in b"".join(self._frames)]
        bits = int(b"".join(self._frames).translate(IS_NEGATIVE), 2)
        hertz = (bits ^ (bits >> 1)).bit_count() * 8000 / (2 * len(samples))
        total = sum(sample * sample for sample in samples)
        power = max(_goertzel(samples, hertz + offset) for offset in (-4.0, 0.0, 4.0))
        return total > 0 and 2 * power / (len(samples) * total) >= _PURITY


def _goertzel(samples: list[int], hertz: float) -> float:
    """Power of the samples at one frequency."""
    coefficient = 2 * cos(2 * pi * hertz / 8000)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    return last * last + before * before - coefficient * last * before
