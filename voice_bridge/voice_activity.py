"""Whether the callee makes a sound like a voice, by level alone: a microsecond a frame, 200 ms before any recogniser.

It never decides what was said. It times interruptions, and tells when a recogniser has gone deaf.
"""

from enum import Enum

from voice_bridge.mulaw import mean_level, milliseconds

_ABOVE_FLOOR = 22.0  # steps of about 0.4 dB: some 9 dB louder than the line's own noise
_LOUD_ENOUGH = 38.0  # below this nothing is a voice, however quiet the line
_STARTS_AFTER_MS = 60
_STOPS_AFTER_MS = 240  # pauses inside a word and between words are shorter
_FLOOR_RISES = 0.002  # a frame; quick enough for a change of noise within seconds, too slow for a sentence
_FLOOR_FALLS = 0.2


class VoiceChange(Enum):
    STARTED = "started"
    STOPPED = "stopped"


class VoiceActivity:
    """Feed it every frame; it tells when a voice starts and stops."""

    __slots__ = ("_floor", "_voiced_ms", "active", "level", "quiet_ms")

    def __init__(self) -> None:
        self.active = False
        self.level = 0.0
        self._floor = 12.0
        self._voiced_ms = 0
        self.quiet_ms = 0  # since the last voiced frame

    def feed(self, audio: bytes) -> VoiceChange | None:
        """Take a frame of mu-law audio."""
        level = self.level = mean_level(audio)
        length = milliseconds(len(audio))
        self._floor += (level - self._floor) * (_FLOOR_FALLS if level < self._floor else _FLOOR_RISES)
        if level > _LOUD_ENOUGH and level > self._floor + _ABOVE_FLOOR:
            self._voiced_ms += length
            self.quiet_ms = 0
            if not self.active and self._voiced_ms >= _STARTS_AFTER_MS:
                self.active = True
                return VoiceChange.STARTED
            return None
        self.quiet_ms += length
        if self.quiet_ms >= _STOPS_AFTER_MS:
            self._voiced_ms = 0
            if self.active:
                self.active = False
                return VoiceChange.STOPPED
        return None
