"""Pins down: what a text message asks for, and when a number went to somebody else."""

from datetime import date

import pytest

from cadenza.domain.suppression import DatedAnswer, ReassignedWord, ReplyMeaning, read_reply, reassigned_on


@pytest.mark.parametrize(
    "body", ["STOP", "Stop.", " stopall ", "UNSUBSCRIBE", "cancel", "End", "QUIT", "please stop calling me", "Revoke"]
)
def test_the_carriers_words_and_plain_speech_ask_to_stop(body: str) -> None:
    assert read_reply(body) is ReplyMeaning.STOP


@pytest.mark.parametrize(
    "body", ["", "Hello", "at the end of the week", "could you cancel Friday?", "who is this", "HELP"]
)
def test_other_messages_ask_for_nothing(body: str) -> None:
    assert read_reply(body) is ReplyMeaning.NOTHING


def test_the_carriers_own_finding_counts_first() -> None:
    assert read_reply("Arrêt", "STOP") is ReplyMeaning.STOP
    assert read_reply("", "START") is ReplyMeaning.START
    assert read_reply("start", "HELP") is ReplyMeaning.START


def day(number: int) -> date:
    return date(2026, 1, number)


YES, NO, NO_DATA = ReassignedWord.YES, ReassignedWord.NO, ReassignedWord.NO_DATA


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], None),
        ([(1, 20, NO)], None),
        ([(1, 20, NO_DATA)], None),
        ([(1, 20, YES)], 20),
        ([(1, 20, YES), (1, 25, YES)], 25),
        ([(1, 20, YES), (10, 20, NO)], 10),
        ([(1, 20, YES), (10, 15, NO)], 20),
        ([(1, 20, YES), (12, 30, NO), (5, 12, NO)], 5),
        ([(1, 20, YES), (22, 30, NO)], 20),
    ],
    ids=["never asked", "no", "no data", "yes: as late as the asking", "asked again", "a no rules days out",
         "a no that ends before rules nothing out", "two that join", "a later no says nothing of before"],
)  # fmt: skip
def test_the_safe_day_of_a_reassignment(answers: list[tuple[int, int, ReassignedWord]], expected: int | None) -> None:
    known = [DatedAnswer(day(asked), day(checked), word) for asked, checked, word in answers]
    assert reassigned_on(known) == (None if expected is None else day(expected))
