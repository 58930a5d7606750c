"""Turn-taking around a transfer: announced, heard, left to the carrier; or called off by the callee."""

import pytest

from cadenza.domain.standard_lines import Line
from tests.voice_bridge.talk import Talk
from voice_bridge import turn_events as events
from voice_bridge.turn_decisions import CallOffConnection, Connect, EndCall, HandOver, Pause, Speak, Think
from voice_bridge.turn_rules import State


@pytest.fixture
def talk() -> Talk:
    """The model was asked, and its tool asks for a connection; the announcement is being played."""
    talk = Talk()
    talk.greet()
    talk.turn("Can you put me through to somebody?")
    talk.tell(events.ToolStarted(talk.now, calendar=False))
    talk.tell(events.ToolFinished(talk.now))
    talk.tell(events.ConnectionAsked(talk.now))
    talk.agent_starts(2500)
    talk.wait(500)
    return talk


def test_the_line_is_left_when_the_announcement_was_heard(talk: Talk) -> None:
    assert not talk.of(Connect)
    assert talk.agent_done() == [Connect()]
    assert talk.is_over and not talk.of(EndCall)


@pytest.mark.parametrize("words", ["Thank you", "Okay, great, thanks", "Yes please", "Perfect", "mm-hm", ""])
def test_thanks_and_assent_change_nothing(talk: Talk, words: str) -> None:
    talk.voice(300)
    talk.turn(words)
    talk.quiet()
    talk.agent_done()
    talk.wait(3000)
    assert talk.of(Connect) and not talk.of(CallOffConnection) and not talk.of(Pause)


@pytest.mark.parametrize("words", ["No, wait, I changed my mind", "What does it cost first", "Hold on a second"])
def test_who_speaks_up_is_answered_and_not_connected(talk: Talk, words: str) -> None:
    talk.voice(600)
    talk.turn(words)
    assert talk.of(CallOffConnection) and not talk.of(Connect)
    talk.quiet()
    if talk.of(Think)[-1].text == words:
        talk.reply()
    talk.wait(3000)
    assert not talk.of(Connect)


def test_an_opt_out_into_the_announcement_is_obeyed_and_nobody_is_dialled(talk: Talk) -> None:
    talk.turn("Never call me again")
    talk.agent_starts()
    talk.agent_done()
    assert talk.of(CallOffConnection) and talk.lines[-1] is Line.REMOVED and not talk.of(Connect)


def test_the_opt_out_key_does_the_same(talk: Talk) -> None:
    talk.tell(events.KeyPressed(talk.now, "9"))
    assert talk.of(CallOffConnection) and talk.lines[-1] is Line.REMOVED


def test_a_noise_over_the_announcement_ends_in_the_connection(talk: Talk) -> None:
    talk.voice(800)
    assert talk.of(Pause)
    talk.quiet()
    talk.agent_done()
    talk.wait(6000)
    assert talk.of(Connect) and talk.is_over


def test_an_announcement_that_could_not_be_said_is_made_with_rendered_words_and_once() -> None:
    talk = Talk()
    talk.greet()
    talk.turn("Connect me, please")
    talk.tell(events.ConnectionAsked(talk.now))
    talk.tell(events.ReplyFailed(talk.now))
    assert talk.lines[-1] is Line.CONNECTING and not talk.of(Connect)
    talk.tell(events.ReplyFailed(talk.now))
    assert talk.of(Connect)


def test_a_reply_that_was_thrown_away_is_announced_anew() -> None:
    talk = Talk()
    talk.greet()
    assert talk.tell(events.ConnectionAsked(talk.now)) == [Speak((Line.CONNECTING,))]


def test_nobody_is_connected_while_the_call_is_ending() -> None:
    talk = Talk()
    talk.greet()
    talk.turn("Take me off your list")
    assert talk.state is State.ENDING
    assert talk.tell(events.ConnectionAsked(talk.now)) == [CallOffConnection()]


def test_a_bridge_that_drains_leaves_the_connection_to_the_next_one(talk: Talk) -> None:
    talk.tell(events.DrainAsked(talk.now))
    talk.wait(7000)
    assert talk.of(HandOver) and not talk.of(CallOffConnection) and not talk.of(Connect)


def test_a_connection_that_was_being_announced_is_announced_and_made_after_a_break() -> None:
    talk = Talk()
    made = talk.start(resumed=True, disclosure_heard=True, callee_turns=2, unanswered="Put me through", connects=True)
    assert made == [Speak((Line.RESUME, Line.CONNECTING))]
    talk.agent_starts()
    assert talk.agent_done() == [Connect()]


def test_who_could_not_be_connected_hears_one_sentence_and_the_talk_goes_on() -> None:
    talk = Talk()
    talk.start(resumed=True, disclosure_heard=True, callee_turns=2, after_connection=Line.NOT_CONNECTED_CALLBACK)
    assert talk.lines == [Line.NOT_CONNECTED_CALLBACK]
    talk.agent_starts()
    talk.agent_done()
    talk.turn("Tomorrow at ten, please")
    assert talk.of(Think)[-1].text == "Tomorrow at ten, please"
