"""The buffer of a bidirectional media stream: plays in real time, echoes marks, can be cleared. Pure.

Audio may arrive faster than real time and in pieces of any length; one frame of 160 bytes leaves every 20 ms.
A mark comes back when everything written before it has been played, at once if nothing is waiting; `clear`
throws the audio away and gives back all marks that were still waiting.
"""

from collections import deque

FRAME_BYTES = 160  # 20 ms of mu-law at 8 kHz
SILENCE = b"\xff" * FRAME_BYTES
_HOLD_TICKS = 3  # a piece shorter than a frame waits this long for its rest before silence fills it
_COMPACT_BYTES = 65_536
LARGEST_BUFFER = 8000 * 600  # bytes: ten minutes


class PlayBuffer:
    """What is still to be played to the callee, and the marks within it."""

    def __init__(self) -> None:
        self._audio = bytearray()
        self._offset = 0
        self._written = 0
        self._played = 0
        self._marks: deque[tuple[int, str]] = deque()
        self._held = 0

    @property
    def waiting_bytes(self) -> int:
        """Audio not played yet, in bytes (8000 a second)."""
        return len(self._audio) - self._offset

    def write(self, audio: bytes) -> bool:
        """Add audio behind everything else. False, and nothing added, when the buffer is full."""
        if self.waiting_bytes + len(audio) > LARGEST_BUFFER:
            return False
        self._audio += audio
        self._written += len(audio)
        return True

    def mark(self, name: str) -> bool:
        """Set a mark behind everything written. True when it is reached already, and is not kept."""
        if self._played >= self._written:
            return True
        self._marks.append((self._written, name))
        return False

    def clear(self) -> list[str]:
        """Throw away what was not played; returns the names of the marks that were waiting, in order."""
        self._audio.clear()
        self._offset = self._held = 0
        self._played = self._written
        names = [name for _, name in self._marks]
        self._marks.clear()
        return names

    def next_frame(self) -> tuple[bytes, list[str]]:
        """The next 20 ms, silence when nothing waits, and the marks that were reached by playing it."""
        waiting = len(self._audio) - self._offset
        if waiting == 0:
            return SILENCE, []
        if waiting < FRAME_BYTES and not self._marks and self._held < _HOLD_TICKS:
            self._held += 1
            return SILENCE, []
        self._held = 0
        frame = bytes(self._audio[self._offset : self._offset + FRAME_BYTES])
        self._offset += len(frame)
        self._played += len(frame)
        if self._offset >= _COMPACT_BYTES:
            del self._audio[: self._offset]
            self._offset = 0
        reached: list[str] = []
        while self._marks and self._marks[0][0] <= self._played:
            reached.append(self._marks.popleft()[1])
        return (frame if len(frame) == FRAME_BYTES else frame.ljust(FRAME_BYTES, b"\xff")), reached
