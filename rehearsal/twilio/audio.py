"""Reads the audio files that <Play> can play on a telephone line."""

import struct

import numpy as np

from rehearsal.speech.mulaw import encode

_PCM = 1
_MULAW = 7


class AudioFileError(Exception):
    """The file is nothing that can be played here."""


def read_audio(content: bytes, content_type: str) -> bytes:
    """Mu-law at 8 kHz from a WAV (mu-law or 16-bit PCM, mono, 8 kHz) or from raw `audio/basic`.

    Raises AudioFileError for everything else.
    """
    if content[:4] != b"RIFF":
        if content_type.partition(";")[0].strip() in {"audio/basic", "audio/x-mulaw", "audio/ulaw"}:
            return content
        raise AudioFileError("not a WAV file")
    chunks = _chunks(content)
    form = chunks.get(b"fmt ", b"")
    if len(form) < 16 or b"data" not in chunks:
        raise AudioFileError("a WAV file without format or data")
    encoding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if channels != 1 or rate != 8000:
        raise AudioFileError(f"{channels} channels at {rate} Hz")
    if encoding == _MULAW and bits == 8:
        return chunks[b"data"]
    if encoding == _PCM and bits == 16:
        data = chunks[b"data"]
        return encode(np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16))
    raise AudioFileError(f"WAV encoding {encoding}")


def _chunks(content: bytes) -> dict[bytes, bytes]:
    chunks: dict[bytes, bytes] = {}
    position = 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        chunks.setdefault(name, content[position + 8 : position + 8 + size])
        position += 8 + size + size % 2
    return chunks
