"""What the journal is told of an utterance under way."""

from dataclasses import replace

import pytest

from cadenza.domain.character_times import CharacterTimes
from cadenza.domain.standard_lines import Line
from voice_bridge.agent_turn import FORESEEN_MS, SAID_NOTHING, AgentTurn
from voice_bridge.heard import Playout, Sentence
from voice_bridge.mouth import Utterance
from voice_bridge.word_times import SpokenCharacters


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


def test_a_line_of_several_sentences_is_on_record_as_far_as_it_was_heard() -> None:
    turn, _, _ = spoken(sentence("One two three. Four five six seven.", ms=3500))
    assert turn.foresee(1400 - FORESEEN_MS)
    assert turn.row().text == "One two three."
    assert not turn.foresee(3500 - FORESEEN_MS - 1)
    assert turn.foresee(3500 - FORESEEN_MS)
    assert turn.row().text == "One two three. Four five six seven."


def test_the_silence_behind_the_last_word_is_not_waited_for() -> None:
    said = sentence("One. Two.", ms=3000)
    said.spoken = SpokenCharacters(CharacterTimes("One. Two.", [100, 200, 300, 400, 500, 900, 1000, 1100, 1200]))
    turn, _, _ = spoken(said)
    assert turn.foresee(400 - FORESEEN_MS)
    assert turn.row().text == "One."
    assert turn.foresee(1200 - FORESEEN_MS)
    assert turn.row().text == "One. Two."


@pytest.mark.parametrize("spoken_text", ["", "   ", "Quite other words than these.", "One"])
def test_times_that_do_not_fit_the_words_are_no_trouble(spoken_text: str) -> None:
    said = sentence("One two. Three four.", ms=3000)
    said.spoken = SpokenCharacters(CharacterTimes(spoken_text, tuple(range(100, 100 + len(spoken_text)))))
    turn, _, _ = spoken(said)
    assert turn.foresee(3000)
    assert turn.row().text == "One two. Three four."


def test_half_a_sentence_that_its_mark_proves_is_whole() -> None:
    turn, playout, marks = spoken(sentence("One two three. Four five six seven.", ms=3500))
    turn.foresee(1400)
    playout.returned(marks[0], 3500)
    assert turn.row().text == "One two three. Four five six seven."


@pytest.mark.parametrize(
    ("lines", "nothing"),
    [
        ((Line.CHECKING,), True),
        ((Line.RESUME, Line.STILL_CHECKING), True),
        ((Line.RESUME, None), False),
        ((Line.RESUME_AND_ASK,), False),
    ],
)
def test_words_that_only_pass_the_time_are_marked_as_such(lines: tuple[Line | None, ...], nothing: bool) -> None:
    turn, _, _ = spoken(*(replace(sentence("One two."), line=line) for line in lines))
    turn.foresee(20_000)
    assert (SAID_NOTHING in (turn.row().payload or {})) is nothing


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
