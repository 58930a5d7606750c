"""A number or an e-mail address being spelled: whether one is asked for, goes on, or is whole. Pure.

People pause inside a number for longer than between sentences; a recogniser's end of turn cuts it in two.
"""

import re

from cadenza.domain import phrases
from cadenza.domain.spoken import email_from_speech

WHOLE_NUMBER_DIGITS = 10
"""Without country code, as numbers are told in North America; elsewhere the pause decides."""

_ASKS = re.compile(
    r"\b(?:e-?mail|address|phone number|mobile number|direct (?:line|number)"
    r"|number (?:may|can|should|shall|do) (?:i|we)|(?:best|your|which|what|right) number"
    r"|spell|zip ?code|post ?code|extension)\b"
)
_WORD = re.compile(r"\w+")
_DIGIT_WORDS = frozenset(_WORD.findall("oh zero one two three four five six seven eight nine double triple"))
_SIGNS = frozenset(_WORD.findall("at dot underscore dash hyphen plus period"))
_SPELLING = re.compile(r"\b\w (?:as in|for|like) \w+$")
_AT = re.compile(r"@|\bat\b")


def asks_for_details(text: str) -> bool:
    """The agent's words ask for something that is spelled."""
    question = phrases.plain(text.rstrip().rpartition(". ")[2])
    asks = "?" in text[-200:] and bool(_ASKS.search(question))
    return asks or bool(re.search(r"\bspell\b", question))


def is_dictating(text: str, *, asked: bool = False) -> bool:
    """The words so far end inside something that is being spelled. `asked`: the agent has just asked for it."""
    words = phrases.plain(text).split()
    if not words or is_whole(text):
        return False
    pieces = 0
    for word in reversed(words):
        if not _is_piece(word):
            break
        pieces += 1
    if pieces == 1 and words[-1] in _SIGNS:
        return asked
    return pieces >= (1 if asked else 3) or (asked and bool(_SPELLING.search(" ".join(words))))


def is_whole(text: str) -> bool:
    """An address with its domain, or as many digits as a number has."""
    if email_from_speech(text) is not None:
        return not re.search(r"\b(?:dot|\.)\s*$", text.lower())
    return not _AT.search(text) and _digits(text) >= WHOLE_NUMBER_DIGITS


def _is_piece(word: str) -> bool:
    """A digit group, a digit's word, a single letter or a sign. "I" and "a" are words as well: never alone."""
    return word.replace("-", "").isdigit() or word in _DIGIT_WORDS or word in _SIGNS or (len(word) == 1)


def _digits(text: str) -> int:
    count, factor = 0, 1
    for word in phrases.plain(text).split():
        if word in {"double", "triple"}:
            factor = 2 if word == "double" else 3
            continue
        digits = sum(letter.isdigit() for letter in word) or (word in _DIGIT_WORDS)
        count, factor = count + digits * factor, 1
    return count
