"""Answering-machine detection by energy and timing alone, as Twilio's: so it makes Twilio's kind of mistakes.

A short greeting followed by silence is a person; speech that goes on is a machine. Hence a person with a long
greeting is taken for a machine, and a mailbox with a short one for a person. Pure.
"""

from enum import Enum

from rehearsal.twilio.call import DetectionSettings, MachineDetection


class Sound(Enum):
    """What 20 ms of the callee's side are."""

    SILENCE = "silence"
    SPEECH = "speech"
    TONE = "tone"


class MachineDetector:
    """Listens to one answered call until it has a verdict."""

    def __init__(self, settings: DetectionSettings) -> None:
        self._settings = settings
        self._elapsed = 0
        self._first_speech: int | None = None
        self._quiet = 0
        self._machine = False
        self._tone_heard = False
        self.verdict: str | None = None

    @property
    def milliseconds(self) -> int:
        """How long the detection took so far, in ms from the answer."""
        return self._elapsed

    def observe(self, sound: Sound, milliseconds: int = 20) -> str | None:
        """Take in the next stretch of sound; returns the verdict when it is reached, once."""
        if self.verdict is not None:
            return None
        self._elapsed += milliseconds
        self._quiet = self._quiet + milliseconds if sound is Sound.SILENCE else 0
        if sound is Sound.SPEECH and self._first_speech is None:
            self._first_speech = self._elapsed - milliseconds
        self.verdict = self._message_end(sound) if self._machine else self._first_words()
        return self.verdict

    def _first_words(self) -> str | None:
        settings = self._settings
        if self._elapsed >= settings.timeout:
            return "unknown"
        if self._first_speech is None:
            return "unknown" if self._elapsed >= settings.silence_timeout else None
        if self._elapsed - self._quiet - self._first_speech >= settings.speech_threshold:
            if settings.mode is MachineDetection.ENABLE:
                return "machine_start"
            self._machine = True
            return None
        return "human" if self._quiet >= settings.speech_end_threshold else None

    def _message_end(self, sound: Sound) -> str | None:
        if sound is Sound.TONE:
            self._tone_heard = True
        elif self._tone_heard:
            return "machine_end_beep"
        if self._quiet >= self._settings.speech_end_threshold:
            return "machine_end_silence"
        return "machine_end_other" if self._elapsed >= self._settings.timeout else None
