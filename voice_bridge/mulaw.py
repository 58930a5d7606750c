"""mu-law bytes (G.711): levels without decoding, since the byte's magnitude is a logarithm already."""

from zlib import adler32

BYTES_PER_MS = 8
"""8000 samples a second, one byte each."""
SILENCE = b"\xff"

LEVEL = bytes(0x7F - (value & 0x7F) for value in range(256))
"""For bytes.translate: each sample's level, 0 (silence) to 127 (full scale), about 0.4 dB a step."""

IS_NEGATIVE = bytes(48 + (value < 0x80) for value in range(256))
"""For bytes.translate: `1` where the sample is negative, else `0`."""


def _decode(value: int) -> int:
    flipped = ~value & 0xFF
    magnitude = (((flipped & 0x0F) << 3) + 0x84 << ((flipped >> 4) & 0x07)) - 0x84
    return -magnitude if flipped & 0x80 else magnitude


LINEAR = tuple(_decode(value) for value in range(256))
"""Each byte as a 16-bit sample."""


_SUMMED_AT_ONCE = 0xFFF0 // 0x7F
"""Bytes of LEVEL whose sum is below the modulus of Adler-32."""


def mean_level(audio: bytes) -> float:
    """Mean level of a stretch of audio, 0 to 127."""
    if not audio:
        return 0.0
    levels = audio.translate(LEVEL)
    if len(levels) <= _SUMMED_AT_ONCE:
        return ((adler32(levels) & 0xFFFF) - 1) / len(levels)  # its low half is 1 + the sum, without a loop in Python
    return sum(levels) / len(levels)


def milliseconds(byte_count: int) -> int:
    return byte_count // BYTES_PER_MS
