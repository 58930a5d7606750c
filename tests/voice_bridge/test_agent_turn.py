"""What the journal is told of an utterance under way."""

from voice_bridge.agent_turn import FORESEEN_MS, AgentTurn
from voice_bridge.heard import Playout, Sentence
from voice_bridge.mouth import Utterance


def sentence(text: str, ms: int = 2000, *, is_complete: bool = True) -> Sentence:
    made = Sentence(text, is_complete=is_complete)
    made.audio = bytearray(ms * 8)
    return made


def spoken(*sentences: Sentence) -> tuple[AgentTurn, Playout, list[str]]:
    """All sent at 0 ms: the turn, the carrier's buffer, and the marks behind the sentences."""
    playout, marks = Playout(), []
    for one in sentences:
        playout.sent(one, len(one.audio), 0)
        marks.append(playout.mark(one))
    return AgentTurn(Utterance(list(sentences)), 1), playout, marks


def test_a_sentence_is_on_record_a_moment_before_its_end_and_once() -> None:
    turn, _, _ = spoken(sentence("One two."), sentence("Three."))
    assert not turn.foresee(2000 - FORESEEN_MS - 1)
    assert turn.row().text == ""
    assert turn.foresee(2000 - FORESEEN_MS)
    assert turn.row().text == "One two."
    assert not turn.foresee(2100)
    assert turn.foresee(4000 - FORESEEN_MS)
    assert turn.row().text == "One two. Three."


def test_a_mark_that_comes_late_moves_the_end_of_what_follows() -> None:
    turn, playout, marks = spoken(sentence("One two."), sentence("Three."))
    turn.foresee(2000)
    playout.returned(marks[0], 2500)
    assert not turn.foresee(4000)
    assert turn.foresee(4500 - FORESEEN_MS)


def test_what_is_still_being_made_has_no_end() -> None:
    turn, _, _ = spoken(sentence("One two.", is_complete=False))
    assert not turn.foresee(60_000)


def test_what_was_cut_off_in_its_last_moment_was_not_heard_whole() -> None:
    turn, playout, _ = spoken(sentence("One two three four."))
    turn.foresee(1900)
    playout.cut(1500)
    assert turn.row().text == "One two"
    turn.finish()
    assert turn.row().text == "One two"
    assert not turn.foresee(5000), "it is not on its way any more"
    assert turn.was_foreseen, "the journal has to hear of it"


def test_a_turn_that_is_over_tells_only_what_was_proved() -> None:
    turn, playout, marks = spoken(sentence("One two."), sentence("Three."))
    playout.returned(marks[0], 2000)
    turn.foresee(3900)
    turn.finish()
    assert turn.row().text == "One two."
