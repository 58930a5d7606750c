"""Times, dates, sums and e-mail addresses as a voice says them and as people spell them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.script import Objection, Script
from cadenza.domain.spoken import (
    email_from_speech,
    is_email,
    speakable,
    spoken_date,
    spoken_email,
    spoken_integer,
    spoken_moment,
    spoken_ordinal,
    spoken_time,
    spoken_when,
)
from cadenza.domain.standard_lines import RESULT_SENTENCES, Line, line_text, texts_to_render


@pytest.mark.parametrize(
    ("hour", "minute", "words"),
    [
        (14, 30, "two thirty in the afternoon"),
        (9, 0, "nine in the morning"),
        (0, 0, "midnight"),
        (12, 0, "noon"),
        (12, 15, "twelve fifteen in the afternoon"),
        (0, 5, "twelve oh five in the morning"),
        (18, 45, "six forty-five in the evening"),
    ],
)
def test_clock_times(hour: int, minute: int, words: str) -> None:
    assert spoken_time(hour, minute) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "zero"), (13, "thirteen"), (42, "forty-two"), (100, "one hundred"), (250, "two hundred and fifty"),
     (1005, "one thousand and five"), (12_345, "twelve thousand three hundred and forty-five")],
)  # fmt: skip
def test_numbers(number: int, words: str) -> None:
    assert spoken_integer(number) == words


def test_numbers_out_of_range_are_refused() -> None:
    for number in (-1, 1_000_000):
        with pytest.raises(ValueError, match="between"):
            spoken_integer(number)


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "first"), (3, "third"), (5, "fifth"), (8, "eighth"), (12, "twelfth"), (20, "twentieth"), (31, "thirty-first")],
)
def test_ordinals(number: int, words: str) -> None:
    assert spoken_ordinal(number) == words


def test_a_slot_is_said_in_the_callees_time() -> None:
    when = datetime(2026, 12, 1, 19, 30, tzinfo=UTC)
    assert spoken_moment(when, "America/New_York") == "Tuesday the first of December at two thirty in the afternoon"
    assert spoken_date(when) == "Tuesday the first of December"


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (timedelta(seconds=30), "in a moment"),
        (timedelta(seconds=60), "in about a minute"),
        (timedelta(minutes=20), "in about twenty minutes"),
        (timedelta(hours=3), "today at one in the afternoon"),
        (timedelta(days=1, hours=5), "tomorrow at three in the afternoon"),
        (timedelta(days=4), "Saturday the fifth of December at ten in the morning"),
    ],
)
def test_near_times_are_said_as_people_say_them(after: timedelta, words: str) -> None:
    now = datetime(2026, 12, 1, 10, 0, tzinfo=ZoneInfo("America/New_York"))
    assert spoken_when(now + after, now, "America/New_York") == words


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("It's alex at example dot com.", "alex@example.com"),
        ("my email is jo dot smith at acme dot co dot uk", "jo.smith@acme.co.uk"),
        ("Alex@Example.com.", "alex@example.com"),
        ("send it to sam underscore b at mail dash box dot org please use that", None),
        ("a l e x at example dot com", "alex@example.com"),
        ("I am at home", None),
        ("", None),
    ],
)
def test_addresses_in_speech(said: str, address: str | None) -> None:
    assert email_from_speech(said) == address


@given(st.from_regex(r"[a-z][a-z0-9]{0,8}(\.[a-z]{1,6})?@[a-z]{2,8}\.(com|org|com\.au)", fullmatch=True))
def test_an_address_that_is_spelled_is_understood(address: str) -> None:
    assert is_email(address)
    assert email_from_speech(f"It's {address}.") == address


@pytest.mark.parametrize("text", ["", "no", "a@b", "a..b@c.de", "a b@c.de", "x" * 250 + "@a.bc"])
def test_what_is_no_address(text: str) -> None:
    assert not is_email(text)


def test_an_address_is_spelled_out() -> None:
    assert spoken_email("jo.smith@acme.com") == "jo dot smith at acme dot com"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("At 2:30 PM or 3 pm.", "At two thirty in the afternoon or three in the afternoon"),
        ("At 14:05", "At two oh five in the afternoon"),
        ("It is $1,250.50.", "It is one thousand two hundred and fifty dollars and fifty cents."),
        ("It is $1.", "It is one dollar."),
        ("Save 20%", "Save 20 percent"),
        ("Write to jo@acme.com", "Write to jo at acme dot com"),
        ("Call +12125550123", "Call 1 2 1 2 5 5 5 0 1 2 3"),
        ("At 25:99 or 13 pm", "At 25:99 or 13 pm"),
        ("It is €20.", "It is twenty euros."),
        ("It is £1.50 a day.", "It is one pound and fifty pence a day."),
        ("From 2026-12-03 on.", "From Thursday the third of December on."),
        ("On 2026-13-45.", "On 2026-13-45."),
        ("On December 3rd or the 21st.", "On December third or the twenty-first."),
        (
            "We have 12,500 customers, 1.5 million panels.",
            "We have twelve thousand five hundred customers, 1.5 million",
        ),
        ("It is $1,234,567.", "It is $1,234,567."),
    ],
)
def test_text_is_made_speakable(text: str, words: str) -> None:
    assert speakable(text).startswith(words)


def test_no_english_words_get_into_another_language() -> None:
    text = "Um 14:30 Uhr für $20 an jo@acme.com."
    assert speakable(text, "de") == text
    assert "fourteen" not in speakable(text, "en-GB") and "two thirty" in speakable(text, "en-GB")


@given(st.text(max_size=200))
def test_any_text_can_be_made_speakable(text: str) -> None:
    assert isinstance(speakable(text), str)


SCRIPT = Script(
    agent_company="Acme",
    purpose="p",
    opening="Am I speaking with {first_name}?",
    objections=(Objection(id="price", heard="too expensive", answer="It is free, {first_name}."),),
)


def test_every_line_has_words_in_every_campaign() -> None:
    for line in Line:
        text = line_text(line, SCRIPT, first_name="Alex", caller_id="+12125550199")
        assert text and "{" not in text


def test_all_that_may_be_spoken_is_rendered_once() -> None:
    texts = list(texts_to_render(SCRIPT, first_name="Alex", caller_id="+12125550199"))
    of_the_script = len(SCRIPT.openers) + 2  # with the objection's answer and the voicemail
    assert len(texts) == len(set(texts)) == len(Line) + len(RESULT_SENTENCES) + of_the_script
    assert "It is free, Alex." in texts
    assert any("2 1 2, 5 5 5, 0 1 9 9" in text for text in texts)


def test_the_i_am_an_ai_line_says_so() -> None:
    assert "AI assistant calling for Acme" in line_text(Line.I_AM_AN_AI, SCRIPT)
