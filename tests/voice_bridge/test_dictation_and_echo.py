"""What sounds like something being spelled, what is whole, and what is our own voice coming back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_bridge.dictation import asks_for_details, is_dictating, is_whole
from voice_bridge.echo import is_echo

SAID = "I have Tuesday the third of December at two or Friday at four. Which suits you better?"


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Which e-mail address may I send the invitation to?", True),
        ("Sorry, I did not catch the address. Could you spell your e-mail for me?", True),
        ("Great. What is the best number to reach you on?", True),
        ("Please spell it for me.", True),
        ("Which suits you better?", False),
        ("I have sent it to your e-mail address. Is there anything else?", False),
        ("You will get an e-mail.", False),
        ("", False),
    ],
)
def test_a_question_for_something_spelled(text: str, asks: bool) -> None:
    assert asks_for_details(text) is asks


@pytest.mark.parametrize(
    ("text", "asked", "dictating"),
    [
        ("it's two one two", False, True),
        ("212 555", False, False),
        ("212 555", True, True),
        ("two one two five five five oh one two three", True, False),
        ("it's alex at", True, True),
        ("alex at example dot", True, True),
        ("a l e x", False, True),
        ("it's a as in alpha, l as in lima", True, True),
        ("alex at example dot com", True, False),
        ("alex@example.com", True, False),
        ("Yes, that works for me.", True, False),
        ("I think I", False, False),
        ("Tuesday at two", False, False),
        ("", True, False),
    ],
)
def test_words_that_end_inside_something_spelled(text: str, asked: bool, dictating: bool) -> None:
    assert is_dictating(text, asked=asked) is dictating


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("double five, 212, 5550", False),
        ("triple five, 2 1 2, 0 1 2 3", True),
        ("+1 212 555 0123", True),
        ("alex at example dot com", True),
        ("alex at example dot", False),
    ],
)
def test_what_is_whole(text: str, whole: bool) -> None:
    assert is_whole(text) is whole


@pytest.mark.parametrize(
    ("heard", "line_echoes", "echo"),
    [
        ("tuesday the third of december at two or friday", False, True),
        ("Tuesday the 3rd of December at two or Friday at four", False, True),
        ("Tuesday at two.", False, False),
        ("Friday at four", True, True),
        ("which suits you better", True, True),
        ("I have a better friday which suits you", True, False),
        ("What about Wednesday at noon?", True, False),
        ("no", True, False),
        ("", True, False),
    ],
)
def test_the_agents_words_coming_back(heard: str, line_echoes: bool, echo: bool) -> None:
    assert is_echo(heard, SAID, line_echoes=line_echoes) is echo


@given(st.text(max_size=200), st.text(max_size=200), st.booleans())
def test_no_words_ever_raise(one: str, other: str, flag: bool) -> None:
    is_echo(one, other, line_echoes=flag)
    is_dictating(one, asked=flag)
    asks_for_details(one)
