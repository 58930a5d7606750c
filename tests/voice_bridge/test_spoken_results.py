"""Pins down: a calendar's answer in words, and that they hold nothing but the answer."""

from datetime import UTC, datetime

import pytest

from cadenza.domain.messages import OfferedSlot
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.standard_lines import RESULT_SENTENCES
from voice_bridge.spoken_results import booked, confirmed, found, offer, scheduled, speaks_results, taken
from voice_bridge.thinking.sentences import sentences_of


def slots(*spoken: str) -> list[OfferedSlot]:
    return [OfferedSlot(token=words, starts_at=datetime(2026, 12, 1, tzinfo=UTC), spoken=words) for words in spoken]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ((), ""),
        (("Monday at two",), "I have Monday at two. Would that suit you?"),
        (("Monday at two", "Tuesday at ten"), "I have Monday at two or Tuesday at ten. Which suits you better?"),
    ],
)
def test_open_times_are_asked_as_a_question(times: tuple[str, ...], words: str) -> None:
    assert offer(slots(*times)) == words


def test_a_time_that_has_gone_is_told_with_the_others_or_left_to_the_model() -> None:
    assert taken(slots("Monday at two")).startswith("I'm sorry, that time has just gone. I have Monday at two.")
    assert taken([]) == ""


def test_a_booking_is_said_with_what_was_booked() -> None:
    words = booked("Monday at two", "Dana Reyes")
    assert words.startswith("You're booked for Monday at two. You'll be speaking with Dana Reyes. ")
    assert "speaking" not in booked("Monday at two")


def test_the_first_sentence_of_a_booking_is_known_before_the_calendar_answers() -> None:
    assert sentences_of(booked("Monday at two", "Dana Reyes"))[0] == confirmed("Monday at two")


@pytest.mark.parametrize(
    "words",
    [
        found(slots("Monday at two")),
        found(slots("Monday at two", "Tuesday at ten")),
        taken(slots("Monday at two")),
        scheduled("tomorrow at three in the afternoon"),
    ],
)
def test_a_result_begins_and_ends_with_what_was_rendered_before(words: str) -> None:
    first, *_, last = sentences_of(words)
    assert {first, last} <= set(RESULT_SENTENCES)


def test_a_promised_call_is_said_with_its_time() -> None:
    assert "I'll call you tomorrow at three." in scheduled("tomorrow at three")


@pytest.mark.parametrize(("language", "speaks"), [("en", True), ("en-AU", True), ("de", False)])
def test_other_languages_are_left_to_the_model(language: str, speaks: bool) -> None:
    assert speaks_results(CampaignPolicy(language=language)) is speaks
