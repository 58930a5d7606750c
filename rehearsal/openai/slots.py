"""Which of the offered appointment times a callee picks. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rehearsal.openai.intents import Intent, has, normalise, vocabulary

_ORDINALS: Final = (
    (re.compile(r"\b(first|former|earlier|earliest|sooner|option (a|one))\b"), 0),
    (re.compile(r"\b(second|latter|later|other one|option (b|two))\b"), 1),
    (re.compile(r"\b(third|option (c|three))\b"), 2),
    (re.compile(r"\b(last)\b"), -1),
    (re.compile(r"\b(either|any|both|whichever|doesn't matter|don't mind|up to you)\b"), 0),
)
_TIME_WORDS: Final = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:january|february|march|april|may|june|july|august|september"
    r"|october|november|december)\b|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirty"
    r"|fifteen|forty|twenty|noon|half|quarter)\b|\b(?:morning|afternoon|evening)\b|\b(?:tomorrow|today)\b"
    r"|\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|\w+teenth|twentieth"
    r"|thirtieth|twenty-\w+|thirty-first)\b|\b\d{1,2}(?::\d\d)?\b"
)
_PREFERENCE: Final = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:mornings?|afternoons?|evenings?|tomorrow|today|next week"
    r"|this week|week after|later|earlier|weekend|\d{1,2}(?::\d\d)? ?(?:am|pm)|noon|after|before)\b"
)
_DIGIT_WORDS: Final = {
    str(number): word
    for number, word in enumerate(vocabulary("one two three four five six seven eight nine ten eleven twelve"), start=1)
}


@dataclass(frozen=True, slots=True)
class Slot:
    """An offered time: its token and how it is spoken."""

    token: str
    spoken: str


def _times(text: str) -> set[str]:
    found: set[str] = set()
    for word in _TIME_WORDS.findall(normalise(text)):
        hour, _, minutes = word.partition(":")
        found.add(_DIGIT_WORDS.get(hour, hour))
        if minutes:
            found |= {"thirty"} if minutes == "30" else {"half"} if minutes == "00" else {minutes}
    return found


def picked(text: str, slots: Sequence[Slot]) -> Slot | None:
    """The slot that the words pick, or None when they pick none or could mean several."""
    if not slots or has(text, Intent.ANOTHER_TIME):
        return None
    said = normalise(text)
    named = _times(text)
    scores = [len(named & _times(slot.spoken)) for slot in slots]
    best = max(scores)
    if best and scores.count(best) == 1 and not _contradicts(named, slots[scores.index(best)]):
        return slots[scores.index(best)]
    for pattern, index in _ORDINALS:
        if pattern.search(said) and -len(slots) <= index < len(slots):
            return slots[index]
    if len(slots) == 1 and not named and has(text, Intent.YES):
        return slots[0]
    return None


def _contradicts(named: set[str], slot: Slot) -> bool:
    """ "Tuesday in the evening" does not pick "Tuesday at two in the afternoon"."""
    parts = {"morning", "afternoon", "evening"}
    spoken = _times(slot.spoken)
    days = {word for word in named if word.endswith("day") and word not in {"today"}}
    return bool(named & parts and spoken & parts and not named & parts & spoken) or bool(days and not days & spoken)


def preference(text: str) -> str | None:
    """The words themselves when they say which times would suit, else None."""
    return text.strip() if _PREFERENCE.search(normalise(text)) else None


def spoken_list(slots: Sequence[Slot]) -> str:
    """The slots in one breath: "X or Y"."""
    names = [slot.spoken.rstrip(".") for slot in slots]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
