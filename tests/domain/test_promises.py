"""Claims of the agent that no approved text holds: what is flagged, what is not, in digits and in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.promises import claims, unapproved
from cadenza.domain.spoken import spoken_integer

APPROVED = (
    "The first call is free.",
    "It takes about fifteen minutes.",
    "Panels come with a 25-year warranty.",
    "Most customers save twenty percent.",
    "Setup costs $99.",
)


@pytest.mark.parametrize(
    "said",
    [
        "I can give you a discount of ten percent.",
        "You will save forty percent.",
        "Setup is only fifty dollars.",
        "Setup costs $49.50 for you.",
        "We guarantee that it works.",
        "It comes with a thirty year warranty.",
        "You get your money back.",
        "We install it within two weeks.",
        "There is no obligation.",
        "It pays for itself, I promise.",
        "I promise you will like it.",
        "You could save by half on your bill.",
        "The government pays for it.",
        "That is two thousand five hundred dollars off.",
    ],
)
def test_a_claim_that_nobody_approved_is_flagged(said: str) -> None:
    made = unapproved([f"I understand. {said}"], APPROVED)
    assert [promise.quote for promise in made] == [said]
    assert made[0].why.startswith("not among the approved claims: ")


@pytest.mark.parametrize(
    "said",
    [
        "The first call is free, and it takes fifteen minutes.",
        "It has a warranty of 25 years.",
        "You could save twenty percent.",
        "Setup is ninety-nine dollars.",
        "I can't promise you a discount.",
        "There is no guarantee for that.",
        "Feel free to ask.",
        "I'll call you back in two weeks.",
        "You're booked for Tuesday the third of December at two in the afternoon.",
        "I have Tuesday the third of December at two or Friday the sixth at four.",
        "Which suits you better?",
        "How many years have you had your roof?",
        "",
    ],
)
def test_what_is_approved_denied_or_no_claim_is_not(said: str) -> None:
    assert unapproved([said], APPROVED) == []


def test_a_sentence_is_flagged_once_with_all_that_is_in_it() -> None:
    made = unapproved(["Ten percent off and a refund. Ten percent off and a refund."], APPROVED)
    assert len(made) == 1
    assert "10 percent" in made[0].why and "a refund" in made[0].why


@given(st.integers(1, 99_999))
def test_digits_and_words_are_the_same_sum(number: int) -> None:
    assert claims(f"It costs {number} dollars.") == claims(f"It costs {spoken_integer(number)} dollars.")
    assert claims(f"It costs ${number:,}.") == claims(f"It costs {number} dollars.")


@given(st.text(max_size=300))
def test_no_words_ever_raise(text: str) -> None:
    unapproved([text], [text])
    assert unapproved([text], [text]) == []
