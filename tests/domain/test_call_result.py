"""From facts to one outcome. What was said counts, not when or how often."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cadenza.domain.call_facts import CallFacts, CallNews, add_news
from cadenza.domain.call_result import CallResult, Submission, classify, result_of_unplaced
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

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
CARRIER, BRIDGE = MessageSource.CARRIER, MessageSource.BRIDGE


def status(word: CallStatus, sip: int | None = None) -> CallProgressed:
    return CallProgressed(attempt_id="a-1", call_sid="CA1", status=word, sip_code=sip)


def verdict(who: AnsweredBy, source: MessageSource = CARRIER) -> MachineDetected:
    return MachineDetected(attempt_id="a-1", answered_by=who, source=source)


def ended(outcome: AttemptOutcome, callback_at: datetime | None = None) -> ConversationEnded:
    return ConversationEnded(attempt_id="a-1", outcome=outcome, callback_at=callback_at)


PLAYED = VoicemailPlayed(attempt_id="a-1")
OPTED_OUT = OptedOut(attempt_id="a-1")
WITHDRAWN = WithdrawCall(attempt_id="a-1", reason="paused")
PROMISED = CallbackPromised(attempt_id="a-1", callback_at=NOON)


def result(*news: CallNews) -> CallResult:
    facts = CallFacts()
    for one in news:
        facts = add_news(facts, one)
    return classify(facts)


@pytest.mark.parametrize(
    ("news", "outcome"),
    [
        ([status(CallStatus.BUSY)], AttemptOutcome.BUSY),
        ([status(CallStatus.RINGING), status(CallStatus.NO_ANSWER)], AttemptOutcome.NO_ANSWER),
        ([status(CallStatus.FAILED, 404)], AttemptOutcome.INVALID_NUMBER),
        ([status(CallStatus.FAILED, 503)], AttemptOutcome.FAILED),
        ([status(CallStatus.FAILED)], AttemptOutcome.FAILED),
        ([WITHDRAWN, status(CallStatus.CANCELED)], AttemptOutcome.WITHDRAWN),
        ([WITHDRAWN, status(CallStatus.RINGING), status(CallStatus.CANCELED)], AttemptOutcome.NO_ANSWER),
        ([status(CallStatus.CANCELED)], AttemptOutcome.FAILED),
        ([verdict(AnsweredBy.MACHINE_START), status(CallStatus.COMPLETED)], AttemptOutcome.MACHINE),
        ([verdict(AnsweredBy.FAX), status(CallStatus.COMPLETED)], AttemptOutcome.MACHINE),
        ([verdict(AnsweredBy.MACHINE_END_BEEP), PLAYED, status(CallStatus.COMPLETED)], AttemptOutcome.VOICEMAIL_LEFT),
        ([ended(AttemptOutcome.MACHINE), PLAYED, status(CallStatus.COMPLETED)], AttemptOutcome.VOICEMAIL_LEFT),
        ([verdict(AnsweredBy.SCREENING, BRIDGE), status(CallStatus.COMPLETED)], AttemptOutcome.SCREENED),
        ([verdict(AnsweredBy.HUMAN, BRIDGE), status(CallStatus.COMPLETED)], AttemptOutcome.UNKNOWN),
        ([verdict(AnsweredBy.HUMAN, CARRIER), status(CallStatus.COMPLETED)], AttemptOutcome.UNKNOWN),
        ([status(CallStatus.COMPLETED)], AttemptOutcome.UNKNOWN),
        ([], AttemptOutcome.UNKNOWN),
        ([ended(AttemptOutcome.INTERESTED), OPTED_OUT], AttemptOutcome.OPTED_OUT),
        ([ended(AttemptOutcome.BOOKED), OPTED_OUT], AttemptOutcome.OPTED_OUT),
        ([ended(AttemptOutcome.HUNG_UP), PROMISED], AttemptOutcome.CALLBACK_PROMISED),
        ([ended(AttemptOutcome.NOT_INTERESTED), PROMISED], AttemptOutcome.NOT_INTERESTED),
        ([ended(AttemptOutcome.BOOKED), PROMISED], AttemptOutcome.BOOKED),
        ([ended(AttemptOutcome.SILENT), status(CallStatus.COMPLETED)], AttemptOutcome.SILENT),
    ],
)
def test_what_was_said_decides(news: list[CallNews], outcome: AttemptOutcome) -> None:
    assert result(*news).outcome is outcome


def test_a_booking_outranks_a_bridge_that_lost_its_word() -> None:
    facts = CallFacts(booked=True, answered=True, status=CallStatus.COMPLETED, word=AttemptOutcome.HUNG_UP)
    assert classify(facts).outcome is AttemptOutcome.BOOKED


def test_the_last_word_on_the_callback_s_time_is_the_bridge_s() -> None:
    later = NOON + timedelta(days=1)
    found = result(PROMISED, ended(AttemptOutcome.CALLBACK_PROMISED, later))
    assert (found.outcome, found.callback_at) == (AttemptOutcome.CALLBACK_PROMISED, later)


@pytest.mark.parametrize("submission", [one for one in Submission if one is not Submission.PLACED])
def test_every_end_without_a_call_has_a_result(submission: Submission) -> None:
    assert result_of_unplaced(submission).reason


NEWS = st.one_of(
    st.builds(status, st.sampled_from(CallStatus), st.sampled_from([None, 404, 486, 503])),
    st.builds(verdict, st.sampled_from(AnsweredBy), st.sampled_from(MessageSource)),
    st.builds(ended, st.sampled_from(AttemptOutcome), st.sampled_from([None, NOON, NOON + timedelta(hours=1)])),
    st.sampled_from([PLAYED, OPTED_OUT, WITHDRAWN, PROMISED]),
    st.builds(
        CallbackPromised,
        attempt_id=st.just("a-1"),
        callback_at=st.sampled_from([NOON, NOON + timedelta(hours=2)]),
    ),
)


@example(
    (
        [ended(AttemptOutcome.NO_ANSWER), ended(AttemptOutcome.BUSY, NOON), PROMISED],
        [ended(AttemptOutcome.BUSY, NOON), ended(AttemptOutcome.NO_ANSWER), PROMISED],
    )
)
@given(st.lists(NEWS, max_size=9).flatmap(lambda news: st.tuples(st.just(news), st.permutations(news + news[:3]))))
def test_any_order_and_any_repetition_give_the_same_result(orders: tuple[list[CallNews], list[CallNews]]) -> None:
    once, shuffled = orders
    first, second = result(*once), result(*shuffled)
    assert (first.outcome, first.callback_at) == (second.outcome, second.callback_at)


@given(st.lists(NEWS, max_size=9))
def test_no_history_of_a_call_is_without_a_result(news: list[CallNews]) -> None:
    found = result(*news)
    assert found.reason
    assert (found.outcome is AttemptOutcome.CALLBACK_PROMISED) == (found.callback_at is not None)
