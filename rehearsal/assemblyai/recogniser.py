"""The recogniser's mind: audio in, protocol messages out, on the clock of the audio itself.

Pure and synchronous. The rules are the documented ones: models of the 3-series give one early partial, one partial
for each pause, and end a turn at terminal punctuation after `min_turn_silence` or at `max_turn_silence` anyhow; the
older models give a partial for every word and end by confidence.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rehearsal.assemblyai.parameters import Configuration
from rehearsal.speech import Ear
from rehearsal.speech.mulaw import FRAME_BYTES, FRAME_MS, encode

_SPEECH_DETECTED_AFTER_MS: Final = 100
_EARLY_PARTIAL_BASE_MS: Final = 300
_EARLY_PARTIAL_RETRY_MS: Final = 750
_CONTINUOUS_PARTIAL_MS: Final = 3000
_REPORT_EVERY_MS: Final = 1000
_TERMINAL: Final = re.compile(r"[.?!]+[\"')\]”’]*$")
_TRIMMED: Final = re.compile(r"^[^\w@$€£+]+|[^\w%]+$")

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    confidence: float


class Recogniser:
    """One session's recognition. `configuration` may be exchanged at any time."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._ear = Ear()
        self._rest = b""
        self._now = 0
        self._turn_order = 0
        self._reported = 0
        self._speech_in_report = False
        self._forget_turn()

    @property
    def audio_ms(self) -> int:
        """Audio taken so far, in ms."""
        return self._now

    def _forget_turn(self) -> None:
        self._words: list[_Word] = []
        self._started_at: int | None = None
        self._announced = False
        self._run = 0
        self._run_started_at = 0
        self._last_speech = 0
        self._next_early: int | None = None
        self._next_continuous = 0
        self._pause_reported = False

    def hear(self, audio: bytes) -> list[Message]:
        """The messages that this audio causes, in order."""
        if self.configuration.encoding == "pcm_s16le":
            self._rest += audio
            whole = len(self._rest) // 2 * 2
            audio = encode(np.frombuffer(self._rest[:whole], dtype="<i2").astype(np.int16))
            self._rest = self._rest[whole:]
        messages: list[Message] = []
        for start in range(0, len(audio), FRAME_BYTES):
            messages += self._frame(audio[start : start + FRAME_BYTES])
        return messages

    def force_end(self) -> list[Message]:
        """End the turn under way now. Nothing when nothing was said."""
        if not self._words:
            return []
        return self._end_turn(confidence=1.0)

    def _frame(self, frame: bytes) -> list[Message]:
        self._now += len(frame) // 8
        words = self._ear.feed(frame)
        messages: list[Message] = []
        if self._ear.speaking:
            messages += self._speech()
        else:
            self._run = 0
        for word in words:
            self._add(word.text)
            if not self.configuration.punctuation_based:
                messages += self._announce()
                messages += self._partial()
        if self._ear.speaking:
            messages += self._partials_while_speaking()
        else:
            messages += self._silence()
        messages += self._reports()
        return messages

    def _add(self, text: str) -> None:
        end = self._now if self._ear.speaking else self._last_speech
        start = self._run_started_at
        if self._words:
            start = max(start, self._words[-1].end)
        confidence = 0.86 + (sum(text.encode()) + self._turn_order) % 14 / 100
        self._words.append(_Word(text, min(start, end), end, confidence))

    def _speech(self) -> list[Message]:
        if self._run == 0:
            self._run_started_at = self._now - FRAME_MS
        self._run += FRAME_MS
        self._last_speech = self._now
        self._pause_reported = False
        self._speech_in_report = True
        if self._started_at is None:
            self._started_at = self._now - FRAME_MS
            self._next_early = self._started_at + _EARLY_PARTIAL_BASE_MS + self.configuration.interruption_delay
            self._next_continuous = self._started_at + _CONTINUOUS_PARTIAL_MS
        if self._run >= _SPEECH_DETECTED_AFTER_MS:
            return self._announce()
        return []

    def _announce(self) -> list[Message]:
        if self._announced:
            return []
        self._announced = True
        started = self._started_at if self._started_at is not None else self._now
        return [{"type": "SpeechStarted", "timestamp": started, "confidence": 0.93}]

    def _partials_while_speaking(self) -> list[Message]:
        if not self.configuration.punctuation_based:
            return []
        if self._next_early is not None and self._now >= self._next_early:
            if not self._words:
                self._next_early += _EARLY_PARTIAL_RETRY_MS
                return []
            self._next_early = None
            return [*self._announce(), *self._partial()]
        if self.configuration.continuous_partials and self._now >= self._next_continuous:
            self._next_continuous += _CONTINUOUS_PARTIAL_MS
            return self._partial() if self._words else []
        return []

    def _silence(self) -> list[Message]:
        if self._started_at is None:
            return []
        gap = self._now - self._last_speech
        settings = self.configuration
        if not self._words:
            if gap >= settings.max_turn_silence:
                self._forget_turn()
            return []
        confident = bool(_TERMINAL.search(self._words[-1].text))
        if settings.punctuation_based:
            if gap >= settings.min_turn_silence and not self._pause_reported:
                if confident:
                    return [*self._announce(), *self._end_turn(confidence=1.0)]
                self._pause_reported = True
                return [*self._announce(), *self._partial(paused=True)]
        elif gap >= settings.min_turn_silence:
            confidence = 0.91 if confident else 0.18
            if confidence >= settings.end_of_turn_confidence_threshold:
                return self._end_turn(confidence=confidence)
        if gap >= settings.max_turn_silence:
            return [*self._announce(), *self._end_turn(confidence=0.3)]
        return []

    def _partial(self, *, paused: bool = False) -> list[Message]:
        settings = self.configuration
        if not settings.include_partial_turns:
            return []
        if settings.punctuation_based:
            texts = [word.text for word in self._words]
            if paused:
                # An incomplete sentence is shown by a dash at its end.
                texts[-1] = _TRIMMED.sub("", texts[-1]) + "—"
            return [self._turn(_capitalised(texts), confidence=0.0, final=0)]
        texts = [_plain(word.text) for word in self._words]
        return [self._turn(texts, confidence=0.12, final=len(texts) - 1)]

    def _end_turn(self, confidence: float) -> list[Message]:
        settings = self.configuration
        everything = len(self._words)
        formatted = _capitalised([word.text for word in self._words])
        if settings.punctuation_based:
            messages = [self._turn(formatted, confidence=confidence, final=everything, formatted=True, end=True)]
        else:
            plain = [_plain(word.text) for word in self._words]
            messages = [self._turn(plain, confidence=confidence, final=everything, end=True)]
            if settings.format_turns:
                messages.append(
                    self._turn(formatted, confidence=confidence, final=everything, formatted=True, end=True)
                )
        self._turn_order += 1
        self._forget_turn()
        return messages

    def _turn(
        self, texts: list[str], *, confidence: float, final: int, formatted: bool = False, end: bool = False
    ) -> Message:
        transcript = " ".join(texts)
        return {
            "type": "Turn",
            "turn_order": self._turn_order,
            "turn_is_formatted": formatted,
            "end_of_turn": end,
            "transcript": transcript,
            "utterance": transcript if end else "",
            "end_of_turn_confidence": confidence,
            "words": [
                {
                    "start": word.start,
                    "end": word.end,
                    "text": text,
                    "confidence": round(word.confidence, 3),
                    "word_is_final": index < final,
                }
                for index, (word, text) in enumerate(zip(self._words, texts, strict=True))
            ],
            "language_code": "en" if end else None,
            "speaker_label": None,
        }

    def _reports(self) -> list[Message]:
        settings = self.configuration
        if self._now - self._reported < _REPORT_EVERY_MS:
            return []
        started, self._reported = self._reported, self._now
        spoke, self._speech_in_report = self._speech_in_report, False
        messages: list[Message] = []
        if settings.session_heartbeat:
            messages.append(
                {
                    "type": "Heartbeat",
                    "total_audio_received_ms": self._now,
                    "total_duration_ms": self._now,
                    "realtime_factor": 1.0,
                    "max_speech_probability": 0.97 if spoke else 0.02,
                }
            )
        if settings.acknowledge_silence and not spoke:
            messages.append({"type": "Silence", "start_ms": started, "end_ms": self._now})
        return messages


def _plain(text: str) -> str:
    return _TRIMMED.sub("", text).lower() or text.lower()


def _capitalised(texts: list[str]) -> list[str]:
    if not texts:
        return []
    return [texts[0][:1].upper() + texts[0][1:], *texts[1:]]
