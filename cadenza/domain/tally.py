"""How an ended attempt counts for the circuit breakers. Pure; decided once, when its outcome is recorded."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cadenza.domain.outcomes import REACHED_NOBODY, AnsweredBy, AttemptOutcome
from cadenza.domain.reporting import HUMAN

ABANDONED_AFTER = timedelta(seconds=2)
"""A person who answered and heard nothing for so long was abandoned (16 CFR 310.4(b)(4), counted more strictly: from
the answer, not from the end of the person's greeting)."""


class Tally(StrEnum):
    """What an attempt counts as. An attempt that rang nobody through no fault of the carrier's counts as nothing."""

    CARRIER_FAULT = "carrier_fault"  # the carrier could not be reached, or could not connect the call
    NO_PERSON = "no_person"  # the carrier did its work; no person was on the line
    PERSON = "person"  # a person answered and heard the agent in time, or left before that time was over
    ABANDONED = "abandoned"  # a person answered and heard nothing in time


ANSWERED_BY_PERSON = (Tally.PERSON, Tally.ABANDONED)

_NO_PERSON = frozenset({AttemptOutcome.MACHINE, AttemptOutcome.VOICEMAIL_LEFT, AttemptOutcome.SCREENED})
_BROKE_OFF = frozenset({AttemptOutcome.UNKNOWN, AttemptOutcome.FAILED})
"""After an answer: our side failed, and whoever answered is taken for a person unless it was found to be a machine."""


@dataclass(frozen=True)
class EndedAttempt:
    """What is known of an attempt at its end. Instants are the database's clock where it has them.

    `answered_at` is the arrival of the carrier's answer webhook, or the carrier's own time where that never came.
    `agent_heard` may be true without an instant: the words were proven heard, the first sound was not.
    """

    outcome: AttemptOutcome
    ended_at: datetime
    answered_at: datetime | None = None
    answered_by: AnsweredBy | None = None
    agent_heard_at: datetime | None = None
    agent_heard: bool = False


def tally_of(attempt: EndedAttempt) -> Tally | None:
    """What the attempt counts as; None: nothing."""
    if attempt.outcome in REACHED_NOBODY:
        return None
    if attempt.answered_at is None and attempt.outcome in _BROKE_OFF:
        return Tally.CARRIER_FAULT
    if not _is_person(attempt):
        return Tally.NO_PERSON
    return Tally.ABANDONED if _was_abandoned(attempt) else Tally.PERSON


def _is_person(attempt: EndedAttempt) -> bool:
    if attempt.outcome in HUMAN:
        return True
    if attempt.outcome in _NO_PERSON or attempt.answered_at is None:
        return False
    if attempt.outcome in _BROKE_OFF:
        found = attempt.answered_by
        return found is None or not (found.is_machine or found is AnsweredBy.SCREENING)
    return attempt.answered_by is AnsweredBy.HUMAN


def _was_abandoned(attempt: EndedAttempt) -> bool:
    if attempt.answered_at is None or (attempt.agent_heard and attempt.agent_heard_at is None):
        return False
    until = attempt.agent_heard_at or attempt.ended_at
    return until - attempt.answered_at > ABANDONED_AFTER
