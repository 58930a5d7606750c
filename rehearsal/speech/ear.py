"""The ear hears: audio that really arrived becomes the words it carries, and nothing else does."""

from dataclasses import dataclass
from typing import Final

from rehearsal.speech.marks import Mark, read
from rehearsal.speech.mulaw import FRAME_BYTES

_NEEDED: Final = 0.7
"""Share of a word's frames that must arrive for the word to be understood."""
_SILENCE_ENDS_WORD: Final = 4
"""Silent frames after which a word that was cut off near its end counts as said; closures are shorter."""
_ZERO_SAMPLES: Final = b"\xff\x7f\xfe\x7e"
"""The mu-law bytes that are silence."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word that was heard to its end. `index` is its place among the utterance's whitespace tokens."""

    text: str
    utterance_id: str
    index: int
    ends_sentence: bool


class _Listening:
    """The word that is arriving just now."""

    def __init__(self, mark: Mark) -> None:
        self.utterance = mark.utterance
        self.word = mark.word
        self.latest_frame = -1
        self.arrived = 0
        self.pieces: dict[int, bytes] = {}
        self.mark = mark

    def continues_with(self, mark: Mark) -> bool:
        return mark.utterance == self.utterance and mark.word == self.word and mark.frame > self.latest_frame

    def take(self, mark: Mark) -> None:
        self.latest_frame = mark.frame
        self.arrived += 1
        self.pieces[mark.piece_index] = mark.piece

    def words(self) -> list[HeardWord]:
        """The word, if enough of it arrived; more than one where unspoken tokens travel with it."""
        mark = self.mark
        if self.arrived < _NEEDED * mark.frames_in_word or len(self.pieces) < mark.pieces:
            return []
        data = b"".join(self.pieces[index] for index in range(mark.pieces))[: mark.text_bytes]
        tokens = data.decode(errors="replace").split()
        last = len(tokens) - 1
        return [
            HeardWord(token, f"{mark.utterance:08x}", mark.word + place, mark.ends_sentence and place == last)
            for place, token in enumerate(tokens)
        ]


class Ear:
    """Listens to one stream of mu-law audio. Frames may begin at any byte: the ear finds the alignment.

    Not thread-safe: one ear for one stream. About 3 microseconds for a frame of 20 ms.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._current: _Listening | None = None
        self._speaking = False
        self._sounding = False
        self._silent_frames = 0

    @property
    def speaking(self) -> bool:
        """The last whole frame fed was speech."""
        return self._speaking

    @property
    def sounding(self) -> bool:
        """The last whole frame fed was not silence: speech, a tone or noise."""
        return self._sounding

    def feed(self, audio: bytes) -> list[HeardWord]:
        """The words completed by this audio, in order. Any length is taken; rests wait for the next call."""
        buffer = self._buffer + audio
        heard: list[HeardWord] = []
        position = 0
        while position + FRAME_BYTES <= len(buffer):
            frame = buffer[position : position + FRAME_BYTES]
            if not frame.strip(_ZERO_SAMPLES):
                position += FRAME_BYTES
                self._speaking = self._sounding = False
                self._silent_frames += 1
                if self._silent_frames == _SILENCE_ENDS_WORD and self._current is not None:
                    said = self._current.words()
                    heard += said
                    self._current = None if said else self._current
                continue
            self._silent_frames = 0
            mark = read(frame)
            if mark is None:
                shift, complete = _find_alignment(buffer, position)
                if not complete:
                    break  # a frame may begin within this one: wait for its end
                self._sounding = True
                self._speaking = False
                position += shift or FRAME_BYTES
                continue
            position += FRAME_BYTES
            self._speaking = self._sounding = True
            heard += self._take(mark)
        self._buffer = buffer[position:]
        return heard

    def _take(self, mark: Mark) -> list[HeardWord]:
        heard: list[HeardWord] = []
        current = self._current
        if current is None or not current.continues_with(mark):
            if current is not None:
                heard += current.words()  # its last frame was lost
            current = self._current = _Listening(mark)
        current.take(mark)
        if mark.place == mark.frames_in_word - 1:
            heard += current.words()
            self._current = None
        return heard


def _find_alignment(buffer: bytes, position: int) -> tuple[int, bool]:
    """Where, 1-159 bytes after `position`, a marked frame begins (0: nowhere), and whether all could be tried."""
    for shift in range(1, FRAME_BYTES):
        start = position + shift
        if start + FRAME_BYTES > len(buffer):
            return 0, False
        if read(buffer[start : start + FRAME_BYTES]) is not None:
            return shift, True
    return 0, True
