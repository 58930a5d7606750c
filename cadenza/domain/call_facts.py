"""What is known about one call. Facts only grow: the same words in any order, any number of times, give the same facts.

Pure. Each fact is joined with what is known already by a rule that does not care who came first.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from cadenza.domain.messages import (
    CallbackPromised,
    CallProgressed,
    ConversationEnded,
    MachineDetected,
    OptedOut,
    VoicemailPlayed,
    WithdrawCall,
)
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus, MessageSource

CallNews = (
    CallProgressed
    | MachineDetected
    | VoicemailPlayed
    | ConversationEnded
    | CallbackPromised
    | OptedOut
    | WithdrawCall
)  # fmt: skip

_STATUS_RANK: dict[CallStatus, int] = {
    CallStatus.QUEUED: 0,
    CallStatus.INITIATED: 1,
    CallStatus.RINGING: 2,
    CallStatus.IN_PROGRESS: 3,
    # A carrier gives one terminal status. Should it ever give two, the one that says most stands.
    CallStatus.CANCELED: 4,
    CallStatus.FAILED: 5,
    CallStatus.NO_ANSWER: 6,
    CallStatus.BUSY: 7,
    CallStatus.COMPLETED: 8,
}

_WORD_RANK: tuple[AttemptOutcome, ...] = (
    AttemptOutcome.OPTED_OUT,
    AttemptOutcome.BOOKED,
    AttemptOutcome.TRANSFERRED,
    AttemptOutcome.WRONG_NUMBER,
    AttemptOutcome.NOT_INTERESTED,
    AttemptOutcome.CALLBACK_PROMISED,
    AttemptOutcome.INTERESTED,
    AttemptOutcome.GATEKEEPER,
    AttemptOutcome.VOICEMAIL_LEFT,
    AttemptOutcome.MACHINE,
    AttemptOutcome.SCREENED,
    AttemptOutcome.HUNG_UP,
    AttemptOutcome.SILENT,
)
"""Two last words on one call (a bridge died after its word, another resumed): the earlier in this list stands."""


@dataclass(frozen=True)
class CallFacts:
    """Everything that was said about one call so far."""

    call_sid: str = ""
    status: CallStatus | None = None
    rang: bool = False
    answered: bool = False
    sip_code: int | None = None
    carrier_verdicts: frozenset[AnsweredBy] = frozenset()
    bridge_verdicts: frozenset[AnsweredBy] = frozenset()
    word: AttemptOutcome | None = None  # the bridge's last word
    word_reason: str = ""
    word_callback_at: datetime | None = None
    promised_at: datetime | None = None
    booked: bool = False
    opted_out: bool = False
    voicemail_played: bool = False
    withdrawn: bool = False
    withdrawn_ringing: bool = False  # the number was suppressed: its ringing is to stop

    @property
    def is_over(self) -> bool:
        return self.status is not None and self.status.is_terminal

    @property
    def callback_at(self) -> datetime | None:
        return self.word_callback_at or self.promised_at


def add_news(facts: CallFacts, news: CallNews) -> CallFacts:
    """The facts after one more message."""
    match news:
        case CallProgressed():
            return add_status(facts, news.status, sip_code=news.sip_code, call_sid=news.call_sid)
        case MachineDetected(source=MessageSource.CARRIER):
            known = replace(facts, carrier_verdicts=facts.carrier_verdicts | {news.answered_by})
            return replace(known, answered=True, call_sid=facts.call_sid or news.call_sid)
        case MachineDetected():
            known = replace(facts, bridge_verdicts=facts.bridge_verdicts | {news.answered_by})
            return replace(known, answered=True, call_sid=facts.call_sid or news.call_sid)
        case VoicemailPlayed():
            return replace(facts, voicemail_played=True, answered=True)
        case ConversationEnded():
            return _add_word(replace(facts, answered=True), news)
        case CallbackPromised():
            later = max(filter(None, (facts.promised_at, news.callback_at)))
            return replace(facts, promised_at=later, answered=True)
        case OptedOut():
            return replace(facts, opted_out=True)
        case WithdrawCall():
            return replace(facts, withdrawn=True, withdrawn_ringing=facts.withdrawn_ringing or news.even_ringing)


def add_status(
    facts: CallFacts, status: CallStatus, *, sip_code: int | None = None, call_sid: str = ""
) -> CallFacts:  # fmt: skip
    """The furthest status stands; what it implies about ringing and answering is never taken back."""
    further = max(filter(None, (facts.status, status)), key=lambda known: _STATUS_RANK[known])
    return replace(
        facts,
        call_sid=facts.call_sid or call_sid,
        status=further,
        sip_code=max(filter(None, (facts.sip_code, sip_code)), default=None),
        rang=facts.rang or status in {CallStatus.RINGING, CallStatus.NO_ANSWER, *_ANSWERED},
        answered=facts.answered or status in _ANSWERED,
    )


_ANSWERED = frozenset({CallStatus.IN_PROGRESS, CallStatus.COMPLETED})


def _add_word(facts: CallFacts, news: ConversationEnded) -> CallFacts:
    if facts.word is not None and _rank(facts.word) <= _rank(news.outcome):
        if facts.word is news.outcome and news.callback_at is not None:
            later = max(filter(None, (facts.word_callback_at, news.callback_at)))
            return replace(facts, word_callback_at=later)
        return facts
    return replace(facts, word=news.outcome, word_reason=news.reason, word_callback_at=news.callback_at)


def _rank(outcome: AttemptOutcome) -> int:
    """No two are equal: else the order of the words would decide. What is not a bridge's word comes last."""
    return _RANKS[outcome]


_RANKS = {
    outcome: rank
    for rank, outcome in enumerate([*_WORD_RANK, *(other for other in AttemptOutcome if other not in _WORD_RANK)])
}
