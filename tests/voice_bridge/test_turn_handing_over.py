"""A call that leaves its bridge, and one that comes to it from another."""

import pytest

from cadenza.domain.standard_lines import Line
from tests.voice_bridge.talk import Talk
from voice_bridge import turn_events as events
from voice_bridge.turn_decisions import (
    Discard,
    EndCall,
    EndReason,
    HandOver,
    ReportOptOut,
    Speak,
    Think,
)
from voice_bridge.turn_rules import State, TurnRules

# --- Draining --------------------------------------------------------------------------------------------------------


def test_an_idle_call_is_handed_over_at_once(greeted: Talk) -> None:
    assert greeted.tell(events.DrainAsked(greeted.now)) == [HandOver()]


def test_the_agent_may_finish_its_words_before_the_call_is_handed_over(agent_speaking: Talk) -> None:
    assert agent_speaking.tell(events.DrainAsked(agent_speaking.now)) == []
    agent_speaking.wait(2000)
    assert agent_speaking.agent_done() == [HandOver()]


def test_the_callee_may_finish_too_and_is_on_record_before_the_call_is_handed_over(known: Talk) -> None:
    known.voice(500)
    known.words("Please take me")
    assert known.tell(events.DrainAsked(known.now)) == []
    assert known.wait(3000) == []
    known.quiet()
    assert known.turn("Please tell me more about it.") == [
        Think("Please tell me more about it."),
        Discard(),
        HandOver(),
    ]


def test_a_voice_whose_words_are_not_there_yet_is_waited_for(known: Talk) -> None:
    known.voice(500)
    known.quiet()
    known.tell(events.DrainAsked(known.now))
    assert known.wait(1000) == []
    assert HandOver() in known.wait(1000)


def test_an_opt_out_under_way_is_carried_out_here(known: Talk) -> None:
    known.words("Please take me off your")
    known.tell(events.DrainAsked(known.now))
    known.wait(1500)
    known.turn("Please take me off your list.")
    known.wait(20_000)
    assert known.of(ReportOptOut) and not known.of(HandOver)


@pytest.mark.parametrize(
    ("words", "handed_over"),
    [("and then my neighbour said", True), ("and then I said take me off your list and", False)],
)
def test_a_speech_without_end_is_put_on_record_as_far_as_it_went(known: Talk, words: str, handed_over: bool) -> None:
    known.words("Well")
    known.tell(events.DrainAsked(known.now))
    for _ in range(16):
        known.words(words)
        known.wait(1000)
    assert bool(known.of(HandOver)) is handed_over
    assert bool(known.of(ReportOptOut)) is not handed_over
    assert not handed_over or Think(words) in known.decisions


def test_what_is_being_spelled_is_heard_to_its_end_before_the_call_is_handed_over(known: Talk) -> None:
    known.turn("Call me.")
    known.reply(asks_for_details=True)
    known.turn("two one two")
    known.tell(events.DrainAsked(known.now))
    assert not known.of(HandOver)
    known.turn("five five five")
    known.wait(6000)
    assert known.of(HandOver) and Think("two one two five five five") in known.decisions


def test_long_words_are_cut_by_the_hand_over(agent_speaking: Talk) -> None:
    agent_speaking.tell(events.DrainAsked(agent_speaking.now))
    assert agent_speaking.wait(7000) == [Discard(), HandOver()]


def test_a_running_tool_holds_the_hand_over_back(greeted: Talk) -> None:
    greeted.turn("Tuesday, please.")
    greeted.tell(events.ToolStarted(greeted.now))
    greeted.tell(events.DrainAsked(greeted.now))
    greeted.wait(8000)
    assert not greeted.is_over
    assert HandOver() in greeted.tell(events.ToolFinished(greeted.now))


def test_a_call_that_is_ending_ends_instead(agent_speaking: Talk) -> None:
    agent_speaking.tell(events.EndRequested(agent_speaking.now))
    agent_speaking.tell(events.DrainAsked(agent_speaking.now))
    assert agent_speaking.agent_done() == [EndCall(EndReason.AGENT_SAID_GOODBYE)]


# --- Taking up a call ------------------------------------------------------------------------------------------------


def test_a_call_taken_up_gets_one_sentence_and_no_greeting(talk: Talk) -> None:
    assert talk.start(resumed=True, disclosure_heard=True, callee_turns=2) == [Speak((Line.RESUME,))]


def test_an_answer_that_the_break_swallowed_is_asked_for(talk: Talk) -> None:
    made = talk.start(resumed=True, disclosure_heard=True, missed_an_answer=True, callee_turns=2)
    assert made == [Speak((Line.RESUME_AND_ASK,))]


def test_a_disclosure_comes_before_an_answer_that_was_missed(talk: Talk) -> None:
    made = talk.start(resumed=True, missed_an_answer=True, callee_turns=1)
    assert made == [Speak((Line.RESUME, Line.DISCLOSURE))]


def test_words_that_nobody_answered_are_answered(talk: Talk) -> None:
    made = talk.start(resumed=True, disclosure_heard=True, unanswered="Tuesday works.", callee_turns=2)
    assert made == [Think("Tuesday works.", lead_in=(Line.RESUME,))]


def test_a_greeting_that_broke_off_begins_anew(talk: Talk) -> None:
    made = talk.start(resumed=True, rest="on behalf of Acme. Am I speaking with Alex?")
    assert made == [Speak((Line.RESUME, Line.DISCLOSURE, Line.OPENING))]
    assert talk.state is State.OPENING


def test_what_was_not_heard_of_the_agents_words_is_said(talk: Talk) -> None:
    made = talk.start(resumed=True, disclosure_heard=True, rest="Would Tuesday suit you?", callee_turns=2)
    assert made == [Speak((Line.RESUME,), rest="Would Tuesday suit you?")]
    talk.agent_done()
    assert talk.state is State.LISTENING


def test_the_rest_of_the_last_words_ends_the_call(talk: Talk) -> None:
    talk.start(resumed=True, disclosure_heard=True, rest="Goodbye.", leaves=EndReason.TIME_LIMIT)
    assert talk.lines == [Line.RESUME]
    assert talk.agent_done() == [EndCall(EndReason.TIME_LIMIT)]


def test_the_rest_of_a_farewell_comes_also_if_the_callee_took_leave_into_it(talk: Talk) -> None:
    farewell = EndReason.AGENT_SAID_GOODBYE
    made = talk.start(resumed=True, disclosure_heard=True, rest="Goodbye.", leaves=farewell, unanswered="Bye.")
    assert made == [Speak((Line.RESUME,), rest="Goodbye.")]


def test_leave_that_was_taken_is_not_taken_again(talk: Talk) -> None:
    made = talk.start(resumed=True, disclosure_heard=True, took_leave=True, leaves=EndReason.SILENCE, unanswered="Bye.")
    assert made == [EndCall(EndReason.SILENCE)]


def test_who_heard_a_goodbye_may_still_say_something(talk: Talk) -> None:
    assert talk.start(resumed=True, disclosure_heard=True, took_leave=True, callee_turns=2) == []
    assert talk.turn("Wait, how long does it take?")[-1] == Think("Wait, how long does it take?")


def test_after_a_goodbye_that_nobody_answers_the_call_ends_without_a_word() -> None:
    talk = Talk(TurnRules(max_call_ms=100_000))
    talk.start(resumed=True, disclosure_heard=True, took_leave=True, elapsed_ms=96_000)
    assert talk.wait(3000) == [EndCall(EndReason.AGENT_SAID_GOODBYE)]


def test_an_opt_out_that_nobody_answered_is_obeyed_without_the_model(talk: Talk) -> None:
    made = talk.start(resumed=True, disclosure_heard=True, unanswered="Take me off your list.", callee_turns=1)
    assert made == [ReportOptOut("Take me off your list."), Speak((Line.RESUME, Line.REMOVED))]
    assert talk.agent_done() == [EndCall(EndReason.OPTED_OUT)]


def test_a_machine_is_left_in_peace(talk: Talk) -> None:
    assert talk.start(resumed=True, machine=True) == []
    assert talk.state is State.MACHINE


def test_a_screening_assistant_is_waited_for_after_a_break(talk: Talk) -> None:
    assert talk.start(resumed=True, screening=True) == []
    assert talk.wait(46_000) == [EndCall(EndReason.SCREENED)]


def test_the_time_before_the_break_counts() -> None:
    talk = Talk(TurnRules(max_call_ms=100_000))
    talk.start(resumed=True, disclosure_heard=True, elapsed_ms=95_000)
    talk.agent_done()
    talk.wait(6000)
    assert talk.is_over or talk.lines[-1] is Line.TIME_UP
