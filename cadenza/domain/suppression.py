"""Words and rules of suppressions: who may ask for one, who may lift which, and what a text message means."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cadenza.domain.phrases import is_opt_out, plain


class SuppressionSource(StrEnum):
    """How a number came to be suppressed."""

    CALL = "call"  # said in a call
    KEYPAD = "keypad"  # a key pressed in a call
    REPLY = "reply"  # a text message to our number
    API = "api"
    LIST = "list"  # an uploaded list
    ERASURE = "erasure"  # asked that their data be erased
    IMPORT = "import"  # written by earlier versions


class SuppressionAction(StrEnum):
    SUPPRESSED = "suppressed"
    LIFTED = "lifted"


class ReassignedWord(StrEnum):
    """The reassigned numbers database's answers: was the number given up after the date that was asked about?"""

    YES = "yes"
    NO = "no"
    NO_DATA = "no_data"


class ReplyMeaning(StrEnum):
    """What a text message asks for."""

    STOP = "stop"
    START = "start"
    NOTHING = "nothing"


_STOP = frozenset(
    {"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"}
)
_START = frozenset({"start", "unstop", "yes"})


def read_reply(body: str, opt_out_type: str = "") -> ReplyMeaning:
    """The meaning of a message: the carrier's own finding (`OptOutType`), its documented words, or plain speech.

    The words count only alone, as the carrier has it: "end" in a sentence asks for nothing.
    """
    if opt_out_type.upper() in {"STOP", "START"}:
        return ReplyMeaning[opt_out_type.upper()]
    words = plain(body)
    if words in _STOP or is_opt_out(body):
        return ReplyMeaning.STOP
    return ReplyMeaning.START if words in _START else ReplyMeaning.NOTHING


def lifted_by_reply(sources: Collection[str]) -> bool:
    """Whether START lifts what these sources asked for: only what was asked for by reply and in no other way."""
    return set(sources) == {SuppressionSource.REPLY}


@dataclass(frozen=True, slots=True)
class DatedAnswer:
    """`word` to: was the number given up after `asked_about`, as known on `checked_on`?"""

    asked_about: date
    checked_on: date
    word: ReassignedWord


def reassigned_on(answers: Iterable[DatedAnswer]) -> date | None:
    """The last day on which the number may have gone to somebody else: consents given before it prove nothing.

    A "yes" places the change between the two dates, and a "no" rules a stretch out. The latest "yes" counts.
    """
    known = list(answers)
    latest = max((one.checked_on for one in known if one.word is ReassignedWord.YES), default=None)
    if latest is None:
        return None
    ruled_out = sorted(
        (one for one in known if one.word is ReassignedWord.NO), key=lambda one: one.asked_about, reverse=True
    )
    for no in ruled_out:
        if no.asked_about < latest <= no.checked_on:
            latest = no.asked_about
    return latest
