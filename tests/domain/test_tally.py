"""Pins down: what counts as the carrier's fault, as a person, and as a person who heard nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.outcomes import REACHED_NOBODY, AnsweredBy, AttemptOutcome
from cadenza.domain.reporting import HUMAN
from cadenza.domain.tally import ANSWERED_BY_PERSON, EndedAttempt, Tally, tally_of

ANSWER = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return ANSWER + timedelta(seconds=seconds)


def call(outcome: AttemptOutcome, **known: Any) -> EndedAttempt:
    """Answered, a minute long, the agent heard after a second; `known` changes that."""
    usual: dict[str, Any] = {"answered_at": ANSWER, "ended_at": after(60), "agent_heard_at": after(1)}
    return EndedAttempt(outcome, **{**usual, **known})


def unanswered(outcome: AttemptOutcome) -> EndedAttempt:
    return EndedAttempt(outcome, ended_at=after(20))


@pytest.mark.parametrize(
    ("attempt", "tally"),
    [
        (unanswered(AttemptOutcome.FAILED), Tally.CARRIER_FAULT),
        (unanswered(AttemptOutcome.UNKNOWN), Tally.CARRIER_FAULT),  # not even asked could the carrier be
        (unanswered(AttemptOutcome.BUSY), Tally.NO_PERSON),
        (unanswered(AttemptOutcome.NO_ANSWER), Tally.NO_PERSON),
        (unanswered(AttemptOutcome.INVALID_NUMBER), Tally.NO_PERSON),
        (call(AttemptOutcome.MACHINE), Tally.NO_PERSON),
        (call(AttemptOutcome.VOICEMAIL_LEFT, agent_heard_at=None), Tally.NO_PERSON),
        (call(AttemptOutcome.SCREENED), Tally.NO_PERSON),
        (call(AttemptOutcome.SILENT), Tally.NO_PERSON),  # nobody is known to have been there
        (call(AttemptOutcome.SILENT, answered_by=AnsweredBy.HUMAN), Tally.PERSON),
        (call(AttemptOutcome.BOOKED), Tally.PERSON),
        (call(AttemptOutcome.BOOKED, agent_heard_at=after(2)), Tally.PERSON),
        (call(AttemptOutcome.BOOKED, agent_heard_at=after(2.001)), Tally.ABANDONED),
        (call(AttemptOutcome.HUNG_UP, agent_heard_at=None, ended_at=after(9)), Tally.ABANDONED),
        (call(AttemptOutcome.HUNG_UP, agent_heard_at=None, ended_at=after(1.5)), Tally.PERSON),  # left before
        (call(AttemptOutcome.HUNG_UP, agent_heard_at=None, agent_heard=True), Tally.PERSON),  # the disclosure was heard
        (call(AttemptOutcome.UNKNOWN, agent_heard_at=None), Tally.ABANDONED),  # no bridge ever took it
        (call(AttemptOutcome.UNKNOWN, answered_by=AnsweredBy.MACHINE_START, agent_heard_at=None), Tally.NO_PERSON),
        (call(AttemptOutcome.UNKNOWN), Tally.PERSON),  # heard us, then our side broke off
        (call(AttemptOutcome.INTERESTED, answered_at=None, agent_heard_at=None), Tally.PERSON),  # no answer to time
    ],
)
def test_an_attempt_counts_as(attempt: EndedAttempt, tally: Tally) -> None:
    assert tally_of(attempt) is tally


ATTEMPTS = st.builds(
    EndedAttempt,
    outcome=st.sampled_from(AttemptOutcome),
    ended_at=st.floats(0, 600).map(after),
    answered_at=st.none() | st.just(ANSWER),
    answered_by=st.none() | st.sampled_from(AnsweredBy),
    agent_heard_at=st.none() | st.floats(0, 30).map(after),
    agent_heard=st.booleans(),
)


@given(ATTEMPTS)
def test_every_attempt_that_the_carrier_got_counts_and_no_other_does(attempt: EndedAttempt) -> None:
    assert (tally_of(attempt) is None) == (attempt.outcome in REACHED_NOBODY)


@given(ATTEMPTS)
def test_who_spoke_with_us_is_a_person_and_who_heard_us_at_once_is_not_abandoned(attempt: EndedAttempt) -> None:
    tally = tally_of(attempt)
    if attempt.outcome in HUMAN:
        assert tally in ANSWERED_BY_PERSON
    if attempt.agent_heard_at is not None and attempt.agent_heard_at <= after(2):
        assert tally is not Tally.ABANDONED
    if tally is Tally.ABANDONED:
        assert attempt.answered_at is not None
