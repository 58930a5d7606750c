"""From a stream of text to sentences that can be spoken: early, whole and without markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_bridge.thinking.sentences import SentenceSplitter, clean


def split(*pieces: str, eager: bool = False) -> list[str]:
    splitter = SentenceSplitter(eager=eager)
    made = [sentence for piece in pieces for sentence in splitter.feed(piece)]
    return made + splitter.flush()


def test_a_sentence_comes_as_soon_as_it_is_whole() -> None:
    splitter = SentenceSplitter()
    assert splitter.feed("Sure") == []
    assert splitter.feed(". I can") == ["Sure."]
    assert splitter.feed(" do that! And") == ["I can do that!"]
    assert splitter.flush() == ["And"]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("I spoke with Dr. Smith at 3.5 percent. Fine.", ["I spoke with Dr. Smith at 3.5 percent.", "Fine."]),
        ("It is e.g. Tuesday. Or J. Smith.", ["It is e.g. Tuesday.", "Or J. Smith."]),
        ('He said "yes." Then he left.', ['He said "yes."', "Then he left."]),
        ("First line\nSecond line", ["First line", "Second line"]),
        ("Well... maybe. ", ["Well...", "maybe."]),
        ("...", []),
        ("   ", []),
        ("👍", []),
    ],
)
def test_where_sentences_end(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences
    assert split(*text) == sentences  # letter by letter, as a model streams


def test_a_long_sentence_is_cut_at_a_comma() -> None:
    first = "I can offer you a time with one of our specialists who knows all about roofs and panels"
    sentences = split(f"{first}, and who can tell you what it would cost you and what it would save you every year.")
    assert len(sentences) == 2 and sentences[0] == f"{first},"


TIMES = "Which one would you like, Monday at half past eleven in the morning or Tuesday at two"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (f"{TIMES}? Both are free.", ["Which one would you like,", f"{TIMES[26:]}?", "Both are free."]),
        (f"Sure. {TIMES}?", ["Sure.", f"{TIMES}?"]),
        ("Which one would you like, Monday or Tuesday?", ["Which one would you like, Monday or Tuesday?"]),
        ("Yes, " + "word " * 12 + "more.", ["Yes, " + "word " * 12 + "more."]),
    ],
    ids=["a long one", "a short one first", "not long", "a comma too early"],
)
def test_nobody_waits_for_the_end_of_a_long_first_sentence(text: str, sentences: list[str]) -> None:
    assert split(*text, eager=True) == sentences


def test_a_text_without_an_end_is_cut_anyway() -> None:
    sentences = split("word " * 300)
    assert len(sentences) > 2 and all(len(sentence) <= 400 for sentence in sentences)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("**Sure**, I can *really* do `that`.", "Sure, I can do that."),
        ("# Times\n- Tuesday\n- Wednesday", "Times Tuesday Wednesday"),
        ("1. Tuesday", "Tuesday"),
        ("See [our page](https://example.com/x).", "See our page."),
        ("<b>Hello</b> there <break time='1s'/>", "Hello there"),
        ("Great 👍 😀!", "Great !"),
        ("*smiles* Hello [laughs] there", "Hello there"),
        ("a_b and __c__", "a_b and c"),
        ("> quoted", "quoted"),
    ],
)
def test_markup_is_taken_out(text: str, words: str) -> None:
    assert clean(text) == words


@given(st.text(alphabet="ab .!?\n,*", max_size=300), st.integers(1, 20))
def test_no_word_is_lost_or_doubled(text: str, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    plain = text.replace("*", "")
    if "*" not in text:
        assert "".join(split(*pieces)).replace(" ", "").replace("\n", "") in plain.replace(" ", "").replace("\n", "")
    words = [word for word in "".join(split(*pieces)) if word.isalpha()]
    assert len(words) <= sum(letter.isalpha() for letter in plain)
