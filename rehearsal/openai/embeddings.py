"""Embeddings without a model: hashed words, so that texts with common words lie near each other. Pure."""

import base64
import hashlib
import math
import re
import struct
from itertools import pairwise
from typing import Final

DIMENSIONS: Final = 1536


def embed(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A unit vector of the text's words and word pairs; the same text always gives the same one."""
    vector = [0.0] * dimensions
    words = re.findall(r"\w+", text.lower())
    for feature in [*words, *(f"{left} {right}" for left, right in pairwise(words))] or [""]:
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
        vector[digest % dimensions] += 1.0 if digest >> 63 else -1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def as_base64(vector: list[float]) -> str:
    """Little-endian float32, base64: what the SDK asks for by default."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
