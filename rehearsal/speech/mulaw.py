"""ITU-T G.711 mu-law at 8 kHz: the only sound a telephone line of the rehearsal world carries."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 8000
"""Samples (and bytes) a second."""
FRAME_BYTES: Final = 160
"""One telephone frame: 20 ms."""
FRAME_MS: Final = 20
SILENCE: Final = b"\xff"
"""The byte of a zero sample."""
SILENT_FRAME: Final = SILENCE * FRAME_BYTES

_BIAS: Final = 0x84
_CLIP: Final = 32635


def _encoding_table() -> NDArray[np.uint8]:
    samples = np.arange(-32768, 32768, dtype=np.int32)
    sign = np.where(samples < 0, 0x80, 0)
    magnitude = np.minimum(np.abs(samples), _CLIP) + _BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    code: NDArray[np.int32] = ~(sign | (exponent << 4) | mantissa) & 0xFF
    return code.astype(np.uint8)


def _decoding_table() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << ((code >> 4) & 7)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


_ENCODE: Final = _encoding_table()
_DECODE: Final = _decoding_table()


def encode(samples: NDArray[np.int16]) -> bytes:
    """16-bit linear samples to mu-law, one byte a sample."""
    return bytes(_ENCODE[samples.astype(np.int32) + 32768].tobytes())


def decode(audio: bytes) -> NDArray[np.int16]:
    """Mu-law bytes to 16-bit linear samples."""
    return _DECODE[np.frombuffer(audio, dtype=np.uint8)]


def pad_to_frames(audio: bytes) -> bytes:
    """The audio, ended by silence so that it is whole frames (at least one)."""
    short = -len(audio) % FRAME_BYTES if audio else FRAME_BYTES
    return audio + SILENCE * short
