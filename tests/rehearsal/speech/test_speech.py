"""Pins down that what an ear hears is exactly what the audio that arrived carries, with honest word times."""

import random
import threading
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.speech import Ear, SpeechStudio, write_wav
from rehearsal.speech.mulaw import FRAME_BYTES, SILENT_FRAME, decode, encode

STUDIO = SpeechStudio()
SENTENCES = [
    "Hello there, Dana. This is José from Cadenza — can I book you at 2:30 pm, for $1,250?",
    "My e-mail is dana.reyes@example.com. Thanks! And the number is +1 202 555 0123, okay?",
    "Tuesday the third of December at two thirty in the afternoon.",
    "Ok.",
    "“Who's calling, please?” he said.",
    "dana dot reyes at example dot com",
]


def _heard(audio: bytes, piece: int = FRAME_BYTES) -> list[str]:
    ear = Ear()
    return [word.text for start in range(0, len(audio), piece) for word in ear.feed(audio[start : start + piece])]


@pytest.mark.parametrize("voice", ["agent", "person-1", "person-3", "machine", "somebody else"])
@pytest.mark.parametrize("text", SENTENCES)
def test_an_ear_hears_the_words_that_were_spoken(text: str, voice: str) -> None:
    utterance = STUDIO.synthesize(text, voice)
    assert len(utterance.audio) % FRAME_BYTES == 0
    assert utterance.duration_ms == len(utterance.audio) // 8
    assert [word.text for word in utterance.words] == text.split()
    assert _heard(utterance.audio) == text.split()


@pytest.mark.no_cover  # many examples of lines that other tests cover
@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=1, max_size=9), max_size=8))
def test_any_text_gives_ordered_word_times_and_nothing_that_was_not_written(tokens: list[str]) -> None:
    text = " ".join(tokens)
    utterance = STUDIO.synthesize(text, "person-2")
    assert [word.text for word in utterance.words] == text.split()
    for before, after in pairwise(utterance.words):
        assert before.start_ms <= before.end_ms <= after.start_ms + 20
    heard = _heard(utterance.audio)
    assert len(heard) <= len(text.split())


@pytest.mark.parametrize("text", ["", " ", "—", "..."])
def test_text_without_words_is_silence(text: str) -> None:
    utterance = STUDIO.synthesize(text)
    assert utterance.audio
    assert _heard(utterance.audio) == []


def test_words_end_with_their_sentence() -> None:
    ear = Ear()
    heard = ear.feed(STUDIO.synthesize("Hi Dr. Lee. At 2 p.m. on Monday? Sure").audio)
    assert [word.text for word in heard if word.ends_sentence] == ["Lee.", "Monday?", "Sure"]
    assert [word.index for word in heard] == list(range(9))


def test_every_speaking_frame_is_different_from_every_other() -> None:
    frames: list[bytes] = []
    for text in SENTENCES:
        for voice in ("agent", "person-1"):
            audio = STUDIO.synthesize(text, voice).audio
            frames += [audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)]
    speaking = [frame for frame in frames if frame != SILENT_FRAME]
    assert len(speaking) > 1000
    assert len(set(speaking)) == len(speaking)


def test_word_times_agree_with_the_moment_at_which_the_ear_hears_them() -> None:
    utterance = STUDIO.synthesize(SENTENCES[0])
    ear = Ear()
    for at in range(0, len(utterance.audio), FRAME_BYTES):
        for word in ear.feed(utterance.audio[at : at + FRAME_BYTES]):
            if word.text != "—":
                assert abs(utterance.words[word.index].end_ms - (at // 8 + 20)) <= 20


def test_words_start_where_the_sound_starts() -> None:
    utterance = STUDIO.synthesize("Stop. Stop. Stop.")
    loudness = np.abs(decode(utterance.audio).astype(np.int32)).reshape(-1, FRAME_BYTES).max(axis=1)
    for word in utterance.words:
        assert loudness[word.start_ms // 20] > 60
    for before, after in pairwise(utterance.words):
        between = loudness[before.end_ms // 20 : after.start_ms // 20]
        assert len(between) > 2
        assert between.max() <= 60


def test_dropped_reordered_or_corrupted_audio_is_not_heard() -> None:
    audio = STUDIO.synthesize(SENTENCES[2]).audio
    frames = [audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)]
    shuffled = list(frames)
    random.Random(1).shuffle(shuffled)
    # A chance pair of frames can still make up a very short word; a sentence it is not.
    assert len(_heard(b"".join(shuffled))) <= 2
    assert _heard(encode((decode(audio) * 0.5).astype(np.int16))) == []
    assert _heard(bytes(value ^ 1 for value in audio)) == []
    assert _heard(b"".join(frames[1::2])) == []
    half = _heard(b"".join(frames[: len(frames) // 2]))
    assert half == SENTENCES[2].split()[: len(half)]
    assert 0 < len(half) < 11


def test_linear_samples_carry_the_words_through_and_back() -> None:
    assert _heard(encode(decode(STUDIO.synthesize(SENTENCES[2]).audio))) == SENTENCES[2].split()


def test_a_single_lost_frame_does_not_make_a_long_word_unheard() -> None:
    utterance = STUDIO.synthesize("My appointment please.")
    word = utterance.words[1]
    middle = (word.start_ms + word.end_ms) // 40 * FRAME_BYTES
    assert "appointment" in _heard(utterance.audio[:middle] + SILENT_FRAME + utterance.audio[middle + FRAME_BYTES :])


@pytest.mark.parametrize("shift", [1, 37, 159])
@pytest.mark.parametrize("piece", [1, 100, 160, 480, 1000])
def test_audio_may_begin_at_any_byte_and_come_in_pieces_of_any_size(shift: int, piece: int) -> None:
    audio = STUDIO.synthesize("Ok. Sure.").audio
    padded = b"\xd5" * shift + audio + SILENT_FRAME * 2
    assert _heard(padded, piece) == ["Ok.", "Sure."]


def test_an_ear_hears_the_same_words_again_when_they_are_played_again() -> None:
    audio = STUDIO.synthesize("Hello?", "person-1").audio
    assert _heard(audio * 3) == ["Hello?"] * 3
    assert _heard(audio[: len(audio) // 2 // 160 * 160] + audio) == ["Hello?"]


def test_a_tone_sounds_and_is_no_speech() -> None:
    ear = Ear()
    tone = STUDIO.tone(1000, 400)
    assert len(tone) == 3200
    assert ear.feed(tone) == []
    ear.feed(tone[: 10 * FRAME_BYTES])
    assert ear.sounding
    assert not ear.speaking
    ear.feed(SILENT_FRAME * 2)
    assert not ear.sounding


def test_an_ear_needs_nothing_of_the_studio_that_spoke() -> None:
    audio = SpeechStudio().synthesize("Rendered before this process began.").audio
    assert _heard(audio) == ["Rendered", "before", "this", "process", "began."]


def test_the_cache_holds_no_more_than_it_may() -> None:
    studio = SpeechStudio(cache_bytes=20_000)
    first = studio.synthesize("The first sentence.")
    assert studio.synthesize("The first sentence.") is first
    for number in range(12):
        studio.synthesize(f"Sentence number {number}.")
    assert studio._held_bytes <= 20_000
    again = studio.synthesize("The first sentence.")
    assert again is not first
    assert again.id == first.id


def test_many_threads_may_speak_at_once() -> None:
    studio = SpeechStudio()
    wrong: list[str] = []

    def speak(number: int) -> None:
        for turn in range(5):
            text = f"Thread {number} says {turn}."
            if _heard(studio.synthesize(text, f"person-{number % 4}").audio) != text.split():
                wrong.append(text)

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_recording_can_be_written(tmp_path: Path) -> None:
    left, right = STUDIO.synthesize("Hello?", "person-1").audio, STUDIO.tone(440, 200)
    write_wav(tmp_path / "call.wav", left, right)
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        assert file.getnframes() == len(left)


def test_mulaw_survives_its_own_round_trip() -> None:
    every = bytes(range(256))
    assert encode(decode(every)) == every.replace(b"\x7f", b"\xff")
