"""What a callee's words mean where it must not be left to a model: opting out, holding on, machines, screening.

Patterns work on words as a recogniser writes them, with or without capitals and punctuation. A pattern that ends
or suppresses something is kept narrow: calling a person a machine abandons somebody who answered.
"""

import re

_SPACES = re.compile(r"\s+")
_PUNCTUATION = re.compile(r"[^\w\s'-]")


def plain(text: str) -> str:
    """Lower case, straight apostrophes, no punctuation, single spaces."""
    lowered = text.lower().replace("’", "'")
    return _SPACES.sub(" ", _PUNCTUATION.sub(" ", lowered)).strip()


def word_count(text: str) -> int:
    return len(plain(text).split())


# --- Never call again ------------------------------------------------------------------------------------------------

_OPT_OUT = re.compile(
    r"\b(?:take|remove|delete|get|strike|cross) (?:me|us|my (?:name|number)|this (?:number|phone)|our number)"
    r"(?: \w+){0,2} (?:off|from|out of)\b"
    r"|\b(?:do not|don't|dont|never|not to) (?:ever )?(?:call|phone|ring|contact|bother) "
    r"(?:me|us|here|this number|my (?:number|phone|house|home|office))\b"
    r"(?! (?:until|till|before|today|tonight|this|now|right now|in the|at|on|after|yet|back (?:until|before|today))\b)"
    r"|\b(?:do not|don't|dont|never) (?:call|phone|ring|contact)(?: \w+){0,2} (?:again|any ?more|ever)\b"
    r"|\bstop (?:calling|phoning|ringing|contacting|bothering|harassing)\b(?! (?:it|him|her|them)\b)"
    r"|\b(?:do not|don't|dont) want (?:any more |these |your |to (?:get|receive) )+(?:calls?|phone calls?)\b"
    r"|\b(?:do not|don't) want (?:you )?to (?:be (?:called|contacted)|(?:call|contact) me)\b"
    r"|\b(?:opt|opting) (?:me )?out\b"
    r"|\bno more (?:\w+ )?calls\b"
    r"|\bunsubscribe\b"
    r"|\b(?:on|to) (?:the|your) do not call (?:list|registry|register)\b"
    r"|\bdo[- ]not[- ]call (?:list|registry|register)\b"
    r"|\blose (?:my|this) number\b"
    r"|\bleave (?:me|us) alone\b"
)
_NOT_AN_OPT_OUT = re.compile(r"\b(?:am i|are you|is it|are we) on (?:the|a|your) do not call\b")


def is_opt_out(text: str) -> bool:
    """Asks never to be called again, in any of the usual wordings."""
    said = plain(text)
    return bool(_OPT_OUT.search(said)) and not _NOT_AN_OPT_OUT.search(said)


# --- While the agent speaks ------------------------------------------------------------------------------------------

_BACK_CHANNEL_WORDS = (
    r"(?:m+-?h+m+|m+|h+m+|uh-?huh|uh huh|mm hm|mhm|aha|ah|oh|uh|um|er|erm|yeah|yep|yup|yes|ya|right|ok|okay|sure|"
    r"i see|got it|gotcha|alright|all right|cool|great|good|fine|true|exactly|of course|go on|go ahead)"
)
_BACK_CHANNEL = re.compile(rf"{_BACK_CHANNEL_WORDS}(?: {_BACK_CHANNEL_WORDS}){{0,2}}")
_STOP = re.compile(r"(?:stop|wait|no|hang on|hold on|hold up|excuse me|sorry to interrupt)\b")
_NOT_A_STOP = re.compile(r"no (?:problem|worries|bother)\b|no ?one\b")
_GREETING = re.compile(
    r"(?:(?:hello|hi|hey|hiya|yes|yeah|yep|good (?:morning|afternoon|evening)|speaking|"
    r"(?:yes )?(?:this|it) is (?:he|she|him|her|me)|\w+ speaking|\w+ here)(?: there)?\b ?){1,3}"
)


def is_back_channel(text: str) -> bool:
    """Only says "I am listening" (mm-hm, yeah, right): no reason for the agent to stop. Empty text counts."""
    said = plain(text)
    return not said or bool(_BACK_CHANNEL.fullmatch(said))


_ASSENT = re.compile(
    rf"(?:{_BACK_CHANNEL_WORDS}|thanks|thank you|thanks a lot|thank you (?:so|very) much|please|yes please|perfect|"
    r"lovely|brilliant|wonderful|that's (?:fine|great|good|kind|perfect)|do that|no (?:problem|worries)|much|very|"
    r"appreciate it|i'll (?:wait|hold))"
)


def is_assent(text: str) -> bool:
    """Only agrees or thanks: no reason to stop what the agent is about to do for the callee. Empty text counts."""
    said = plain(text)
    return not said or bool(re.fullmatch(rf"{_ASSENT.pattern}(?: {_ASSENT.pattern}){{0,3}}", said))


def is_stop_word(text: str) -> bool:
    """Begins with a word that asks the agent to stop at once."""
    said = plain(text)
    return bool(_STOP.match(said)) and not _NOT_A_STOP.match(said)


def is_greeting(text: str) -> bool:
    """Only a hello, as people say it when they pick up: no answer to what the agent is saying."""
    return bool(_GREETING.fullmatch(plain(text)))


# --- Turns that need no model ----------------------------------------------------------------------------------------

_HOLD_CORE = (
    r"(?:(?:can|could|would) you (?:please )?)?"
    r"(?:hold on|hang on|hold the line|please hold|hold please|bear with me|wait|give me|let me get)"
    r"(?: (?:please|for me|there|here))*"
    r"(?: (?:(?:just )?(?:a|one|two|half a) (?:second|sec|moment|minute|min|mo|tick|seconds|minutes)"
    r"|for a (?:second|moment)))?"
)
_HOLD_SHORT = r"(?:just )?(?:a|one|half a) (?:second|sec|moment|minute|min|mo|tick)"
_HOLD = re.compile(
    rf"(?:(?:oh|ok|okay|sorry|um|uh|yeah|yes|ah|please|actually) )*(?:{_HOLD_CORE}|{_HOLD_SHORT})"
    r"(?: (?:please|thanks|thank you|ok|okay|sorry|i'll be right back|someone's at the door|let me \w+(?: \w+){0,4}))*"
)
_ROBOT = re.compile(
    r"\b(?:are|is|am) (?:you|this|it|i) (?:\w+ ){0,3}?"
    r"(?:robot|a bot|bot|machine|computer|human|a i|ai|artificial|automated|recording|real person|a person|real)\b"
    r"|\b(?:am i|i'm) (?:talking|speaking) (?:to|with) (?:a |an )?(?:\w+ )?"
    r"(?:robot|bot|machine|computer|human|ai|person|recording)\b"
)
_GOODBYE = re.compile(
    r"\b(?:good ?bye|bye(?: ?bye)?|have a (?:good|great|nice|lovely|wonderful)|take care|see you|cheers)\b"
)


def asks_to_hold(text: str) -> bool:
    """The whole turn asks for a moment ("hold on a second"), and nothing else."""
    return bool(_HOLD.fullmatch(plain(text)))


def asks_if_robot(text: str) -> bool:
    """Wants to know whether a person or a machine is calling."""
    return bool(_ROBOT.search(plain(text)))


def is_goodbye(text: str) -> bool:
    """Takes leave, and asks nothing."""
    return bool(_GOODBYE.search(plain(text))) and "?" not in text


# --- Who or what picked up -------------------------------------------------------------------------------------------

_VOICEMAIL = re.compile(
    r"\b(?:leave|record)(?: \w+){0,4} (?:message|number)\b(?!\w* (?:for (?:him|her|them)|with me))"
    r"|\b(?:after|at|following) the (?:tone|beep|sound of the tone)\b"
    r"|\b(?:reached|got through to) (?:the )?(?:\w+ ){0,4}(?:voice ?mail|mailbox|answering machine|answer phone)\b"
    r"|\bvoice ?mail(?:box)? (?:of|for|is|has)\b|\bmy voice ?mail\b"
    r"|\bforwarded to (?:an? )?(?:automated |automatic )?voice\b"
    r"|\bautomat(?:ed|ic) voice (?:messaging|message|mail)\b"
    r"|\b(?:sorry )?i(?:'m| am)? (?:sorry i )?(?:missed|can't take|cannot take|unable to take) your call\b"
    r"|\bsorry i missed you\b"
    r"|\b(?:can't|cannot|unable to|not able to) (?:take|answer|get to) (?:your|the) (?:call|phone)\b"
    r"|\bnot available to (?:take|answer) (?:your|the) call\b"
    r"|\b(?:mailbox|voice ?mail) (?:is full|is not set up|has not been set up|cannot accept)\b"
    r"|\bperson (?:you are|you're|you have) (?:calling|called|trying to reach|dialed) (?:is|cannot|can't)\b"
    r"|\bsubscriber you (?:have|are) (?:dialed|dialled|calling|called)\b"
    r"|\b(?:get|call|ring) (?:back to you|you back) as soon as\b"
    r"|\bplease leave (?:your|a|me|us)\b"
)
_SCREENING = re.compile(
    r"\brecord (?:me )?your name and (?:the )?reason\b"
    r"|\b(?:say|state|tell me|give) your name and (?:the |your )?(?:reason|why|purpose)\b"
    r"|\bsee if this person is available\b"
    r"|\b(?:call assist|call screen(?:ing)?|screening service|screening this call|screening assistant)\b"
    r"|\bperson you(?:'re| are) (?:calling|trying to reach) is using\b"
    r"|\bname and (?:the )?reason for (?:your )?call(?:ing)?\b"
)
_SCREENING_HOLDS = re.compile(
    r"\b(?:stay on the line|please (?:hold|wait)|one moment|hold the line|(?:i'll|let me) (?:see|check) if|"
    r"connecting|trying to (?:reach|connect)|thanks? (?:you )?(?:for|please))\b"
)


_LIVE_OFFER = re.compile(
    r"\b(?:would you like|do you want|you want|did you want|wish|like)(?: \w+){0,2} to (?:leave|take|record)\b"
    r"|\b(?:can|could|may|shall|should) (?:i|you|we) (?:\w+ )?(?:take|leave|give)\b"
)


def is_voicemail_greeting(text: str) -> bool:
    """A mailbox's or a network's announcement. Ask only in the first moments of a call.

    A person who offers to take a message is none.
    """
    said = plain(text)
    return bool(_VOICEMAIL.search(said)) and not _LIVE_OFFER.search(said)


def is_call_screening(text: str) -> bool:
    """A screening assistant that asks who is calling and why."""
    return bool(_SCREENING.search(plain(text)))


def is_screening_hold(text: str) -> bool:
    """What a screening assistant says after the answer ("please stay on the line"): wants no reply."""
    said = plain(text)
    return bool(_SCREENING_HOLDS.search(said)) or said in {"thanks", "thank you"}
