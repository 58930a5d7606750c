"""Promises that nobody approved, by rule: sums, shares, spans and guarantees that no approved text holds. Pure.

A rule sees only what has a shape; what a promise is besides, a model judges after the call. Neither overrules the
other: a person looks at what either flags.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cadenza.domain import phrases

_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?=\d)[^.!?]*)*[.!?]*")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_SMALL = {
    word: value
    for value, word in enumerate(
        re.findall(
            r"\w+",
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen",
        )
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
}
_SCALES = {"thousand": 1000, "million": 1_000_000}
_UNITS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("dollar", "dollars", "buck", "bucks", "$", "usd", "cad", "aud"), ("sum", "dollars")),
    **dict.fromkeys(("euro", "euros", "€", "eur"), ("sum", "euros")),
    **dict.fromkeys(("pound", "pounds", "£", "gbp"), ("sum", "pounds")),
    **dict.fromkeys(("cent", "cents", "penny", "pence"), ("sum", "cents")),
    **dict.fromkeys(("percent", "%"), ("share", "percent")),
    **dict.fromkeys(("day", "days"), ("span", "days")),
    **dict.fromkeys(("week", "weeks"), ("span", "weeks")),
    **dict.fromkeys(("month", "months"), ("span", "months")),
    **dict.fromkeys(("year", "years"), ("span", "years")),
}
_FRACTIONS = {"half": 50, "third": 33, "quarter": 25}
_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("free of charge", r"\bfree\b(?! to\b)|\b(?:no|without any|zero) (?:cost|charge|fee)s?\b"
         r"|\bcosts? (?:you )?nothing\b|\bon the house\b"),
        ("a guarantee", r"\bguarantee[ds]?\b|\bguaranteed\b"),
        ("a warranty", r"\bwarrant(?:y|ies)\b"),
        ("a discount", r"\bdiscount(?:s|ed)?\b|\bspecial (?:price|rate|offer)\b|\bhalf (?:the )?price\b|\bmoney off\b"),
        ("a refund", r"\brefund(?:s|ed)?\b|\bmoney[ -]back\b"),
        ("a promise", r"\b(?:i|we) promise\b|\byou have my word\b"),
        ("no risk", r"\brisk[ -]free\b|\bno risk\b|\bno obligation\b|\bcancel (?:at )?any ?time\b"),
        ("for life", r"\blifetime\b|\bfor life\b|\bfor ?ever\b"),
        ("a legal or tax claim", r"\btax (?:credit|deduct\w+|break|free)\b|\bgovernment (?:grant|pays|program\w*)\b"),
    )
)  # fmt: skip
_NEGATED = re.compile(r"\b(?:no|not|never|cannot|can't|won't|don't|doesn't|isn't|without)(?: \w+){0,3}$")
_ABOUT_A_CALL = re.compile(r"\b(?:call|ring|phone) (?:you|back)\b|\bbooked for\b|\bi have (?:\w+day)\b")


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that binds us, if the agent says it."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Promise:
    """A sentence of the agent with the claim in it that no approved text holds."""

    quote: str
    why: str


def unapproved(said: Iterable[str], approved: Iterable[str]) -> list[Promise]:
    """Sentences with claims that are in none of the approved texts; one entry a sentence."""
    allowed = {claim for text in approved for claim in claims(text)}
    found: dict[str, Promise] = {}
    for text in said:
        for sentence in _sentences(text):
            if _ABOUT_A_CALL.search(phrases.plain(sentence)):
                continue
            missing = [claim.what for claim in claims(sentence) if claim not in allowed]
            if missing:
                found.setdefault(sentence, Promise(sentence, f"not among the approved claims: {', '.join(missing)}"))
    return list(found.values())


def claims(text: str) -> list[Claim]:
    """What the text claims, in order, without repeats; what it denies is no claim."""
    said = phrases.plain(text)
    made = [Claim("word", name) for name, pattern in _WORDS if _is_claimed(pattern, said)]
    made += [Claim(kind, f"{amount:g} {unit}") for kind, amount, unit in _amounts(text)]
    return list(dict.fromkeys(made))


def _is_claimed(pattern: re.Pattern[str], said: str) -> bool:
    return any(not _NEGATED.search(said[: found.start()].rstrip()) for found in pattern.finditer(said))


def _sentences(text: str) -> Iterator[str]:
    for found in _SENTENCE.finditer(text):
        if sentence := found.group().strip():
            yield sentence


def _amounts(text: str) -> Iterator[tuple[str, float, str]]:
    """Every number with a unit, as digits or as words."""
    words = _words(text)
    for place, word in enumerate(words):
        if word in _UNITS and word not in "$€£" and (amount := _number_before(words, place)) is not None:
            kind, unit = _UNITS[word]
            yield kind, amount, unit
        elif word in {"$", "€", "£"} and place + 1 < len(words) and _NUMBER.fullmatch(words[place + 1]):
            kind, unit = _UNITS[word]
            yield kind, _value(words[place + 1]), unit
        elif word in _FRACTIONS and place and words[place - 1] in {"by", "a", "save", "in"} and "save" in words[:place]:
            yield "share", float(_FRACTIONS[word]), "percent"


def _words(text: str) -> list[str]:
    return re.findall(r"\d[\d,]*(?:\.\d+)?|[a-z']+|[$€£%]", text.lower().replace("-", " ").replace("’", "'"))


def _number_before(words: Sequence[str], place: int) -> float | None:
    begin = place
    while begin and (_is_number(words[begin - 1]) or (words[begin - 1] == "and" and begin < place)):
        begin -= 1
    spoken = [word for word in words[begin:place] if word != "and"]
    return _spoken(spoken) if spoken else None


def _is_number(word: str) -> bool:
    return word in _SMALL or word in _TENS or word in _SCALES or word == "hundred" or bool(_NUMBER.fullmatch(word))


def _spoken(words: Sequence[str]) -> float:
    total = current = 0.0
    for word in words:
        if word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
        else:
            current += _SMALL.get(word, _TENS.get(word, 0)) or (_value(word) if word[0].isdigit() else 0)
    return total + current


def _value(word: str) -> float:
    return float(word.replace(",", ""))
