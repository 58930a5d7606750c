"""The name of a piece of rendered speech: the same voice, model and text are rendered once, by whoever needs it."""

import hashlib


def audio_key(voice_id: str, model: str, text: str) -> str:
    """SHA-256, in hex, of voice, synthesis model and the text exactly as spoken."""
    return hashlib.sha256(f"{voice_id}\n{model}\n{text}".encode()).hexdigest()
