"""Which of the script's objections a callee makes. The ids and what they mean come from the request alone. Pure."""

import re
from typing import Final

from rehearsal.openai.intents import normalise, vocabulary

# Words that stand for the same worry, so that "expensive" finds an objection called "price".
_WORRIES: Final[tuple[frozenset[str], ...]] = tuple(
    frozenset(words.split())
    for words in (
        "price cost costs expensive budget money afford cheap pricing pay",
        "time busy moment schedule minutes rush hectic",
        "provider supplier vendor already using current switch contract agency someone",
        "send information info brochure details website material",
        "number privacy data got list gdpr",
        "think consider decide later sure",
        "boss manager partner wife husband decision authority owner team",
        "trust scam fraud legit believe real heard",
        "interested interest need want relevant",
        "robot bot ai machine human",
        "works work explain does",
    )
)
_TRIGGERS: Final[tuple[tuple[int, re.Pattern[str]], ...]] = tuple(
    (index, re.compile(pattern))
    for index, pattern in (
        (0, r"\b(how much|costs?|expensive|price|pricing|budget|afford|money|what do you charge)\b"),
        (1, r"\b(no time|(don't|do not|haven't) (really )?(have|got)( the| any| much)? time"
            r"|(too|very|really|so|pretty) busy|i'm busy|time for this|in the middle of)\b"),
        (2, r"\b(already (have|use|using|work|got|with)|have (someone|somebody|a (provider|supplier|vendor|contract))"
            r"|current (provider|supplier|vendor)|happy with)\b"),
        (3, r"\b(send|email|e-mail|mail) (me|us|it|that|something|some|over|the)\b"),
        (4, r"\b(where|how) did you get (my|this|our)\b|\bmy data\b|\bgdpr\b|\bprivacy\b"),
        (5, r"\b(think about (it|this)|need to think|not sure)\b"),
        (6, r"\b(not (the )?(right|one|person)|my (boss|manager|partner|wife|husband)|i don't (decide|make))\b"),
        (7, r"\b(scam|fraud|never heard of|is this legit|don't trust)\b"),
        (8, r"\b(not (really )?interested|don't need|no interest)\b"),
    )
)  # fmt: skip
_WORDS_WITHOUT_WORRY: Final = 2
_COMMON: Final = frozenset(
    vocabulary(
        "the a an is it it's i you we they do does don't have has for to of and or in on at my me your this "
        "that what how not no are be with was can will would says said say asks asked callee they're he she "
        "them their there"
    )
)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z][a-z'-]+", normalise(text.replace("_", " ")))) - _COMMON


def matching(text: str, objections: dict[str, str]) -> str | None:
    """The id of the objection that the words make, or None. `objections` maps ids to what is said about them.

    Words of a known worry ("how much", "no time") find an objection by its name or description; without one, two
    words of the description have to be heard.
    """
    said = normalise(text)
    spoken = _words(text)
    worries = [index for index, pattern in _TRIGGERS if pattern.search(said)]
    best: tuple[float, str] | None = None
    for identifier, description in objections.items():
        name, known = _words(identifier), _words(description)
        if not worries and len(spoken & (known | name)) < _WORDS_WITHOUT_WORRY:
            continue
        score = len(spoken & known) / (len(known) or 1) + 2 * len(spoken & name)
        for worry in worries:
            score += 3 * bool(_WORRIES[worry] & name) + bool(_WORRIES[worry] & known)
        if (score >= 1 or not worries) and (best is None or score > best[0]):
            best = (score, identifier)
    return best[1] if best else None


def overlap(text: str, other: str) -> int:
    """How many words with a meaning two texts have in common."""
    return len(_words(text) & _words(other))


def makes_one(text: str) -> bool:
    """Whether the words are an objection of any known kind, whatever the script answers."""
    return any(pattern.search(normalise(text)) for _, pattern in _TRIGGERS)
