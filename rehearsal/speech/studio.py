"""The studio speaks: text becomes telephone audio whose every frame can be recognised again."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rehearsal.speech import espeak, marks, mulaw
from rehearsal.speech.ear import Ear
from rehearsal.speech.mulaw import FRAME_BYTES, FRAME_MS, SAMPLE_RATE
from rehearsal.speech.voices import AGENT, profile
from rehearsal.speech.words import TokenSpan, token_spans

_QUIET: Final = 90
"""A frame whose loudest sample is below this (of 32767) is silence."""
_LOUDEST: Final = 14_000
_FADE: Final = 40
"""Samples a tone takes to begin and to end, so that it does not click."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One whitespace token of the text and when it is spoken, in ms from the utterance's start."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something spoken. `audio` is mu-law at 8 kHz, whole frames of 160 bytes, without trailing silence."""

    id: str
    text: str
    voice: str
    audio: bytes
    words: tuple[SpokenWord, ...]
    duration_ms: int


class SpeechStudio:
    """Synthesises and remembers the latest utterances, `cache_bytes` of audio at most. Thread-safe."""

    def __init__(self, cache_bytes: int = 32_000_000) -> None:
        self._cache_bytes = cache_bytes
        self._held_bytes = 0
        self._cache: OrderedDict[tuple[str, str], Utterance] = OrderedDict()
        self._lock = threading.Lock()

    def synthesize(self, text: str, voice: str = AGENT) -> Utterance:
        """Speak `text` in `voice` (any name is a voice). A few milliseconds for a sentence; blocking.

        Raises espeak.SpeechError when the synthesiser refuses.
        """
        key = (text, voice)
        with self._lock:
            found = self._cache.get(key)
            if found is not None:
                self._cache.move_to_end(key)
                return found
        made = _render(text, voice)
        with self._lock:
            if key not in self._cache:
                self._cache[key] = made
                self._held_bytes += len(made.audio)
            while self._held_bytes > self._cache_bytes and len(self._cache) > 1:
                _, dropped = self._cache.popitem(last=False)
                self._held_bytes -= len(dropped.audio)
            return self._cache.get(key, made)

    def tone(self, hertz: float, milliseconds: int) -> bytes:
        """A pure tone (a beep), mu-law, whole frames. No ear takes it for speech."""
        count = SAMPLE_RATE * milliseconds // 1000
        wave = np.sin(2 * np.pi * hertz * np.arange(count) / SAMPLE_RATE) * 9000
        edge = min(_FADE, count // 2)
        if edge:
            slope = np.linspace(0.0, 1.0, edge)
            wave[:edge] *= slope
            wave[-edge:] *= slope[::-1]
        return mulaw.pad_to_frames(mulaw.encode(wave.astype(np.int16)))

    def ear(self) -> Ear:
        """An ear for one stream of audio."""
        return Ear()


def _resample(samples: NDArray[np.int16], rate: int) -> NDArray[np.float64]:
    """To 8 kHz, by cutting the spectrum; the end is padded so that the transform has friendly factors."""
    block = rate // np.gcd(rate, SAMPLE_RATE) * 20
    padded = np.zeros(-(-len(samples) // block) * block + block)
    padded[: len(samples)] = samples
    length = len(padded) * SAMPLE_RATE // rate
    spectrum = np.fft.rfft(padded)[: length // 2 + 1]
    resampled: NDArray[np.float64] = np.fft.irfft(spectrum, length) * (length / len(padded))
    return resampled[: -(-len(samples) * SAMPLE_RATE // rate)]


def _render(text: str, voice: str) -> Utterance:
    number = int.from_bytes(hashlib.blake2b(f"{voice}\x00{text}".encode(), digest_size=4).digest(), "big")
    plain = " ".join(text.split())
    raw = espeak.speak(plain, profile(voice))
    wave = _resample(raw.samples, raw.sample_rate) if len(raw.samples) else np.zeros(0)
    peak = float(np.max(np.abs(wave), initial=0.0))
    linear = (wave * (_LOUDEST / peak if peak > 0 else 0.0)).astype(np.int16)
    frames = np.zeros((-(-len(linear) // FRAME_BYTES), FRAME_BYTES), dtype=np.int16)
    frames.reshape(-1)[: len(linear)] = linear
    loud = np.flatnonzero(np.max(np.abs(frames), axis=1, initial=0) >= _QUIET)
    frames = frames[: int(loud[-1]) + 1] if len(loud) else frames[:0]
    spans = token_spans(
        plain,
        [espeak.WordEvent(event.position, event.sample * SAMPLE_RATE // raw.sample_rate) for event in raw.words],
        len(frames) * FRAME_BYTES,
    )
    audio, words = _stamp(frames, [int(index) for index in loud], spans, number)
    return Utterance(
        id=f"{number:08x}",
        text=text,
        voice=voice,
        audio=audio,
        words=words,
        duration_ms=len(audio) // FRAME_BYTES * FRAME_MS,
    )


def _stamp(
    frames: NDArray[np.int16], loud: list[int], spans: list[TokenSpan], number: int
) -> tuple[bytes, tuple[SpokenWord, ...]]:
    """Encode the frames, silence the quiet ones, and mark every loud one with its word."""
    encoded = [mulaw.SILENT_FRAME] * len(frames)
    own: list[list[int]] = [[] for _ in spans]
    word = 0
    for frame in loud:
        middle = frame * FRAME_BYTES + FRAME_BYTES // 2
        while word + 1 < len(spans) and (middle >= spans[word].end):
            word += 1
        if spans:
            own[word].append(frame)
    index = 0
    while index < len(spans):
        # Tokens without a frame of their own (a dash) travel with the word before them.
        following = index + 1
        while following < len(spans) and not own[following]:
            following += 1
        text = " ".join(span.text for span in spans[index:following])
        ends = any(span.ends_sentence for span in spans[index:following])
        for mark in marks.marks_of_word(text, utterance=number, word=index, ends_sentence=ends, frames=own[index]):
            plain = mulaw.encode(frames[mark.frame])
            encoded[mark.frame] = marks.stamp(plain, mark)
        index = following
    words: list[SpokenWord] = []
    for span, held in zip(spans, own, strict=True):
        if held:
            words.append(SpokenWord(span.text, held[0] * FRAME_MS, (held[-1] + 1) * FRAME_MS))
        else:
            instant = words[-1].end_ms if words else 0
            words.append(SpokenWord(span.text, instant, instant))
    return mulaw.pad_to_frames(b"".join(encoded)), tuple(words)
