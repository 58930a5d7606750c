"""Pins down: what little is known moves little, waiting must be worth it, and a plan never leaves the open times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.answer_hours import Answers, HourCount, LearntHours, PartOfDay, part_of_day
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.retry import PastAttempt, decide_next_step
from tests.support.gates import campaign_opening

NEW_YORK = "America/New_York"
MORNING = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)  # a Monday, 9:30 in New York
HOUR_OF = {PartOfDay.MORNING: 9, PartOfDay.AFTERNOON: 14, PartOfDay.EVENING: 17}


def learnt(**parts: tuple[int, int]) -> LearntHours:
    """`evening=(20, 100)`: people answered 20 of 100 calls in the evening."""
    return LearntHours(HourCount(0, HOUR_OF[PartOfDay(part)], rung, won) for part, (won, rung) in parts.items())


def retry(found: LearntHours | None) -> tuple[datetime, str]:
    """When a lead that was called in the morning and did not answer is called again, by its clock."""
    policy = CampaignPolicy(retry_gap_seconds=3600, calling_hours={"monday": {"opens": "08:00", "closes": "21:00"}})  # type: ignore[arg-type]
    history = [PastAttempt(at=MORNING, outcome=AttemptOutcome.NO_ANSWER)]
    step = decide_next_step(policy, history, MORNING, campaign_opening(policy, [NEW_YORK]), NEW_YORK, learnt=found)
    assert step.at is not None
    return step.at.astimezone(ZoneInfo(NEW_YORK)), step.reason


@pytest.mark.parametrize(
    ("found", "hour"),
    [
        (None, 12),  # nothing is known: the first part of the day not yet tried
        (learnt(morning=(30, 100), evening=(40, 100)), 17),
        (learnt(morning=(5, 100), afternoon=(10, 100), evening=(40, 100)), 17),
        (learnt(morning=(5, 100), afternoon=(40, 100), evening=(10, 100)), 12),
        (learnt(afternoon=(20, 100), evening=(21, 100)), 12),  # not worth the wait
        (learnt(afternoon=(1, 20), evening=(20, 40)), 12),  # sixty calls are too few to learn from
        (learnt(afternoon=(10, 200), evening=(1, 1)), 17),  # the prior lifts it a little: 2 of 21
        (learnt(morning=(50, 200), afternoon=(0, 200), evening=(0, 0)), 17),
        (learnt(morning=(0, 500)), 12),  # nobody ever answered
    ],
)
def test_a_retry_goes_where_people_answer_if_enough_is_known(found: LearntHours | None, hour: int) -> None:
    assert retry(found)[0].hour == hour


def test_the_plan_says_what_it_follows_from() -> None:
    found = learnt(afternoon=(5, 100), evening=(40, 100))
    assert retry(found)[1] == "attempt 2 after no answer, in the evening: people answered 40% of 100 calls then"
    assert retry(None)[1] == "attempt 2 after no answer"


@given(
    counts=st.dictionaries(st.sampled_from(PartOfDay), st.tuples(st.integers(0, 300), st.floats(0, 1)), min_size=1),
    minutes=st.integers(0, 20_000),
)
@pytest.mark.no_cover
def test_whatever_was_learnt_a_plan_is_open_in_time_and_at_an_untried_part_of_the_day(
    counts: dict[PartOfDay, tuple[int, float]], minutes: int
) -> None:
    found = LearntHours(HourCount(1, HOUR_OF[part], rung, int(rung * share)) for part, (rung, share) in counts.items())
    now, policy = MORNING + timedelta(minutes=minutes), CampaignPolicy()
    opening = campaign_opening(policy, [NEW_YORK])
    history = [PastAttempt(at=now, outcome=AttemptOutcome.NO_ANSWER)]
    step = decide_next_step(policy, history, now, opening, NEW_YORK, learnt=found)
    plain = decide_next_step(policy, history, now, opening, NEW_YORK)
    assert step.at is not None
    assert plain.at is not None
    assert opening(step.at) == step.at >= plain.at
    assert step.at - now < timedelta(days=7)
    tried = part_of_day(now.astimezone(ZoneInfo(NEW_YORK)))
    if part_of_day(plain.at.astimezone(ZoneInfo(NEW_YORK))) != tried:
        assert part_of_day(step.at.astimezone(ZoneInfo(NEW_YORK))) != tried


@pytest.mark.parametrize(("rung", "shown"), [(0, False), (29, False), (30, True)])
def test_a_share_of_few_calls_is_not_shown(rung: int, shown: bool) -> None:
    assert Answers(rung, 0).is_shown == shown
