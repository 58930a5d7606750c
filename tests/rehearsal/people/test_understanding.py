"""What people make of the agent's words."""

import pytest

from rehearsal.people.understanding import Meaning, offered_days, understand


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("You're booked for Tuesday at two thirty with Dana Reyes.", Meaning.BOOKED),
        ("Great, you’re all set for Tuesday the third.", Meaning.BOOKED),
        ("The appointment is confirmed.", Meaning.BOOKED),
        ("I have booked you in for Monday.", Meaning.BOOKED),
        ("Let me check before you're booked.", Meaning.WAIT),
        ("I'm sorry, it is not booked yet.", Meaning.STATEMENT),
        ("Once it's booked you will get an invitation.", Meaning.STATEMENT),
        ("Is there anything else I can help you with?", Meaning.ANYTHING_ELSE),
        ("What is the best e-mail for the invitation?", Meaning.ASKS_EMAIL),
        ("I'll call you back tomorrow at three in the afternoon. Goodbye.", Meaning.PROMISES_CALLBACK),
        ("Of course. When may we call you back?", Meaning.ASKS_WHEN_TO_CALL),
        ("Which other time would suit you?", Meaning.ASKS_WHEN_TO_CALL),
        ("How about Tuesday at two thirty in the afternoon?", Meaning.OFFERS_TIMES),
        ("Thank you for your time. Goodbye.", Meaning.GOODBYE),
        ("Shall I book that for you?", Meaning.ASKS_TO_CONFIRM),
        ("Am I speaking with Morgan?", Meaning.ASKS_NAME),
        ("One moment, let me check the calendar.", Meaning.WAIT),
        ("Sorry, I missed that. Could you say it again?", Meaning.ASKS_AGAIN),
        ("Do you have a minute?", Meaning.QUESTION),
        ("do you have a minute", Meaning.QUESTION),
        ("We help small shops.", Meaning.STATEMENT),
    ],
)
def test_a_turn_has_one_meaning(text: str, meaning: Meaning) -> None:
    assert understand(text) is meaning


def test_offered_times_are_told_apart_by_their_days() -> None:
    assert offered_days("Tuesday the third at two, or Wednesday the fourth at nine?") == ["tuesday", "wednesday"]
    assert offered_days("How about tomorrow at nine?") == ["tomorrow"]
