"""Approved answers found by the script's phrases: what is found, what is left to the model, and how quickly."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.objection_library import ObjectionLibrary
from cadenza.domain.script import Objection

OBJECTIONS = (
    Objection(
        id="price", heard="price", phrases=("too expensive", "how much", "what does it cost", "no budget"), answer="A."
    ),
    Objection(id="no_time", heard="no time", phrases=("no time", "too busy", "don't have time"), answer="B."),
    Objection(id="email", heard="wants an e-mail", phrases=("send me an email", "email me"), answer="C."),
    Objection(id="supplier", heard="has one", phrases=("already have a supplier",), answer="D."),
    Objection(id="model_only", heard="is worried", answer="E."),
)
LIBRARY = ObjectionLibrary(OBJECTIONS)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("That's too expensive.", "price"),
        ("How much does it cost? It sounds expensive.", "price"),
        ("how much", "price"),
        ("Well, we have no budget.", "price"),
        ("I don't really have time for this right now.", "no_time"),
        ("I’m too busy", "no_time"),
        ("Sorry, I'm very busy.", "no_time"),
        ("Could you just email me?", "email"),
        ("No, it's too expensive.", "price"),
        ("We already have a supplier for that.", "supplier"),
    ],
)
def test_a_clear_objection_is_found(said: str, found: str) -> None:
    objection = LIBRARY.find(said)
    assert objection is not None and objection.id == found


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Yes, speaking.",
        "It's not too expensive.",
        "I'm not busy.",
        "We don't already have a supplier.",
        "I'm busy on Tuesday.",
        "I'm busy tomorrow at three.",
        "I have no time now, can you call me back?",
        "Too expensive, and I have no time.",
        "My brother said it was too expensive for the roof that they had in mind over there.",
        "I'm busy, goodbye.",
        "Is my worry known?",
    ],
)
def test_what_is_not_clearly_one_objection_is_left_to_the_model(said: str) -> None:
    assert LIBRARY.find(said) is None


def test_an_objection_is_answered_once_by_itself() -> None:
    assert LIBRARY.find("That's too expensive.", {"price"}) is None


@given(st.text(max_size=400))
def test_no_words_ever_raise(said: str) -> None:
    LIBRARY.find(said)


def test_a_large_library_is_searched_in_far_less_than_ten_milliseconds() -> None:
    many = ObjectionLibrary(
        [
            Objection(
                id=f"o{count}", heard="x", phrases=tuple(f"word{count}{one} thing" for one in "abcdef"), answer="A."
            )
            for count in range(200)
        ]
    )
    start = time.process_time()
    for _ in range(20):
        many.find("I do not think that word1a is a thing for us.")
    assert (time.process_time() - start) / 20 < 0.010
