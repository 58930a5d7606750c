"""What a callee's words mean, by plain patterns over the text. Pure; the first that fits wins."""

import re
from enum import Enum
from typing import Final


class Intent(Enum):
    """One meaning of a callee's turn."""

    SILENCE = "said nothing"
    OPT_OUT = "asks never to be called again"
    WRONG_NUMBER = "is somebody else"
    SCREENING = "is a call screener that asks who calls"
    VOICEMAIL = "is a voicemail greeting"
    ROBOT = "asks whether a machine is calling"
    PERSON = "asks to be put through to a person"
    CALLBACK = "asks to be called another time"
    GATEKEEPER = "is somebody who answers for the callee"
    WHO = "asks who calls and why"
    ANOTHER_TIME = "wants other appointment times"
    NOT_INTERESTED = "is not interested"
    NOTHING_ELSE = "needs nothing else"
    GOODBYE = "says goodbye"
    IDENTITY = "confirms to be the person"
    YES = "agrees or shows interest"
    ASKS_TIMES = "asks for appointment times"
    NO = "says no"
    THANKS = "says thanks"
    QUESTION = "asks something else"
    BACKCHANNEL = "only shows to be listening"
    HELLO = "says hello"
    UNCLEAR = "says something else"


_PATTERNS: Final[tuple[tuple[Intent, re.Pattern[str]], ...]] = tuple(
    (intent, re.compile(pattern))
    for intent, pattern in (
        (
            Intent.OPT_OUT,
            r"\b(take|remove) (me|us|my (number|name)|this number) (off|from)|\bunsubscribe\b"
            r"|\b(don't|do not|never|stop|quit) (ever )?(call|calling|contact|contacting|ring|ringing|phoning)\b"
            r"(?! (me )?(back|later))|\bdo[- ]not[- ]call\b|\bno more calls\b|\boff your (call(ing)? )?list\b",
        ),
        (
            Intent.WRONG_NUMBER,
            r"\bwrong (number|person)\b|\b(nobody|no one|no-one|noone) (here )?(by|with|of) that name\b"
            r"|\b(doesn't|does not|don't|no longer) (work|live)s? here\b|\bthere('s| is) (nobody|no one)\b",
        ),
        (
            Intent.SCREENING,
            r"\b(record|state|say|give) your name\b|\breason for (your call|calling)\b.*\b(record|available|line)\b"
            r"|\bstay on the line\b|\bcall (assist|screening)\b|\bsee if (this person|they) ?(is|are|'re)? available\b",
        ),
        (
            Intent.VOICEMAIL,
            r"\bleave (me )?(a|your) (message|name)\b|\bafter the (tone|beep)\b|\bvoice ?mail\b|\bmailbox\b"
            r"|\b(can't|cannot|unable to) (come to|take your call|answer)\b",
        ),
        (
            Intent.ROBOT,
            r"\b(are you|is this|am i (talking|speaking) (to|with)) (a |an )?(real |actual )?"
            r"(robot|bot|machine|computer|ai|a\.i\.|human|person|recording|automated)\b",
        ),
        (
            Intent.PERSON,
            r"\b(put|patch|get) me (through|on|over)\b|\b(transfer|connect) me\b"
            r"|\b(talk|speak) (to|with) (an? )?(real |actual |live )?(person|human|somebody|someone|agent|colleague)\b",
        ),
        (
            Intent.CALLBACK,
            r"\bcall(ing)? (me |us |you )?back\b|\bcallback\b|\b(call|ring|phone|try)( me| us)? (again )?"
            r"(later|tomorrow|tonight|again|another|on|next|in (the|a|an|\w+ (minute|hour|second|day)))\b"
            r"|\b(another|a better) time\b(?!s)|\bbad (time|moment)\b",
        ),
        (
            Intent.GATEKEEPER,
            r"\b(in a meeting|not (in|available|at (his|her|their) desk|here) (right now|at the moment|today)"
            r"|out of (the )?office|on another (call|line))\b|\b(pass (it |that |this )?on|take a message"
            r"|let (him|her|them) know|tell (him|her|them))\b|\b(he|she|they)('s| is|'re| are) (not|out|busy|away)\b",
        ),
        (
            Intent.WHO,
            r"\b(who('s| is) (this|calling|that|it)|who are you|may i ask who|what('s| is) (this|it) "
            r"(about|regarding|in regard|concerning)|what company|where are you calling from|calling from where)\b",
        ),
        (
            Intent.ANOTHER_TIME,
            r"\b(neither|none of|something else|(any|an)?other (time|day|option|slot|appointment|date)s?"
            r"|different (time|day)|what else|(those|these|that|it|both|they) (don't|doesn't|do not|does not|won't) "
            r"work|can't (do|make) (that|those|it|either|any)|not (good|possible) for me)\b",
        ),
        (
            Intent.NOT_INTERESTED,
            r"\b(not|isn't|aren't|no longer) (really |very |at all )?interested\b|\bno interest\b"
            r"|\bno,? thank(s| you)\b|\b(i'm|we're|i am|we are) (good|all set|fine as)\b|"
            r"\b(don't|do not) (need|want) (it|this|that|any|to)\b"
            r"|\bnot for (me|us)\b",
        ),
        (
            Intent.NOTHING_ELSE,
            r"\b(that's|that is|that was|that'll be) (all|it|everything)\b|\bnothing (else|more)\b",
        ),
        (Intent.GOODBYE, r"\b(good ?bye|bye|see you|take care|talk (to you )?(then|soon|later|tomorrow))\b"),
        (
            Intent.IDENTITY,
            r"^(yes,? |yeah,? |yep,? )*(speaking|that's me|this is (she|he|\w+)( speaking)?|it's me|you (are|'re))"
            r"[.!,? ]*$",
        ),
        (
            Intent.ASKS_TIMES,
            r"\bwhen (could|can|would|shall|do|are)\b|\b(what|which|any|some|a) (other )?(times?|days?|slots?"
            r"|availability|openings?|appointments?)\b|\bgive me a time\b|\bbook\b|\bschedule\b"
            r"|\bset (something|it) up\b",
        ),
        (
            Intent.YES,
            r"\b(yes|yeah|yep|yup|sure|absolutely|certainly|definitely|of course|okay then|why not|go ahead"
            r"|please do|sounds (good|great|interesting|nice|fine)|that (would|could|might) (be|work)|i('d| would) "
            r"(like|love)|interested|tell me more|i have a (minute|moment|second)|works? (for me|fine|great)?"
            r"|perfect|great|alright|all right)\b|^(that's )?(correct|right)\b",
        ),
        (Intent.NO, r"^(no|nope|nah)\b|\bnot (now|really|today|at the moment)\b"),
        (Intent.THANKS, r"\b(thanks|thank you|cheers|appreciate)\b"),
        (
            Intent.HELLO,
            r"^((hello|hi|hey|good (morning|afternoon|evening))[?!., ]*)+(\w+ ?){0,4}[?!.]*$|\bhow can i help you\b",
        ),
        (Intent.QUESTION, r"\?|^(what|how|why|where|which|who|is|are|do|does|can|could)\b"),
        (Intent.BACKCHANNEL, r"^((mm+|uh|um|hm+|mhm|ok|okay|right|i see|go on|aha|uh-huh|mm-hm)[ ,.!-]*)+$"),
        (Intent.HELLO, r"\b(hello|hi|hey|good (morning|afternoon|evening))\b"),
    )
)


def vocabulary(words: str) -> tuple[str, ...]:
    """The words of a space-separated list."""
    return tuple(words.split())


def normalise(text: str) -> str:
    """Lower case, plain apostrophes, single spaces."""
    return " ".join(text.lower().replace("’", "'").replace("—", " ").split())


def understand(text: str) -> Intent:
    """The intent of one turn."""
    said = normalise(text)
    if not re.search(r"\w", said):
        return Intent.SILENCE
    return next((intent for intent, pattern in _PATTERNS if pattern.search(said)), Intent.UNCLEAR)


def has(text: str, intent: Intent) -> bool:
    """Whether the pattern of one intent is found, whatever else is."""
    said = normalise(text)
    return any(pattern.search(said) is not None for kind, pattern in _PATTERNS if kind is intent)
