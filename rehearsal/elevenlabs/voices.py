"""The catalogue of voices: some premade ones, the one the settings name, and instant clones."""

import secrets
from typing import Any, Final

from rehearsal.elevenlabs.errors import voice_not_found
from rehearsal.speech.voices import AGENT

_PREMADE: Final = {
    "21m00Tcm4TlvDq8ikWAM": ("Rachel", "female", "american"),
    "EXAVITQu4vr4xnSDxMaL": ("Sarah", "female", "american"),
    "JBFqnCBsd6RMkjVDRZzb": ("George", "male", "british"),
    "IKne3meq5aSn9XLyUdCD": ("Charlie", "male", "australian"),
    "XB0fDUnXU5powFXDhCwa": ("Charlotte", "female", "swedish"),
    "pNInz6obpgDQGcFmaJgB": ("Adam", "male", "american"),
}
_SETTINGS: Final = {
    "stability": 0.5,
    "similarity_boost": 0.75,
    "style": 0.0,
    "use_speaker_boost": True,
    "speed": 1.0,
}


class Catalogue:
    """The account's voices by id, in the shape of the API."""

    def __init__(self, default_voice: str) -> None:
        self._default_voice = default_voice
        self._voices: dict[str, dict[str, Any]] = {}
        self.reset()

    def reset(self) -> None:
        """Only the premade voices and the settings' one."""
        self._voices.clear()
        for voice_id, (name, gender, accent) in _PREMADE.items():
            labels = {"gender": gender, "accent": accent, "use_case": "conversational"}
            self._voices[voice_id] = _voice(voice_id, name, "premade", labels)
        if self._default_voice and self._default_voice not in self._voices:
            self._voices[self._default_voice] = _voice(self._default_voice, "Settings", "cloned", {})

    def get(self, voice_id: str) -> dict[str, Any]:
        """One voice. Raises ServiceError (404)."""
        found = self._voices.get(voice_id)
        if found is None:
            raise voice_not_found(voice_id)
        return found

    def all(self) -> list[dict[str, Any]]:
        """All voices, in the order in which they came."""
        return list(self._voices.values())

    def clone(self, name: str, description: str | None, labels: dict[str, str]) -> dict[str, Any]:
        """Add an instant clone."""
        voice_id = secrets.token_hex(10)
        voice = _voice(voice_id, name, "cloned", labels) | {"description": description}
        self._voices[voice_id] = voice
        return voice

    def delete(self, voice_id: str) -> None:
        """Remove a voice. Raises ServiceError (404)."""
        self.get(voice_id)
        del self._voices[voice_id]

    def sound(self, voice_id: str) -> str:
        """The studio's voice for a voice id; the settings' one is the agent."""
        return AGENT if voice_id == self._default_voice else f"agent-{voice_id}"


def _voice(voice_id: str, name: str, category: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "voice_id": voice_id,
        "name": name,
        "samples": None,
        "category": category,
        "fine_tuning": {"is_allowed_to_fine_tune": False, "state": {}, "verification_failures": []},
        "labels": labels,
        "description": None,
        "preview_url": None,
        "available_for_tiers": [],
        "settings": dict(_SETTINGS),
        "high_quality_base_model_ids": ["eleven_flash_v2_5", "eleven_multilingual_v2"],
        "is_owner": category != "premade",
    }
