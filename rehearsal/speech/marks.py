"""The mark that every spoken frame carries in the lowest bit of its 160 samples.

The mark says which utterance, frame and word the 20 ms belong to, holds a piece of the word's text, and is sealed
by a checksum over the frame's sound. So an ear needs no memory of what was spoken: it hears exactly the audio that
arrived whole, even audio that was rendered and stored before this process began. One flipped bit, a dropped byte or
a transcoding breaks the seal, and the frame is only noise. The lowest bit of a mu-law sample is below hearing.

Layout, 20 bytes: checksum 4, utterance 4, frame 2, word 2 (highest bit: ends a sentence), place of the frame in its
word 1, frames of the word 1, length of the word's text in bytes 1, piece of the text 5.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from rehearsal.speech.mulaw import FRAME_BYTES

_LAYOUT: Final = struct.Struct(">IHHBBB5s")
_PIECE_BYTES: Final = 5
_ENDS_SENTENCE: Final = 0x8000
_MAXIMUM: Final = 255

# Tables for bytes.translate: the fastest way to look at 160 samples from Python.
_LOWEST_BIT_AS_DIGIT: Final = bytes(48 + (value & 1) for value in range(256))
_WITHOUT_LOWEST_BIT: Final = bytes(value & 0xFE for value in range(256))
# Minus zero becomes plus zero before stamping: linear PCM cannot tell them apart, and marks shall survive it.
_CARRIER: Final = bytes(0xFE if value in {0x7E, 0x7F} else value & 0xFE for value in range(256))


@dataclass(frozen=True, slots=True)
class Mark:
    """What one frame says of itself. `piece` is bytes `[piece_index * 5 : ...]` of the word's text."""

    utterance: int
    frame: int
    word: int
    ends_sentence: bool
    place: int
    frames_in_word: int
    text_bytes: int
    piece: bytes

    @property
    def pieces(self) -> int:
        """How many pieces the word's text has."""
        return max(1, -(-self.text_bytes // _PIECE_BYTES))

    @property
    def piece_index(self) -> int:
        """Which of them this frame holds: the pieces go round and round over the frames of the word."""
        return self.place % self.pieces


def marks_of_word(text: str, *, utterance: int, word: int, ends_sentence: bool, frames: list[int]) -> list[Mark]:
    """The marks of a word spoken in `frames` (frame numbers within the utterance, ascending).

    Text that does not fit into the frames (five bytes each, 255 in all) is cut; speech gives each letter
    about fifteen bytes, so only unspoken symbols can be lost.
    """
    room = min(_MAXIMUM, len(frames) * _PIECE_BYTES)
    data = text.encode()[:room].decode(errors="ignore").encode()
    pieces = max(1, -(-len(data) // _PIECE_BYTES))
    counted = min(len(frames), _MAXIMUM)
    marks: list[Mark] = []
    for place, frame in enumerate(frames[:_MAXIMUM]):
        start = place % pieces * _PIECE_BYTES
        piece = data[start : start + _PIECE_BYTES]
        marks.append(Mark(utterance, frame, word, ends_sentence, place, counted, len(data), piece))
    return marks


def stamp(frame: bytes, mark: Mark) -> bytes:
    """The frame with the mark in its lowest bits. `frame` is 160 mu-law bytes."""
    word = mark.word & 0x7FFF | (_ENDS_SENTENCE if mark.ends_sentence else 0)
    body = _LAYOUT.pack(
        mark.utterance,
        mark.frame & 0xFFFF,
        word,
        mark.place,
        mark.frames_in_word,
        mark.text_bytes,
        mark.piece.ljust(_PIECE_BYTES, b"\x00"),
    )
    carrier = frame.translate(_CARRIER)
    seal = zlib.crc32(body, zlib.crc32(carrier))
    bits = int.from_bytes(struct.pack(">I", seal) + body, "big")
    digits = f"{bits:0{FRAME_BYTES}b}".encode()
    return bytes(value | (digit & 1) for value, digit in zip(carrier, digits, strict=True))


def read(frame: bytes) -> Mark | None:
    """The mark of a frame of 160 bytes, or None where there is none or its seal is broken."""
    bits = int(frame.translate(_LOWEST_BIT_AS_DIGIT), 2).to_bytes(FRAME_BYTES // 8, "big")
    body = bits[4:]
    if zlib.crc32(body, zlib.crc32(frame.translate(_WITHOUT_LOWEST_BIT))) != int.from_bytes(bits[:4], "big"):
        return None
    utterance, number, word, place, frames_in_word, text_bytes, piece = _LAYOUT.unpack(body)
    return Mark(
        utterance,
        number,
        word & 0x7FFF,
        bool(word & _ENDS_SENTENCE),
        place,
        frames_in_word,
        text_bytes,
        piece,
    )
