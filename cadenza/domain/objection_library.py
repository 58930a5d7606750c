"""Which approved answer a callee's words ask for, by the script's own phrases: microseconds, no model. Pure.

Kept narrow: what is not clearly one objection and nothing else goes to the model, which has the same answers as a tool.
"""

import re
from collections.abc import Collection, Sequence

from cadenza.domain import phrases
from cadenza.domain.script import Objection

_MOST_OTHER_WORDS = 3
_CLAUSE = re.compile(r"[.,;:!?—–]+|\s-\s|\bbut\b|\bbecause\b")
_WORD = re.compile(r"\S+")
_NEGATIONS = frozenset(
    _WORD.findall(
        "no not don't dont doesn't didn't haven't hasn't isn't aren't wasn't can't cannot won't wouldn't never without"
    )
)
_SMALL = frozenset(
    _WORD.findall(
        """
        a an the i i'm i've i'll im me my mine we we're we've our us you you're you've your it it's its that that's
        this these those he she they them is am are was were be been do does did have has had having got get to of for
        in on at and or so well oh ah um uh er erm hm really just very too quite rather bit little kind sort like
        honestly actually right now there here any some much many all what what's how who where why which would could
        can will should sorry thanks thank please yes yeah yep okay ok sure look listen see think guess sounds sound
        seems with from as if then
        """
    )
)
_ABOUT_ANOTHER_TIME = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:today|tonight|tomorrow|morning|afternoon|evening|noon|week|month"
    r"|later|until|o'clock|am|pm|call (?:me )?(?:back|again)|back)\b|\d"
)


class ObjectionLibrary:
    """The objections of one script, ready to be found. `phrases` of an objection are what it is found by."""

    def __init__(self, objections: Sequence[Objection]) -> None:
        self._by_word: dict[str, list[tuple[frozenset[str], Objection]]] = {}
        self._literal: list[tuple[str, Objection]] = []  # phrases of small words alone, such as "how much"
        for objection in objections:
            for phrase in objection.phrases:
                if words := _content(phrase):
                    for word in words:
                        self._by_word.setdefault(word, []).append((words, objection))
                elif plain := phrases.plain(phrase):
                    self._literal.append((f" {plain} ", objection))

    def find(self, said: str, answered: Collection[str] = ()) -> Objection | None:
        """The one objection that `said` makes; None if it makes none, several, one answered before, or says more."""
        plain = f" {phrases.plain(said)} "
        if phrases.is_goodbye(said) or _ABOUT_ANOTHER_TIME.search(plain):
            return None
        words = _content(said)
        found = {objection.id: objection for literal, objection in self._literal if literal in plain}
        covered: frozenset[str] = frozenset()
        for word in words:
            for wording, objection in self._by_word.get(word, ()):
                if wording <= words:
                    found[objection.id] = objection
                    covered |= wording
        others = len(words - covered)
        if len(found) != 1 or others > min(_MOST_OTHER_WORDS, max(1, len(covered))):
            return None
        (objection,) = found.values()
        return None if objection.id in answered else objection


def _content(text: str) -> frozenset[str]:
    """The words that carry meaning; one that is negated in its clause is another word."""
    words: set[str] = set()
    for clause in _CLAUSE.split(text.lower().replace("’", "'")):
        negated = ""
        for word in phrases.plain(clause).split():
            if word in _NEGATIONS:
                negated = "not "
            elif word not in _SMALL:
                words.add(negated + _stem(word))
                negated = ""
    return frozenset(words)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
