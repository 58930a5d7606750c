"""What counts as heard: marks of the running generation, and the played share inside a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_bridge.heard import LINE_DELAY_MS, MARK_PATIENCE_MS, Playout, Sentence

TEXT = "One two three four five six seven eight nine ten."


def sentence(text: str = TEXT, ms: int = 5000) -> Sentence:
    made = Sentence(text)
    made.audio = bytearray(ms * 8)
    made.is_complete = True
    return made


def send(playout: Playout, *sentences: Sentence, now: int = 0) -> list[str]:
    marks = []
    for one in sentences:
        playout.sent(one, len(one.audio) - one.sent, now)
        marks.append(playout.mark(one))
    return marks


def test_a_mark_proves_its_sentence_heard() -> None:
    playout, one = Playout(), sentence()
    (mark,) = send(playout, one)
    assert playout.ends_at == 5000
    assert playout.returned(mark, 5100) == [one]
    assert one.is_heard and one.heard_text == TEXT
    assert playout.is_empty and not one.audio


def test_sentences_play_one_after_the_other() -> None:
    playout, first, second = Playout(), sentence(), sentence(ms=2000)
    send(playout, first, second, now=1000)
    assert (first.starts_at, second.starts_at, playout.ends_at) == (1000, 6000, 8000)


def test_a_mark_corrects_the_clock_of_what_follows() -> None:
    playout, first, second = Playout(), sentence(), sentence(ms=2000)
    marks = send(playout, first, second)
    playout.returned(marks[0], 5400)
    assert (second.starts_at, playout.ends_at) == (5400, 7400)


def test_marks_of_a_cleared_generation_prove_nothing() -> None:
    playout, one = Playout(), sentence()
    (mark,) = send(playout, one)
    playout.cut(1000)
    assert playout.returned(mark, 1010) == ()
    assert not one.is_heard


def test_a_later_mark_proves_earlier_sentences_too() -> None:
    playout, first, second = Playout(), sentence(), sentence()
    marks = send(playout, first, second)
    assert playout.returned(marks[1], 10_100) == [first, second]


def test_unknown_marks_and_duplicates_are_ignored() -> None:
    playout, one = Playout(), sentence()
    (mark,) = send(playout, one)
    playout.returned(mark, 5100)
    assert playout.returned(mark, 5200) == ()
    assert playout.returned("nonsense", 5200) == ()


def test_a_cut_keeps_the_words_that_were_played() -> None:
    playout, one = Playout(), sentence()
    send(playout, one)
    playout.cut(2500 + LINE_DELAY_MS)
    assert one.heard_text == "One two three four five"
    assert 0 < one.sent < len(one.audio)


def test_a_cut_before_anything_was_played_keeps_nothing() -> None:
    playout, one, two = Playout(), sentence(), sentence()
    send(playout, one, two)
    playout.cut(10)
    assert (one.heard_text, one.sent, two.heard_text, two.sent) == ("", 0, "", 0)


def test_a_cut_after_the_end_finds_all_heard() -> None:
    playout, one = Playout(), sentence()
    send(playout, one)
    playout.cut(5000 + LINE_DELAY_MS)
    assert one.is_heard and one.heard_text == TEXT


def test_what_goes_on_after_a_cut_starts_at_the_word_that_was_cut() -> None:
    playout, one = Playout(), sentence()
    send(playout, one)
    playout.cut(2500 + LINE_DELAY_MS)
    assert TEXT.startswith(one.heard_text)
    begin = one.sent / len(one.audio)
    assert abs(begin - (len(one.heard_text) + 1) / len(TEXT)) < 0.01
    (mark,) = send(playout, one, now=6000)
    assert one.starts_at == 6000
    assert playout.returned(mark, 9000) == [one]
    assert one.heard_text == TEXT


def test_a_second_cut_counts_from_where_it_went_on() -> None:
    playout, one = Playout(), sentence()
    send(playout, one)
    playout.cut(1500 + LINE_DELAY_MS)
    first = one.heard_text
    send(playout, one, now=5000)
    playout.cut(6500 + LINE_DELAY_MS)
    assert one.heard_text.startswith(first) and len(one.heard_text) > len(first)
    assert not one.is_heard


def test_a_sentence_still_being_made_is_not_taken_for_its_beginning() -> None:
    playout, one = Playout(), Sentence("A rather long sentence of which only the very first audio has arrived so far.")
    one.audio = bytearray(4000)
    playout.sent(one, 4000, 0)
    playout.cut(10_000)
    assert len(one.heard_text) < len(one.text) / 4


def test_marks_inside_a_sentence_bound_the_estimate_when_the_carrier_is_late() -> None:
    playout, one = Playout(), sentence()
    names = []
    for _ in range(5):
        playout.sent(one, 8000, 0)
        names.append(playout.mark(one, ends=False))
    playout.returned(names[0], 3000)  # the carrier is two seconds late
    assert (one.starts_at, playout.ends_at) == (2000, 7000)
    playout.cut(20_000)  # by the clock all would be heard; the second mark did not come back
    assert one.heard_text == "One two three four", "as far as the second mark"
    assert not one.is_heard


def test_what_the_marks_prove_is_heard_whatever_the_clock_says() -> None:
    playout, one = Playout(), sentence()
    names = []
    for _ in range(5):
        playout.sent(one, 8000, 0)
        names.append(playout.mark(one, ends=False))
    playout.returned(names[3], 100)
    playout.cut(100)
    assert one.heard_text == "One two three four five six seven eight"


def test_a_sentence_after_one_that_was_cut_was_not_heard() -> None:
    playout, first, second = Playout(), sentence(ms=1000), sentence(ms=1000)
    send(playout, first, second)
    playout.cut(20_000)
    assert not first.is_heard or second.heard_text in {"", TEXT}


def test_a_lost_mark_is_given_up_in_time() -> None:
    playout, one = Playout(), sentence()
    send(playout, one)
    assert playout.overdue(5000 + MARK_PATIENCE_MS - 1) == ()
    assert playout.overdue(5000 + MARK_PATIENCE_MS) == [one]
    assert one.is_heard


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(
    st.lists(st.integers(100, 4000), min_size=1, max_size=5),
    st.lists(st.integers(0, 6000), min_size=1, max_size=6),
)
def test_heard_words_are_a_beginning_and_only_grow(lengths: list[int], waits: list[int]) -> None:
    playout = Playout()
    said = [sentence(ms=length) for length in lengths]
    now, heard_before = 0, ""
    for wait in waits:
        send(playout, *(one for one in said if not one.is_heard), now=now)
        now += wait
        playout.cut(now)
        heard = "".join(one.heard_text for one in said)
        assert len(heard) >= len(heard_before)
        assert all(one.text.startswith(one.heard_text) for one in said)
        assert all(0 <= one.sent <= len(one.audio) or one.is_heard for one in said)
        cut = next((index for index, one in enumerate(said) if not one.is_heard), len(said))
        assert all(not one.heard_text for one in said[cut + 1 :]), "words after the cut"
        heard_before = heard
