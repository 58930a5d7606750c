"""Pins down: three attempts by default, other times of day, promises kept, and always an end."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.domain.answer_hours import part_of_day
from cadenza.domain.calling_hours import WeeklyHours, is_open
from cadenza.domain.outcomes import AttemptOutcome, LeadOutcome
from cadenza.domain.policy import CampaignPolicy, VoicemailRule
from cadenza.domain.retry import (
    NextStep,
    PastAttempt,
    StepKind,
    decide_next_step,
    is_last_attempt,
    leaves_voicemail,
)
from tests.support.gates import campaign_opening

NEW_YORK = ["America/New_York"]
MORNING = datetime(2026, 11, 17, 14, 30, tzinfo=UTC)  # Tuesday 9:30 in New York
POLICY = CampaignPolicy()


def past(*outcomes: AttemptOutcome, at: datetime = MORNING) -> list[PastAttempt]:
    return [PastAttempt(at=at, outcome=outcome) for outcome in outcomes]


def decide(*outcomes: AttemptOutcome, **more: object) -> NextStep:
    return decide_next_step(POLICY, past(*outcomes), MORNING, campaign_opening(POLICY, NEW_YORK), NEW_YORK[0], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "outcome",
    [AttemptOutcome.BOOKED, AttemptOutcome.NOT_INTERESTED, AttemptOutcome.OPTED_OUT, AttemptOutcome.WRONG_NUMBER,
     AttemptOutcome.INVALID_NUMBER, AttemptOutcome.VOICEMAIL_LEFT, AttemptOutcome.INTERESTED],
)  # fmt: skip
def test_a_result_finishes_the_lead_at_once(outcome: AttemptOutcome) -> None:
    step = decide(outcome)
    assert (step.kind, step.outcome) == (StepKind.FINISH, LeadOutcome(outcome.value))


def test_nobody_at_home_is_tried_again_in_another_part_of_the_day() -> None:
    step = decide(AttemptOutcome.NO_ANSWER)
    assert step.kind is StepKind.RETRY
    assert step.at is not None
    assert step.at >= MORNING + timedelta(seconds=POLICY.retry_gap_seconds)
    assert part_of_day(step.at.astimezone(ZoneInfo("America/New_York"))) != part_of_day(
        MORNING.astimezone(ZoneInfo("America/New_York"))
    )


def test_three_attempts_are_the_end() -> None:
    step = decide(AttemptOutcome.NO_ANSWER, AttemptOutcome.BUSY, AttemptOutcome.NO_ANSWER)
    assert (step.kind, step.outcome) == (StepKind.FINISH, LeadOutcome.BUSY)


def test_a_busy_line_is_tried_again_soon() -> None:
    assert decide(AttemptOutcome.BUSY).at == MORNING + timedelta(seconds=POLICY.busy_gap_seconds)


def test_calls_that_rang_nobody_do_not_count() -> None:
    outcomes = [AttemptOutcome.WITHDRAWN, AttemptOutcome.REFUSED, AttemptOutcome.LAPSED] * 5
    assert decide(*outcomes).kind is StepKind.RETRY


def test_a_screened_lead_is_tried_twice_only() -> None:
    assert decide(AttemptOutcome.SCREENED).kind is StepKind.RETRY
    assert decide(AttemptOutcome.SCREENED, AttemptOutcome.SCREENED).outcome is LeadOutcome.SCREENED


def test_two_carrier_faults_are_forgiven_and_no_more() -> None:
    fault = AttemptOutcome.FAILED
    assert decide(*[fault] * 4).kind is StepKind.RETRY
    assert decide(*[fault] * 5).kind is StepKind.FINISH


def test_a_promised_callback_is_kept_even_after_the_last_attempt() -> None:
    promised = MORNING + timedelta(hours=2)
    outcomes = [AttemptOutcome.NO_ANSWER, AttemptOutcome.NO_ANSWER, AttemptOutcome.CALLBACK_PROMISED]
    step = decide(*outcomes, promised_at=promised)
    assert (step.at, step.is_callback) == (promised, True)


def test_a_callback_promised_for_the_night_moves_to_the_next_opening() -> None:
    night = datetime(2026, 11, 18, 4, tzinfo=UTC)
    step = decide(AttemptOutcome.CALLBACK_PROMISED, promised_at=night)
    assert step.at == datetime(2026, 11, 18, 14, tzinfo=UTC)


def test_a_cancelled_lead_ends_as_cancelled_but_keeps_a_real_result() -> None:
    assert decide(AttemptOutcome.NO_ANSWER, close_as=LeadOutcome.CANCELLED).outcome is LeadOutcome.CANCELLED
    assert decide(AttemptOutcome.BOOKED, close_as=LeadOutcome.CANCELLED).outcome is LeadOutcome.BOOKED


@pytest.mark.parametrize(
    ("rule", "made", "expected"),
    [(VoicemailRule.LAST_ATTEMPT, 0, False), (VoicemailRule.LAST_ATTEMPT, 2, True),
     (VoicemailRule.FIRST_MACHINE, 0, True), (VoicemailRule.NEVER, 2, False)],
)  # fmt: skip
def test_a_message_is_left_as_the_rule_says(rule: VoicemailRule, made: int, expected: bool) -> None:
    policy = CampaignPolicy(voicemail=rule)
    assert leaves_voicemail(past(*[AttemptOutcome.MACHINE] * made), policy) is expected


def test_no_second_message_is_ever_left() -> None:
    policy = CampaignPolicy(voicemail=VoicemailRule.FIRST_MACHINE)
    assert not leaves_voicemail(past(AttemptOutcome.VOICEMAIL_LEFT), policy)


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(
    st.lists(st.sampled_from(list(AttemptOutcome)), min_size=1, max_size=30),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.sampled_from([["America/New_York"], ["Australia/Sydney", "Australia/Perth"], ["Pacific/Apia"]]),
    st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=9))),
)
@settings(max_examples=400, deadline=None)
def test_every_step_is_an_end_or_a_lawful_time_in_the_future(
    outcomes: list[AttemptOutcome], now: datetime, zones: list[str], promise: timedelta | None
) -> None:
    promised_at = None if promise is None else now + promise
    opening = campaign_opening(POLICY, zones)
    step = decide_next_step(POLICY, past(*outcomes, at=now), now, opening, zones[0], promised_at=promised_at)
    if step.kind is StepKind.FINISH:
        assert step.outcome is not None
    else:
        assert step.at is not None
        assert step.at >= now
        assert is_open(POLICY.calling_hours, step.at, zones)


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(st.lists(st.sampled_from(list(AttemptOutcome)), min_size=40, max_size=60))
def test_no_lead_is_called_for_ever(outcomes: list[AttemptOutcome]) -> None:
    """However it goes, the calls that reached somebody or rang are bounded."""
    history: list[PastAttempt] = []
    for outcome in outcomes:
        history.append(PastAttempt(at=MORNING, outcome=outcome))
        step = decide_next_step(
            POLICY,
            history,
            MORNING,
            campaign_opening(POLICY, NEW_YORK),
            NEW_YORK[0],
            promised_at=MORNING if outcome == "callback_promised" else None,
        )
        if step.kind is StepKind.FINISH:
            break
    rung = [item for item in history if item.outcome not in {"withdrawn", "refused", "lapsed"}]
    assert len(rung) <= POLICY.max_attempts + POLICY.max_network_retries + 2


def test_the_last_attempt_is_known_beforehand() -> None:
    assert not is_last_attempt(past(AttemptOutcome.MACHINE), POLICY)
    assert is_last_attempt(past(AttemptOutcome.MACHINE, AttemptOutcome.NO_ANSWER), POLICY)


def test_hours_that_never_open_together_finish_the_lead() -> None:
    hours = WeeklyHours.business().model_copy(update={"saturday": None})
    policy = CampaignPolicy(calling_hours=hours)
    zones = ["Pacific/Auckland", "Europe/Paris"]
    opening = campaign_opening(policy, zones)
    step = decide_next_step(policy, past(AttemptOutcome.NO_ANSWER), MORNING, opening, zones[0])
    assert step.kind is StepKind.FINISH
