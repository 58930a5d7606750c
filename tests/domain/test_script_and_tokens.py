"""Pins down: texts with their placeholders, the disclosure's duty, signed tokens, fair rotation."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cadenza.domain.identifiers import attempt_id, new_id
from cadenza.domain.rotation import RepLoad, choose_rep, whose_turn
from cadenza.domain.script import Script, spoken_number
from cadenza.domain.standard_lines import STANDARD_LINES, Line, line_text, texts_to_render
from cadenza.domain.stream_token import InvalidToken, TokenError, sign_token, verify_token

SCRIPT = Script(agent_company="Acme", purpose="To introduce us.", opening="Hello {first_name}, is now a good time?")


def test_a_greeting_discloses_first_and_names_the_callee() -> None:
    disclosure, opening = SCRIPT.greeting("Ann")
    assert disclosure == "Hi, this is Ava, an AI assistant calling for Acme. This call is recorded."
    assert opening == "Hello Ann, is now a good time?"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"disclosure": "Hi, Ava from Acme."}, "must say that the caller is an AI"),
        ({"opening": "Hello {surname}"}, "surname"),
        ({"opening": "About {custom.plan}?"}, "needs words for leads without it"),
        ({"objections": [{"id": "price", "heard": "h", "answer": "a"}] * 2}, "same id"),
        ({"speed": 3}, "speed"),
    ],
)
def test_a_script_that_cannot_be_spoken_is_refused_with_the_reason(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Script.model_validate(SCRIPT.model_dump() | changes)


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        ("Gold", "About Gold?"),
        ("  Gold\n Plus ", "About Gold Plus?"),
        (12.5, "About 12.5?"),
        ("", "About your plan?"),
        (None, "About your plan?"),
        (["Gold"], "About your plan?"),
        ("<speak>{first_name}</speak>", "About your plan?"),
        ("Gold" * 50, "About your plan?"),
    ],
)
def test_a_custom_field_is_spoken_if_it_is_plain_words(value: object, spoken: str) -> None:
    script = SCRIPT.model_copy(update={"opening": "About {custom.plan|your plan}?"})
    assert Script.model_validate(script.model_dump()).custom_fields == {"plan"}
    assert script.say(script.opening, custom={} if value is None else {"plan": value}) == spoken


@given(st.text(max_size=100))
def test_no_custom_field_breaks_a_text_or_brings_a_placeholder(value: str) -> None:
    said = SCRIPT.say("x {custom.a|none} {first_name}", first_name="Ann", custom={"a": value})
    assert said.startswith("x ") and said.endswith(" Ann")
    assert not set(said) & set("{}<>[]\n")


@pytest.mark.parametrize(
    ("number", "spoken"), [("+12125550123", "2 1 2, 5 5 5, 0 1 2 3"), ("+61491570006", "6 1, 4 9 1, 5 7 0, 0 0 6")]
)
def test_numbers_are_spoken_in_groups(number: str, spoken: str) -> None:
    assert spoken_number(number) == spoken


@given(st.text(max_size=20), st.integers(0, 2**33))
def test_a_token_opens_its_subject_until_its_end(subject: str, expires_at: int) -> None:
    token = sign_token("secret", subject, expires_at)
    verify_token("secret", subject, token, expires_at - 1)
    with pytest.raises(InvalidToken) as late:
        verify_token("secret", subject, token, expires_at)
    assert late.value.error is TokenError.EXPIRED
    for secret, other in (("other", subject), ("secret", subject + "x")):
        with pytest.raises(InvalidToken):
            verify_token(secret, other, token, 0)


@pytest.mark.parametrize("token", ["", "x", "12", "١٢.abc", "-1.abc", "12.é"])
def test_a_broken_token_opens_nothing(token: str) -> None:
    with pytest.raises(InvalidToken):
        verify_token("secret", "a", token, 0)


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_id("ld") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert attempt_id(ids[0], 2) == f"{ids[0]}-2"


@given(st.lists(st.integers(1, 3), min_size=2, max_size=5), st.integers(10, 120))
def test_rotation_is_fair_by_weight(weights: list[int], bookings: int) -> None:
    counts: Counter[str] = Counter()
    reps = {f"rep{index}": float(weight) for index, weight in enumerate(weights)}
    for _ in range(bookings):
        chosen = choose_rep([RepLoad(rep_id=rep, weight=weight, booked=counts[rep]) for rep, weight in reps.items()])
        assert chosen is not None
        counts[chosen] += 1
    for rep, weight in reps.items():
        assert abs(counts[rep] / weight - bookings / sum(weights)) <= len(weights)


def test_nobody_free_means_nobody_chosen() -> None:
    assert choose_rep([]) is None


def test_it_is_the_turn_of_those_who_had_the_fewest_for_their_weight() -> None:
    loads = [
        RepLoad(rep_id="a", booked=4, weight=2.0),
        RepLoad(rep_id="b", booked=2),
        RepLoad(rep_id="c", booked=3),
    ]
    assert whose_turn(loads) == {"a", "b"}
    assert whose_turn([]) == frozenset()


# --- Own words for what the agent says by itself ---------------------------------------------------------------------


def test_a_script_in_another_language_brings_its_own_lines_and_they_are_rendered() -> None:
    script = Script(
        agent_company="Acme",
        purpose="p",
        opening="Hallo {first_name}?",
        lines={Line.REPROMPT: "Sind Sie noch da, {first_name}?", Line.CHECKING: "Einen Moment, bitte."},
    )
    assert line_text(Line.REPROMPT, script, first_name="Alex") == "Sind Sie noch da, Alex?"
    assert line_text(Line.STILL_THERE, script) == STANDARD_LINES[Line.STILL_THERE]
    texts = set(texts_to_render(script, first_name="Alex"))
    assert {"Sind Sie noch da, Alex?", "Einen Moment, bitte."} <= texts
    assert STANDARD_LINES[Line.REPROMPT] not in texts
    assert Script.model_validate(script.model_dump(mode="json")) == script


def test_the_sentences_that_replies_begin_with_are_rendered() -> None:
    script = Script(agent_company="Acme", purpose="p", opening="Hello?", openers=("Right.", "Lovely, thanks!"))
    assert {"Right.", "Lovely, thanks!"} <= set(texts_to_render(script))


@pytest.mark.parametrize("opener", ["", "Great", "{first_name}.", "Great. And so on.", "x" * 61 + ".", "Say\n<data>."])
def test_what_is_no_short_sentence_is_no_opener(opener: str) -> None:
    with pytest.raises(ValidationError, match="openers"):
        Script(agent_company="Acme", purpose="p", opening="Hello?", openers=(opener,))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ({"greeting": "Hallo?"}, "lines"),
        ({"reprompt": "Hallo {nobody}?"}, "lines.reprompt: {nobody} is not known"),
        ({"disclosure": "Hallo."}, "set script.disclosure"),
    ],
)
def test_a_line_that_is_unknown_or_set_elsewhere_is_an_error_that_names_it(lines: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        Script.model_validate({"agent_company": "Acme", "purpose": "p", "opening": "Hello?", "lines": lines})
