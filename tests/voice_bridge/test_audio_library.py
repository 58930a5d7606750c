"""What is kept of speech, and what goes when there is no more room."""

import pytest

from cadenza.records.audio import Rendered
from cadenza.records.database import Database
from voice_bridge.audio_library import AudioLibrary
from voice_bridge.speaking import Voice

VOICE = Voice("v", "m")


def library(rendered: int = 10_000, spoken: int = 10_000) -> AudioLibrary:
    return AudioLibrary(Database("postgresql+psycopg://nobody@127.0.0.1:1/none"), rendered, spoken_bytes=spoken)


def audio(size: int) -> Rendered:
    return Rendered(bytes(size))


def test_a_sentence_is_found_by_its_very_words_and_voice() -> None:
    kept = library()
    kept.keep_spoken("Great.", VOICE, audio(100))
    assert kept.find("Great.", VOICE) == audio(100)
    assert kept.find("Great!", VOICE) is None
    assert kept.find("Great.", Voice("other", "m")) is None


def test_what_was_not_said_for_longest_goes_first() -> None:
    kept = library(spoken=1000)
    for text in ("one", "two"):
        kept.keep_spoken(text, VOICE, audio(400))
    kept.find("one", VOICE)
    kept.keep_spoken("three", VOICE, audio(400))
    assert [bool(kept.find(text, VOICE)) for text in ("one", "two", "three")] == [True, False, True]


def test_a_sentence_again_takes_no_more_room() -> None:
    kept = library(spoken=1000)
    kept.keep_spoken("one", VOICE, audio(400))
    for _ in range(5):
        kept.keep_spoken("two", VOICE, audio(500))
    assert kept.find("one", VOICE) and kept.find("two", VOICE)


@pytest.mark.parametrize("size", [0, 399])
def test_without_room_nothing_is_kept_and_what_is_prepared_stays(size: int) -> None:
    kept = library(spoken=size)
    kept.keep_spoken("one", VOICE, audio(400))
    kept.keep_prepared("two", VOICE, audio(400))
    assert kept.find("one", VOICE) is None
    assert kept.find("two", VOICE) == audio(400)
