"""Pins down turns that are not what they seem: spelled in pieces, echoes of the agent, pauses that may be the end."""

from itertools import pairwise

import pytest

from cadenza.domain.standard_lines import Line
from tests.voice_bridge.talk import Talk
from voice_bridge.fillers import Fillers, Wait
from voice_bridge.turn_decisions import (
    Discard,
    DropSpeculation,
    EndCall,
    EndReason,
    HandOver,
    Hear,
    Insert,
    ListenPatiently,
    Pause,
    Resume,
    Speak,
    Speculate,
    Think,
)
from voice_bridge.turn_events import HungUp, ToolFinished, ToolStarted
from voice_bridge.turn_rules import State, TurnRules

SENTENCE = "I understand. Our specialist shows you what your roof could bring in a short call next week."


@pytest.fixture
def asked(greeted: Talk) -> Talk:
    """The agent has just asked for an e-mail address."""
    greeted.turn("Yes, speaking.")
    greeted.reply(asks_for_details=True)
    return greeted


@pytest.fixture
def agent_speaking(greeted: Talk) -> Talk:
    greeted.turn("Yes, speaking.")
    greeted.agent_starts(6000)
    greeted.agent_says(SENTENCE)
    greeted.wait(1500)
    return greeted


# --- Spelling --------------------------------------------------------------------------------------------------------


def test_a_question_for_an_address_makes_the_recogniser_patient_until_it_was_answered(asked: Talk) -> None:
    assert asked.of(ListenPatiently) == [ListenPatiently(True)]
    made = asked.turn("It's alex at example dot com.")
    assert made[-2:] == [ListenPatiently(False), Think("It's alex at example dot com.")]


def test_a_number_told_in_pieces_is_one_turn(asked: Talk) -> None:
    for piece in ("It's two one two", "five five five"):
        assert asked.turn(piece) == []
        assert asked.wait(2000) == []
    assert asked.turn("oh one two three")[-1] == Think("It's two one two five five five oh one two three")


def test_a_number_that_stops_in_the_middle_is_answered_after_a_longer_pause(asked: Talk) -> None:
    asked.turn("It's two one two")
    assert asked.wait(2400) == []
    assert Think("It's two one two") in asked.wait(300)


def test_a_voice_that_goes_on_is_waited_for_inside_a_number(asked: Talk) -> None:
    asked.turn("It's two one two")
    assert asked.voice(3000) == []
    assert asked.turn("five five five oh one two three")[-1] == Think(
        "It's two one two five five five oh one two three"
    )


def test_who_begins_to_spell_unasked_gets_the_patience_too(known: Talk) -> None:
    assert known.words("my number is two one two") == [ListenPatiently(True)]
    assert known.turn_end("my number is two one two") == []
    assert known.turn("five five five oh one two three")[-2:] == [
        ListenPatiently(False),
        Think("my number is two one two five five five oh one two three"),
    ]


def test_an_answer_that_spells_nothing_is_answered_at_once(asked: Talk) -> None:
    assert asked.turn("I would rather not give you that.")[-1] == Think("I would rather not give you that.")


def test_an_opt_out_inside_a_number_is_an_opt_out(asked: Talk) -> None:
    asked.turn("two one two")
    asked.turn("take me off your list")
    assert asked.machine.end_reason is EndReason.OPTED_OUT


def test_what_was_spelled_when_the_call_ended_is_on_record(asked: Talk) -> None:
    asked.turn("two one two")
    made = asked.tell(HungUp(asked.now))
    assert made[0] == Hear("two one two")
    assert asked.is_over


def test_somebody_who_spells_without_end_is_answered() -> None:
    talk = Talk(TurnRules(longest_dictation_ms=5000))
    talk.greet()
    talk.turn("Yes.")
    talk.reply(asks_for_details=True)
    for _ in range(6):
        talk.turn("a b c")
        talk.wait(1000)
    assert len(talk.of(Think)) == 2


# --- Answering ahead of the end --------------------------------------------------------------------------------------


def test_a_pause_lets_the_model_think_ahead(known: Talk) -> None:
    known.words("I would like")
    assert known.pause("I would like to know more") == [Speculate("I would like to know more")]
    assert known.turn_end("I would like to know more.") == [Think("I would like to know more.")]
    assert not known.of(DropSpeculation)


def test_more_words_drop_what_was_thought(known: Talk) -> None:
    known.pause("I would like to know more")
    assert known.words("I would like to know more but not now") == [DropSpeculation()]
    assert known.turn_end("I would like to know more, but not now.") == [
        Think("I would like to know more, but not now.")
    ]


def test_nobody_thinks_ahead_for_ever(known: Talk) -> None:
    for count in range(6):
        known.pause("and then " * (count + 2))
    assert len(known.of(Speculate)) == TurnRules().most_speculations


def test_a_long_talk_is_not_thought_ahead_of(known: Talk) -> None:
    known.words("well let me tell you")
    known.wait(300)
    for count in range(10):
        known.wait(1000)
        known.words("well let me tell you " * (count + 2))
    assert known.pause("well let me tell you " * 12) == []


@pytest.mark.parametrize("text", ["yeah", "hold on a second", "are you a robot", "it's two one two", "um"])
def test_what_the_model_will_not_answer_is_not_thought_about(known: Talk, text: str) -> None:
    known.pause(text)
    assert not known.of(Speculate)


def test_a_mailbox_is_not_worth_thinking_ahead(greeted: Talk) -> None:
    assert greeted.pause("Hi, this is Dana, and I") == []


def test_thinking_ahead_can_be_turned_off() -> None:
    talk = Talk(TurnRules(speculates=False))
    talk.greet()
    talk.turn("Yes.")
    talk.reply()
    assert talk.pause("I would like to know more") == []


def test_a_pause_of_somebody_who_interrupts_is_no_turn_yet(agent_speaking: Talk) -> None:
    assert agent_speaking.pause("but I already") == [Pause()]
    assert not agent_speaking.of(Speculate)


# --- Echo ------------------------------------------------------------------------------------------------------------


def test_the_agents_own_words_coming_back_are_no_turn_of_the_callee(agent_speaking: Talk) -> None:
    turns = agent_speaking.machine.callee_turns
    assert agent_speaking.words("Our specialist") == [Pause()]  # nobody can tell yet
    assert agent_speaking.turn_end("Our specialist shows you what your roof could bring") == [Resume()]
    assert agent_speaking.machine.callee_turns == turns
    assert agent_speaking.state is State.AGENT_SPEAKING


def test_a_line_that_has_echoed_twice_does_not_stop_the_agent_any_more(agent_speaking: Talk) -> None:
    for _ in range(2):
        agent_speaking.turn("Our specialist shows you what your roof could bring")
    assert agent_speaking.words("a short call") == []
    assert agent_speaking.turn_end("a short call next week") == []
    assert agent_speaking.state is State.AGENT_SPEAKING


def test_the_callees_own_words_interrupt_on_a_line_that_echoes(agent_speaking: Talk) -> None:
    for _ in range(2):
        agent_speaking.turn("Our specialist shows you what your roof could bring")
    assert agent_speaking.words("but we rent the building") == [Pause()]
    assert Think("But we rent the building.") in agent_speaking.turn_end("But we rent the building.")


def test_a_choice_in_the_agents_words_is_an_answer(agent_speaking: Talk) -> None:
    assert Think("A short call next week.") in agent_speaking.turn("A short call next week.")


def test_an_echo_just_behind_the_agents_end_is_none_either(agent_speaking: Talk) -> None:
    for _ in range(2):
        agent_speaking.turn("Our specialist shows you what your roof could bring")
    agent_speaking.wait(4500)
    agent_speaking.agent_done()
    assert agent_speaking.turn("short call next week") == []
    assert agent_speaking.state is State.LISTENING
    agent_speaking.wait(2000)
    assert Think("A short call next week.") in agent_speaking.turn("A short call next week.")


def test_an_opt_out_is_never_taken_for_an_echo(agent_speaking: Talk) -> None:
    agent_speaking.agent_says("If you like I can take me off your list and be done.")
    agent_speaking.turn("I can take me off your list and be done")
    assert agent_speaking.machine.end_reason is EndReason.OPTED_OUT


# --- Both at once ----------------------------------------------------------------------------------------------------


def test_two_who_begin_at_once_the_agent_gives_way(known: Talk) -> None:
    known.turn("Tell me more.")
    known.voice(100)
    known.agent_starts(4000)  # the reply came as the callee went on
    made = known.words("And what is it")
    assert made == [Pause()]
    assert Think("And what is it about?") in known.turn_end("And what is it about?")


def test_ten_minutes_of_silence_end_soon_and_politely(greeted: Talk) -> None:
    for _ in range(600):
        greeted.wait(1000)
        if greeted.machine.busy:
            greeted.reply()
    assert greeted.lines[-1] is Line.SILENCE_FAREWELL
    assert greeted.of(EndCall) == [EndCall(EndReason.SILENCE)]
    assert not greeted.of(HandOver)


def test_ten_minutes_of_music_end_as_silence_does(greeted: Talk) -> None:
    """A voice that never stops, and never a word."""
    greeted.voice(100)
    for _ in range(600):
        greeted.wait(1000)
        if greeted.machine.busy:
            greeted.reply()
    assert greeted.of(EndCall) == [EndCall(EndReason.SILENCE)]


# --- Not heard -------------------------------------------------------------------------------------------------------


def test_a_second_hello_into_the_greeting_begins_it_anew_once() -> None:
    talk = Talk()
    talk.start()
    talk.agent_starts(6000)
    assert talk.turn("Hello?") == []
    talk.wait(1600)
    assert talk.turn("Hello?") == [Discard(), Speak((Line.DISCLOSURE, Line.OPENING))]
    talk.agent_starts(6000)
    talk.wait(2000)
    assert talk.turn("Hello?") == []
    assert talk.state is State.OPENING


def test_two_hellos_at_the_very_beginning_are_a_greeting() -> None:
    talk = Talk()
    talk.start()
    talk.agent_starts(6000)
    talk.turn("Hello?")
    talk.wait(500)
    assert talk.turn("Hello?") == []


# --- Fillers ---------------------------------------------------------------------------------------------------------


def test_no_filler_is_said_twice_in_a_row_over_a_call(known: Talk) -> None:
    for _ in range(3):
        known.turn("What times do you have?")
        known.tell(ToolStarted(known.now))
        known.wait(7000)
        known.tell(ToolFinished(known.now))
        known.reply()
    lines = [decision.line for decision in known.of(Insert)]
    assert len(lines) == 6
    assert all(one is not other for one, other in pairwise(lines))
    assert set(lines[:4]) == {Line.CHECKING, Line.STILL_CHECKING, Line.CHECKING_TIMES, Line.ALMOST_THERE}


def test_a_tool_that_asks_no_calendar_is_not_said_to(known: Talk) -> None:
    known.turn("Please call me tomorrow.")
    known.tell(ToolStarted(known.now, calendar=False))
    known.wait(1000)
    assert known.of(Insert) == [Insert(Line.THINKING)]


def test_a_line_that_two_waits_share_is_not_said_twice_in_a_row() -> None:
    fillers = Fillers()
    fillers.next(Wait.CALENDAR_LONGER)
    assert fillers.next(Wait.CALENDAR_LONGER) is Line.ALMOST_THERE
    assert fillers.next(Wait.ANSWER_LONGER) is not Line.ALMOST_THERE


@pytest.mark.parametrize("wait", list(Wait))
def test_every_wait_has_two_lines_at_least(wait: Wait) -> None:
    fillers = Fillers()
    assert fillers.next(wait) is not fillers.next(wait)
