"""Output formats: what of the service's list the rehearsal world can make out of telephone audio."""

from collections.abc import Callable
from typing import Final

import numpy as np

from rehearsal.elevenlabs.errors import invalid
from rehearsal.speech.mulaw import decode


def _pcm(rate: int) -> Callable[[bytes], bytes]:
    def convert(audio: bytes) -> bytes:
        samples = decode(audio).astype(np.float64)
        if rate == 8000 or not len(samples):
            return bytes(samples.astype("<i2").tobytes())
        instants = np.arange(len(samples) * rate // 8000) * (8000 / rate)
        stretched = np.interp(instants, np.arange(len(samples)), samples)
        return bytes(stretched.astype("<i2").tobytes())

    return convert


_CONVERTERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "ulaw_8000": bytes,
    "pcm_8000": _pcm(8000),
    "pcm_16000": _pcm(16000),
    "pcm_22050": _pcm(22050),
    "pcm_24000": _pcm(24000),
}


def converter(output_format: str) -> Callable[[bytes], bytes]:
    """From mu-law at 8 kHz to the format. Raises ServiceError (422) for one that is not made here."""
    found = _CONVERTERS.get(output_format)
    if found is None:
        raise invalid(
            ["query", "output_format"],
            f"Input should be one of {', '.join(sorted(_CONVERTERS))} (the rehearsal world's formats)",
            "enum",
        )
    return found


def media_type(output_format: str) -> str:
    """The Content-Type of the format."""
    return "audio/basic" if output_format.startswith("ulaw") else "audio/pcm"
