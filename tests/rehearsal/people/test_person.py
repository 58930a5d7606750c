"""People react to what they heard: answer, object, back off, interrupt, hang up."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.people.characters import Character
from rehearsal.people.machines import party_of
from rehearsal.people.minds import INTERRUPTION
from rehearsal.people.party import HangUp, Heard, Moment, Say, StopTalking
from tests.rehearsal.people.conversation import Talk

GREETING = "Hi, this is Ava, an AI assistant. Do you have a minute?"
OFFER = (
    "I have Tuesday the third at two thirty in the afternoon, "
    "or Wednesday the fourth at nine in the morning. Which works better?"
)
BOOKED = "You're booked for Tuesday the third at two thirty in the afternoon. Is there anything else?"


def talk_with(character: Character, seed: int = 1) -> Talk:
    return Talk(party_of(character, Random(seed)))


def test_an_interested_person_says_hello_talks_books_and_leaves() -> None:
    talk = talk_with(Character.INTERESTED)
    assert talk.until_quiet() == "Hello?"
    assert 300 <= talk.when(Say) <= 820
    talk.agent_says(GREETING)
    assert talk.until_quiet() == "Yes, sure, I have a minute."
    talk.agent_says("We help shops to save energy. Would you like to meet one of our experts?")
    assert talk.until_quiet() == "That sounds interesting. When could we meet?"
    talk.agent_says(OFFER)
    assert talk.until_quiet().endswith("for me.")
    talk.agent_says(BOOKED)
    assert talk.until_quiet() == "Perfect, thank you. Goodbye."
    talk.silence(5000)
    assert talk.gone == "booked"
    assert talk.notes("booking_heard") == [{"text": BOOKED}]


@given(seed=st.integers(0, 1000))
def test_people_answer_a_question_within_300_to_900_milliseconds(seed: int) -> None:
    talk = talk_with(Character.INTERESTED, seed)
    talk.until_quiet()
    talk.silence(200)
    talk.agent_says(GREETING)
    asked_at = talk.now
    talk.until_quiet()
    answered_at = next(at for at, action in talk.log if isinstance(action, Say) and at > asked_at)
    assert 300 <= answered_at - asked_at <= 920


@pytest.mark.parametrize(
    ("character", "first"),
    [
        (Character.CALLBACK_SOON, "call me back in thirty seconds"),
        (Character.CALLBACK_TOMORROW, "tomorrow at three in the afternoon"),
        (Character.NOT_INTERESTED, "not interested"),
        (Character.DO_NOT_CALL, "take me off your list"),
        (Character.WRONG_NUMBER, "wrong number"),
        (Character.GATEKEEPER, "in a meeting"),
        (Character.ASKS_ROBOT, "are you a robot?"),
        (Character.OBJECTS, "How much does it cost?"),
    ],
)
def test_each_character_says_its_own_thing_first(character: Character, first: str) -> None:
    talk = talk_with(character)
    talk.until_quiet()
    talk.agent_says(GREETING)
    assert first in talk.until_quiet()


@pytest.mark.parametrize(
    "character",
    [
        Character.CALLBACK_SOON,
        Character.CALLBACK_TOMORROW,
        Character.NOT_INTERESTED,
        Character.DO_NOT_CALL,
        Character.WRONG_NUMBER,
        Character.GATEKEEPER,
    ],
)
def test_people_who_do_not_want_to_talk_hang_up_soon(character: Character) -> None:
    talk = talk_with(character)
    talk.until_quiet()
    for _ in range(5):
        talk.agent_says("I see. Thank you for telling me that.")
        talk.until_quiet(12_000)
        talk.silence(3000)
        if talk.gone:
            break
    assert talk.gone
    assert not talk.notes("booking_heard")


def test_a_wanted_callback_that_is_promised_ends_the_call() -> None:
    talk = talk_with(Character.CALLBACK_TOMORROW)
    talk.until_quiet()
    talk.agent_says(GREETING)
    talk.until_quiet()
    talk.agent_says("Of course. I will call you tomorrow at three in the afternoon.")
    assert talk.until_quiet() == "Perfect, talk to you tomorrow. Bye."
    talk.silence(4000)
    assert talk.gone == "wants a callback"


def test_one_who_wants_a_callback_insists_on_the_time_until_it_is_promised() -> None:
    talk = talk_with(Character.CALLBACK_SOON)
    talk.until_quiet()
    talk.agent_says(GREETING)
    talk.until_quiet()
    talk.agent_says("Of course. When may we call you back?")
    assert talk.until_quiet() == "In thirty seconds, please."
    talk.agent_says("I'm afraid I can't call at that time. Would one minute work for you?")
    assert talk.until_quiet() == "In thirty seconds, please."
    talk.agent_says("All right, I'll call you in thirty seconds. Talk to you then!")
    assert talk.until_quiet() == "Great, talk to you then. Bye."


@pytest.mark.parametrize("character", [Character.DO_NOT_CALL, Character.OBJECTS])
def test_one_who_was_not_heard_says_it_again(character: Character) -> None:
    talk = talk_with(character)
    talk.until_quiet()
    talk.agent_says("Do you have a minute?")
    said = talk.until_quiet()
    talk.agent_says("Sorry, the line dropped for a moment. Could you say that again, please?")
    assert talk.until_quiet() == said


def test_a_person_who_is_talked_over_backs_off_and_answers_later() -> None:
    talk = talk_with(Character.OBJECTS)
    talk.until_quiet()
    talk.agent_says("Do you have a minute?")
    talk.silence(800)
    assert talk.speaking
    talk.agent_says("We would like to tell you about our new offer today.")
    assert any(isinstance(action, StopTalking) for _, action in talk.log)
    assert talk.until_quiet() == "How much does it cost? It sounds expensive."


def test_one_who_interrupts_talks_into_the_greeting_and_does_not_give_way() -> None:
    talk = talk_with(Character.INTERRUPTS)
    talk.until_quiet()
    talk.agent_says(GREETING + " " + GREETING)
    assert INTERRUPTION in talk.said
    assert not any(isinstance(action, StopTalking) for _, action in talk.log)
    talk.until_quiet()
    talk.agent_says(OFFER)
    assert talk.until_quiet().endswith("for me.")


def test_one_who_hangs_up_early_is_gone_within_two_seconds_of_the_greeting() -> None:
    talk = talk_with(Character.HANGS_UP_EARLY)
    talk.until_quiet()
    began = talk.now
    talk.agent_says("Hi, this is Ava, an AI assistant.")
    assert talk.gone == "hung up early"
    assert talk.when(HangUp) - began <= 2000


def test_one_who_says_nothing_says_nothing_and_leaves_at_last() -> None:
    talk = talk_with(Character.SILENT)
    talk.agent_says(GREETING)
    talk.silence(60_000)
    assert talk.said == []
    assert talk.gone


def test_a_person_to_whom_nobody_speaks_asks_and_gives_up() -> None:
    talk = talk_with(Character.INTERESTED)
    talk.silence(60_000)
    assert "Hello? Are you still there?" in talk.said
    assert talk.gone == "nobody talked to them"


def test_a_half_sentence_is_waited_out() -> None:
    talk = talk_with(Character.INTERESTED)
    talk.until_quiet()
    talk.agent_says("I was wondering whether")
    talk.silence(1000)
    assert len(talk.said) == 1


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(
    character=st.sampled_from(list(Character)),
    seed=st.integers(0, 50),
    turns=st.lists(
        st.tuples(
            st.sampled_from([GREETING, OFFER, BOOKED, "", "Goodbye.", "One moment please.", "What is your email?"]),
            st.integers(0, 9000),
        ),
        max_size=8,
    ),
)
def test_whatever_is_said_to_anybody_each_call_ends_and_nothing_is_said_after_hanging_up(
    character: Character, seed: int, turns: list[tuple[str, int]]
) -> None:
    talk = talk_with(character, seed)
    for text, pause in turns:
        if talk.gone is None:
            talk.agent_says(text)
            talk.silence(pause)
    talk.silence(200_000)
    assert talk.gone is not None
    assert len([action for _, action in talk.log if isinstance(action, HangUp)]) == 1
    party = talk.party
    assert all(
        not isinstance(action, Say) for action in party.step(Moment(20, [Heard("hello?", True)], agent_speaking=True))
    )
