"""Mailboxes and call screening."""

from random import Random

from rehearsal.people.characters import Character
from rehearsal.people.machines import GREETINGS, SCREENING_QUESTION, SCREENING_THANKS, party_of
from rehearsal.people.party import Note, Tone
from tests.rehearsal.people.conversation import Talk

MESSAGE = "Hi, this is Ava from Brightside. Please call us back."


def test_a_mailbox_greets_beeps_and_keeps_only_what_comes_after_the_beep() -> None:
    talk = Talk(party_of(Character.VOICEMAIL, Random(3)))
    assert talk.until_quiet() in GREETINGS
    talk.agent_says("Too")
    while not any(isinstance(action, Note) and action.kind == "beep_ended" for _, action in talk.log):
        talk.silence(20)
    talk.agent_says(MESSAGE)
    talk.end()
    assert talk.notes("voicemail") == [{"text": MESSAGE, "before_beep": "Too"}]
    tones = [action for _, action in talk.log if isinstance(action, Tone)]
    assert tones == [Tone(1000.0, 400)]


def test_a_mailbox_hangs_up_after_ten_seconds_of_silence() -> None:
    talk = Talk(party_of(Character.VOICEMAIL, Random(3)))
    talk.silence(60_000)
    assert talk.gone == "the mailbox stopped recording"


def test_screening_asks_once_thanks_once_and_nobody_picks_up() -> None:
    talk = Talk(party_of(Character.SCREENED, Random(3)))
    assert talk.until_quiet() == SCREENING_QUESTION
    talk.agent_says(MESSAGE)
    assert talk.until_quiet() == SCREENING_THANKS
    talk.silence(30_000)
    talk.end()
    assert talk.gone == "nobody picked up after the screening"
    assert talk.notes("screening_reason") == [{"text": MESSAGE}]
    assert talk.notes("said_on_hold") == []


def test_screening_passes_to_the_person_who_starts_with_hello() -> None:
    talk = Talk(party_of(Character.SCREENED_PICKS_UP, Random(3)))
    talk.until_quiet()
    talk.agent_says(MESSAGE)
    assert talk.until_quiet() == SCREENING_THANKS
    assert talk.until_quiet() == "Hello?"
    talk.agent_says("Hi, this is Ava. Do you have a minute?")
    assert talk.until_quiet() == "Yes, sure, I have a minute."


def test_screening_gives_up_on_a_caller_who_says_nothing() -> None:
    talk = Talk(party_of(Character.SCREENED, Random(3)))
    talk.silence(60_000)
    assert talk.gone == "no reason was given to the screening"
