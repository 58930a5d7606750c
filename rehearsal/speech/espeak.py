"""espeak-ng through ctypes: text in, 16-bit samples and the instant of every word out.

The library keeps its state in C globals, so one lock guards it for the whole process.
"""

import ctypes
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

_SYNCHRONOUS: Final = 2
_DONT_EXIT: Final = 0x8000
_CHARACTERS_UTF8: Final = 1
_EVENT_END_OF_LIST: Final = 0
_EVENT_WORD: Final = 1
_PARAMETER_RATE: Final = 1
_PARAMETER_PITCH: Final = 3
_PARAMETER_RANGE: Final = 4

_lock = threading.Lock()


class SpeechError(Exception):
    """espeak-ng refused to start, to change its voice or to speak."""


@dataclass(frozen=True, slots=True)
class VoiceProfile:
    """How one speaker sounds. `rate` is words a minute (80-450); pitch and its range are 0-100."""

    name: str
    rate: int
    pitch: int
    pitch_range: int


@dataclass(frozen=True, slots=True)
class WordEvent:
    """A word begins: `position` is the index of its first character, `sample` the instant."""

    position: int
    sample: int


@dataclass(frozen=True, slots=True)
class RawSpeech:
    """What espeak-ng said: mono samples at `sample_rate` and the words' instants, in order."""

    samples: NDArray[np.int16]
    sample_rate: int
    words: tuple[WordEvent, ...]


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Library:
    """The loaded library. All its methods are called under the process's lock."""

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 500, data, _DONT_EXIT))
        if self.sample_rate <= 0:
            raise SpeechError("espeak-ng did not start")
        self._chunks: list[bytes] = []
        self._events: list[WordEvent] = []
        self._callback = _Callback(self._collect)  # kept: C holds only the address
        self._library.espeak_SetSynthCallback(self._callback)
        self._profile: VoiceProfile | None = None

    def _collect(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, count * 2))
        index = 0
        while events[index].type != _EVENT_END_OF_LIST:
            event = events[index]
            if event.type == _EVENT_WORD:
                self._events.append(WordEvent(max(event.text_position - 1, 0), event.sample))
            index += 1
        return 0

    def speak(self, text: str, profile: VoiceProfile) -> RawSpeech:
        if profile != self._profile:
            if self._library.espeak_SetVoiceByName(profile.name.encode()) != 0:
                raise SpeechError(f"espeak-ng has no voice {profile.name!r}")
            self._library.espeak_SetParameter(_PARAMETER_RATE, profile.rate, 0)
            self._library.espeak_SetParameter(_PARAMETER_PITCH, profile.pitch, 0)
            self._library.espeak_SetParameter(_PARAMETER_RANGE, profile.pitch_range, 0)
            self._profile = profile
        self._chunks, self._events = [], []
        data = text.replace("\x00", " ").encode()
        result = self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _CHARACTERS_UTF8, None, None)
        if result != 0:
            raise SpeechError(f"espeak-ng could not speak (code {result})")
        samples = np.frombuffer(b"".join(self._chunks), dtype="<i2")
        return RawSpeech(samples, self.sample_rate, tuple(self._events))


@cache
def _library() -> _Library:
    return _Library()


def speak(text: str, profile: VoiceProfile) -> RawSpeech:
    """Speak `text`. Blocks a few milliseconds for a sentence; safe from any thread.

    Raises SpeechError when the library refuses.
    """
    with _lock:
        return _library().speak(text, profile)
