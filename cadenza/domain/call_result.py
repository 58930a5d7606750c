"""How one attempt ended: from facts to one outcome and a reason. Pure; the order of the rules is the meaning."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cadenza.domain.call_facts import CallFacts
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus

NUMBER_DOES_NOT_EXIST = frozenset({404, 410, 484, 604})
"""SIP answers for a number that cannot be reached by anybody (not found, gone, incomplete, exists nowhere)."""


class Submission(StrEnum):
    """What became of the one POST to the carrier."""

    PLACED = "placed"  # the carrier has the call
    REFUSED = "refused"  # a gate said no: nothing was sent
    LAPSED = "lapsed"  # the lease ran out: nothing was sent
    LAPSED_IN_SQL = "lapsed_in_sql"  # the dialer took the reservation back and has already planned the next one
    BAD_NUMBER = "bad_number"  # the carrier says that the number cannot be called
    NOT_TAKEN = "not_taken"  # the carrier refused for reasons that are not the number's: nobody was rung
    FAULT = "fault"  # the carrier refused in a way that may pass
    NOT_FOUND = "not_found"  # in doubt, and then the carrier did not have it
    UNKNOWN = "unknown"  # in doubt, and the carrier could not be asked


@dataclass(frozen=True)
class CallResult:
    """An attempt's end. `reason` is for people and holds no personal data."""

    outcome: AttemptOutcome
    reason: str
    callback_at: datetime | None = None


_UNPLACED: dict[Submission, tuple[AttemptOutcome, str]] = {
    Submission.REFUSED: (AttemptOutcome.REFUSED, "a rule said no before the call was placed"),
    Submission.LAPSED: (AttemptOutcome.LAPSED, "the admission came too late"),
    Submission.LAPSED_IN_SQL: (AttemptOutcome.LAPSED, "the admission was not used in time"),
    Submission.BAD_NUMBER: (AttemptOutcome.INVALID_NUMBER, "the carrier cannot call this number"),
    Submission.NOT_TAKEN: (AttemptOutcome.REFUSED, "the carrier did not take the call"),
    Submission.FAULT: (AttemptOutcome.FAILED, "the carrier refused the call"),
    Submission.NOT_FOUND: (AttemptOutcome.FAILED, "the carrier never got the call"),
    Submission.UNKNOWN: (AttemptOutcome.UNKNOWN, "the carrier could not be asked whether the call took place"),
}


def result_of_unplaced(submission: Submission, reason: str = "") -> CallResult:
    """The result of an attempt that never became a call."""
    outcome, why = _UNPLACED[submission]
    return CallResult(outcome, reason or why)


def classify(facts: CallFacts) -> CallResult:
    """The result of a call from all that was said about it, in whatever order it was said."""
    if facts.opted_out or facts.word is AttemptOutcome.OPTED_OUT:
        return CallResult(AttemptOutcome.OPTED_OUT, "asked never to be called again")
    if facts.booked:
        return CallResult(AttemptOutcome.BOOKED, "an appointment was booked")
    if facts.voicemail_played and facts.word not in _PERSON_SPOKE:
        return CallResult(AttemptOutcome.VOICEMAIL_LEFT, "the message was played to its end")
    if facts.word in _FINAL_WORDS:
        return CallResult(facts.word, facts.word_reason or _words(facts.word))
    if facts.callback_at is not None:
        return CallResult(AttemptOutcome.CALLBACK_PROMISED, "a callback was promised", facts.callback_at)
    if facts.word in _OTHER_WORDS:
        return CallResult(facts.word, facts.word_reason or _words(facts.word))
    return _by_status(facts)


_FINAL_WORDS = frozenset(
    {
        AttemptOutcome.BOOKED,
        AttemptOutcome.TRANSFERRED,
        AttemptOutcome.WRONG_NUMBER,
        AttemptOutcome.NOT_INTERESTED,
        AttemptOutcome.INTERESTED,
    }
)
"""Words of the bridge that stand even where a callback had been promised earlier in the call."""

_OTHER_WORDS = frozenset(
    {
        AttemptOutcome.GATEKEEPER,
        AttemptOutcome.HUNG_UP,
        AttemptOutcome.SILENT,
        AttemptOutcome.SCREENED,
        AttemptOutcome.MACHINE,
    }
)

_PERSON_SPOKE = _FINAL_WORDS | {AttemptOutcome.CALLBACK_PROMISED, AttemptOutcome.GATEKEEPER}


def _by_status(facts: CallFacts) -> CallResult:
    """Without the bridge's word, what the carrier said about the line decides."""
    match facts.status:
        case CallStatus.BUSY:
            return CallResult(AttemptOutcome.BUSY, "the line was busy")
        case CallStatus.NO_ANSWER:
            return CallResult(AttemptOutcome.NO_ANSWER, "nobody answered")
        case CallStatus.FAILED if facts.sip_code in NUMBER_DOES_NOT_EXIST:
            return CallResult(AttemptOutcome.INVALID_NUMBER, f"the number is not in service (SIP {facts.sip_code})")
        case CallStatus.FAILED:
            return CallResult(AttemptOutcome.FAILED, f"the carrier could not connect the call (SIP {facts.sip_code})")
        case CallStatus.CANCELED if facts.rang:
            return CallResult(AttemptOutcome.NO_ANSWER, "called off while it was ringing")
        case CallStatus.CANCELED if facts.withdrawn:
            return CallResult(AttemptOutcome.WITHDRAWN, "called off before it rang")
        case CallStatus.CANCELED:
            return CallResult(AttemptOutcome.FAILED, "the carrier did not dial in time")
    return _answered_without_word(facts)


def _answered_without_word(facts: CallFacts) -> CallResult:
    verdicts = facts.bridge_verdicts | facts.carrier_verdicts
    if AnsweredBy.HUMAN in facts.bridge_verdicts:
        # A bridge that lives always has the last word. Without it our side broke off, and the person did not decline.
        return CallResult(AttemptOutcome.UNKNOWN, "a person answered; the talk broke off on our side")
    if any(verdict.is_machine for verdict in verdicts):
        return CallResult(AttemptOutcome.MACHINE, "a machine answered")
    if AnsweredBy.SCREENING in verdicts:
        return CallResult(AttemptOutcome.SCREENED, "a screening assistant answered")
    if facts.answered:
        return CallResult(AttemptOutcome.UNKNOWN, "answered, but the voice bridge never told the outcome")
    return CallResult(AttemptOutcome.UNKNOWN, "the carrier never told how the call ended")


def _words(code: AttemptOutcome) -> str:
    return f"the call ended as {code.value.replace('_', ' ')}"
