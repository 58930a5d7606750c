"""Pins down when the recogniser says what: partials, pauses, ends of turns. Pure, on the audio's own clock."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rehearsal.assemblyai.parameters import Configuration, InvalidParametersError, at_start, updated
from rehearsal.assemblyai.recogniser import Recogniser
from rehearsal.speech import SpeechStudio
from rehearsal.speech.mulaw import SILENT_FRAME, decode

STUDIO = SpeechStudio()
LINE = Configuration(encoding="pcm_mulaw")
OLDER = at_start({"sample_rate": "8000", "encoding": "pcm_mulaw", "speech_model": "universal-streaming-english"})


def _silence(milliseconds: int) -> bytes:
    return SILENT_FRAME * (milliseconds // 20)


def _hear(recogniser: Recogniser, audio: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Each message with the audio instant (ms) at which it was caused; audio comes in pieces of 60 ms."""
    messages: list[tuple[int, dict[str, Any]]] = []
    for start in range(0, len(audio), 480):
        said = recogniser.hear(audio[start : start + 480])
        messages += [(recogniser.audio_ms, message) for message in said]
    return messages


def _finals(messages: list[tuple[int, dict[str, Any]]]) -> list[str]:
    return [message["transcript"] for _, message in messages if message.get("end_of_turn")]


def test_a_punctuated_sentence_ends_its_turn_after_the_shorter_silence() -> None:
    utterance = STUDIO.synthesize("Yes, Tuesday works.", "person-1")
    messages = _hear(Recogniser(LINE), _silence(300) + utterance.audio + _silence(2000))
    ended, final = messages[-1]
    speech_end = 300 + utterance.words[-1].end_ms
    assert messages[0][1]["type"] == "SpeechStarted"
    assert abs(messages[0][1]["timestamp"] - 300) <= 20
    assert final["transcript"] == final["utterance"] == "Yes, Tuesday works."
    assert final["end_of_turn"]
    assert final["turn_is_formatted"]
    assert final["end_of_turn_confidence"] == 1.0
    assert speech_end + 100 <= ended <= speech_end + 180
    assert all(word["word_is_final"] for word in final["words"])


def test_an_unfinished_sentence_is_given_time_and_shown_as_unfinished() -> None:
    utterance = STUDIO.synthesize("Well my schedule is", "person-1")
    messages = _hear(Recogniser(LINE), utterance.audio + _silence(2000))
    ended, final = messages[-1]
    partials = [message for _, message in messages if message.get("end_of_turn") is False]
    assert partials[-1]["transcript"] == "Well my schedule is—"
    assert partials[-1]["utterance"] == ""
    assert not any(word["word_is_final"] for word in partials[-1]["words"])
    assert _finals(messages) == ["Well my schedule is"]
    assert utterance.words[-1].end_ms + 1000 <= ended <= utterance.words[-1].end_ms + 1080
    assert final["turn_order"] == 0


def test_a_pause_in_a_sentence_does_not_end_the_turn() -> None:
    audio = STUDIO.synthesize("My name is", "person-2").audio + _silence(600)
    audio += STUDIO.synthesize("Sonny.", "person-2").audio + _silence(600)
    messages = _hear(Recogniser(LINE), audio)
    assert _finals(messages) == ["My name is Sonny."]
    assert sum(message["type"] == "SpeechStarted" for _, message in messages) == 1


def test_turns_are_numbered_and_start_again() -> None:
    audio = STUDIO.synthesize("Yes.").audio + _silence(400) + STUDIO.synthesize("No?").audio + _silence(400)
    messages = _hear(Recogniser(LINE), audio)
    assert _finals(messages) == ["Yes.", "No?"]
    assert [message["turn_order"] for _, message in messages if message.get("end_of_turn")] == [0, 1]
    assert sum(message["type"] == "SpeechStarted" for _, message in messages) == 2


@pytest.mark.parametrize("delay", [0, 500, 1000])
def test_the_early_partial_comes_when_it_was_ordered(delay: int) -> None:
    utterance = STUDIO.synthesize("I was wondering whether we could maybe talk about all of that later on.")
    messages = _hear(Recogniser(replace(LINE, interruption_delay=delay)), utterance.audio + _silence(300))
    at, partial = next((at, m) for at, m in messages if m["type"] == "Turn")
    assert not partial["end_of_turn"]
    assert 300 + delay <= at <= 300 + delay + 100 + (750 if delay == 0 else 0)
    assert partial["transcript"].split() == utterance.text.split()[: len(partial["words"])]


def test_long_speech_gets_continuous_partials_unless_they_are_switched_off() -> None:
    text = " ".join(["and then one more thing that I wanted to say about it"] * 4)
    audio = STUDIO.synthesize(text).audio + _silence(60)
    with_them = _hear(Recogniser(LINE), audio)
    without = _hear(Recogniser(replace(LINE, continuous_partials=False)), audio)
    assert len(with_them) - len(without) == len(audio) // 8 // 3000


def test_word_times_are_right_within_fifty_milliseconds() -> None:
    utterance = STUDIO.synthesize("Tuesday at two thirty in the afternoon works for me.", "person-4")
    messages = _hear(Recogniser(LINE), _silence(200) + utterance.audio + _silence(400))
    for heard, spoken in zip(messages[-1][1]["words"], utterance.words, strict=True):
        assert heard["text"] == spoken.text
        assert abs(heard["start"] - 200 - spoken.start_ms) <= 50
        assert abs(heard["end"] - 200 - spoken.end_ms) <= 50


def test_the_older_models_give_every_word_and_then_the_formatted_turn() -> None:
    utterance = STUDIO.synthesize("Yes, Tuesday works.", "person-1")
    messages = _hear(Recogniser(replace(OLDER, format_turns=True)), utterance.audio + _silence(1500))
    transcripts = [message["transcript"] for _, message in messages if message["type"] == "Turn"]
    assert transcripts == [
        "yes",
        "yes tuesday",
        "yes tuesday works",
        "yes tuesday works",
        "Yes, Tuesday works.",
    ]
    assert messages[-1][1]["turn_is_formatted"]
    assert messages[-2][1]["end_of_turn"]


def test_a_forced_end_gives_what_was_heard_and_nothing_twice() -> None:
    recogniser = Recogniser(LINE)
    _hear(recogniser, STUDIO.synthesize("My e-mail address is").audio)
    (forced,) = recogniser.force_end()
    assert forced["transcript"] == "My e-mail address is"
    assert forced["end_of_turn"]
    assert recogniser.force_end() == []
    assert _finals(_hear(recogniser, _silence(2000))) == []


def test_audio_that_was_damaged_is_not_understood() -> None:
    damaged = bytes(value ^ 1 for value in STUDIO.synthesize("Take me off your list.").audio)
    messages = _hear(Recogniser(LINE), damaged + _silence(2000) + STUDIO.tone(1000, 500) + _silence(500))
    assert messages == []


def test_linear_samples_are_understood_too() -> None:
    samples = decode(STUDIO.synthesize("Yes.").audio + _silence(300))
    pcm = samples.astype(np.dtype("<i2")).tobytes()
    assert _finals(_hear(Recogniser(Configuration(encoding="pcm_s16le")), pcm)) == ["Yes."]


def test_heartbeats_and_silences_come_every_second_when_asked_for() -> None:
    recogniser = Recogniser(replace(LINE, session_heartbeat=True, acknowledge_silence=True))
    messages = [message for _, message in _hear(recogniser, _silence(3000))]
    assert [message["type"] for message in messages] == ["Heartbeat", "Silence"] * 3
    assert messages[1] == {"type": "Silence", "start_ms": 0, "end_ms": 1000}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"sample_rate": "16000"},
        {"sample_rate": "8000", "encoding": "mp3"},
        {"sample_rate": "8000", "speech_model": "nonsense"},
        {"sample_rate": "8000", "interruption_delay": "1001"},
        {"sample_rate": "8000", "min_turn_silence": "soon"},
        {"sample_rate": "8000", "keyterms_prompt": "not json"},
        {"sample_rate": "8000", "keyterms_prompt": '["' + "x" * 51 + '"]'},
        {"sample_rate": "8000", "agent_context": "x" * 1751},
        {"sample_rate": "8000", "inactivity_timeout": "4"},
        {"sample_rate": "8000", "format_turns": "perhaps"},
    ],
)
def test_parameters_that_the_service_would_refuse_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidParametersError):
        at_start(query)


def test_a_configuration_changes_only_where_it_may() -> None:
    changed = updated(LINE, {"type": "UpdateConfiguration", "min_turn_silence": 300, "agent_context": "Hi"})
    assert changed.min_turn_silence == 300
    assert changed.max_turn_silence == LINE.max_turn_silence
    with pytest.raises(InvalidParametersError):
        updated(LINE, {"type": "UpdateConfiguration", "sample_rate": 8000})
