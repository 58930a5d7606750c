"""A WAV header around mu-law audio, so that carriers and players know what it is."""

import struct

SAMPLE_RATE = 8000
_MU_LAW = 7


def mulaw_wav(audio: bytes) -> bytes:
    """`audio` (8 kHz, mono, 8 bits a sample) as a WAV file."""
    padding = b"\x00" * (len(audio) % 2)
    form = struct.pack("<HHIIHHH", _MU_LAW, 1, SAMPLE_RATE, SAMPLE_RATE, 1, 8, 0)
    fact = struct.pack("<I", len(audio))
    chunks = b"".join(name + struct.pack("<I", len(data)) + data for name, data in ((b"fmt ", form), (b"fact", fact)))
    chunks += b"data" + struct.pack("<I", len(audio)) + audio + padding
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
