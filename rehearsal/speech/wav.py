"""WAV files of calls, for people who want to hear a rehearsal."""

import wave
from pathlib import Path

import numpy as np

from rehearsal.speech.mulaw import SAMPLE_RATE, SILENCE, decode


def write_wav(path: Path, left: bytes, right: bytes | None = None) -> None:
    """Write mu-law audio as 16-bit PCM at 8 kHz: mono, or stereo with the shorter side filled by silence."""
    if right is None:
        samples = decode(left)
    else:
        length = max(len(left), len(right))
        sides = [decode(side.ljust(length, SILENCE)) for side in (left, right)]
        samples = np.stack(sides, axis=1).reshape(-1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if right is None else 2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
