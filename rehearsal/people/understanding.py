"""What a person makes of the agent's words: one meaning for each turn, by plain patterns.

The patterns read words as they were spoken, so they work with and without punctuation and capitals.
"""

import re
from enum import Enum


class Meaning(Enum):
    """What the agent wants, as a person would take it; the first that fits in this order."""

    BOOKED = "says that an appointment is booked"
    ANYTHING_ELSE = "asks whether there is anything else"
    ASKS_EMAIL = "asks for an e-mail address"
    ASKS_WHEN_TO_CALL = "asks when to call again"
    PROMISES_CALLBACK = "promises to call again"
    OFFERS_TIMES = "offers one or more times"
    GOODBYE = "says goodbye"
    ASKS_TO_CONFIRM = "asks for a yes"
    ASKS_NAME = "asks who is speaking"
    WAIT = "asks to wait a moment"
    ASKS_AGAIN = "did not hear the last words"
    QUESTION = "asks something else"
    STATEMENT = "says something that needs no answer"


_BOOKED = re.compile(
    r"\byou(?:'re| are) (?:all |now )*(?:booked|set|confirmed)\b"
    r"|\bi(?:'ve| have) (?:now )?(?:booked|scheduled) (?:you|it|that|us)\b"
    r"|\b(?:appointment|meeting|call|it|that)(?:'s| is| has been) (?:now )?(?:booked|confirmed|scheduled)\b"
)
_NOT_BOOKED = re.compile(
    r"\b(?:not|n't|once|when|until|before|if|as soon as)\b[^.?!]{0,40}\b(?:booked|set|confirmed|scheduled)\b"
)
_ANYTHING_ELSE = re.compile(r"\banything else\b")
_EMAIL = re.compile(r"\be-? ?mail\b")
_CALLBACK = re.compile(r"\b(?:i'll|i will|we'll|we will|i'm going to) (?:call|ring|phone|try)\b")
_WHEN_TO_CALL = re.compile(
    r"\b(?:when|what time|which time|which other time)\b[^.?!]{0,40}\b(?:call|ring|phone|reach|suit)\b"
    r"|\bbetter time\b"
)
_DAY = re.compile(
    r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|today"
    r"|january|february|march|april|may|june|july|august|september|october|november|december)\b"
)
_WEEKDAY = re.compile(r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|today)\b")
_TIME_OF_DAY = re.compile(
    r"\b(?:morning|afternoon|evening|noon|o'clock|a\.?m\.?|p\.?m\.?|thirty|fifteen|forty[- ]five|\d{1,2}:\d\d)\b"
)
_GOODBYE = re.compile(r"\b(?:good ?bye|bye|take care|have a (?:great|good|nice|lovely|wonderful))\b")
_CONFIRM = re.compile(
    r"\b(?:shall i|should i|does that|does this|would that|will that|is that (?:right|correct|ok|okay|all right)"
    r"|sound good|sounds good|okay with you|all right with you|can i (?:book|confirm)|do you confirm)\b"
)
_NAME = re.compile(r"\b(?:am i (?:speaking|talking) (?:with|to)|is this|are you|may i (?:speak|talk)|is that you)\b")
_WAIT = re.compile(
    r"\b(?:one moment|just a moment|one second|just a second|a second|let me (?:check|see|look)|bear with me)\b"
)
_AGAIN = re.compile(r"\b(?:say (?:it|that) again|repeat that)\b")
_QUESTION = re.compile(
    r"\?|\b(?:do you|would you|could you|can you|can i|may i|are you|is it|have you|what|which|when|how about"
    r"|how does|who|would it|is now|did you)\b"
)


def understand(text: str) -> Meaning:
    """The meaning of one turn of the agent."""
    said = text.lower().replace("’", "'")
    if _BOOKED.search(said) and not _NOT_BOOKED.search(said):
        return Meaning.BOOKED
    if _ANYTHING_ELSE.search(said):
        return Meaning.ANYTHING_ELSE
    if _AGAIN.search(said):
        return Meaning.ASKS_AGAIN
    question = bool(_QUESTION.search(said) or _CONFIRM.search(said))
    if _EMAIL.search(said) and question:
        return Meaning.ASKS_EMAIL
    if _WHEN_TO_CALL.search(said) and not _TIME_OF_DAY.search(said):
        return Meaning.ASKS_WHEN_TO_CALL
    if _CALLBACK.search(said):
        return Meaning.PROMISES_CALLBACK
    if _DAY.search(said) and _TIME_OF_DAY.search(said) and (question or " or " in said):
        return Meaning.OFFERS_TIMES
    if _GOODBYE.search(said) and "?" not in said:
        return Meaning.GOODBYE
    for pattern, meaning in (
        (_CONFIRM, Meaning.ASKS_TO_CONFIRM),
        (_NAME, Meaning.ASKS_NAME),
        (_WAIT, Meaning.WAIT),
        (_QUESTION, Meaning.QUESTION),
    ):
        if pattern.search(said):
            return meaning
    return Meaning.STATEMENT


def offered_days(text: str) -> list[str]:
    """The weekdays of the appointment times that the turn names, one for each time, in lower case."""
    return _WEEKDAY.findall(text.lower())
