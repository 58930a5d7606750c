"""Pins down: a call that ends is counted once, in the hour that the callee's clock showed when it rang."""

from datetime import UTC, datetime

from cadenza.domain.answer_hours import HourCount
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.tally import Tally
from cadenza.records.admission import admit_due_leads
from cadenza.records.answer_hours import note_rings, read_hours
from cadenza.records.finishing import FinishAttempt, finish_attempt
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY

MONDAY_EVENING = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)  # 20:30 in New York, the day before


async def hours(world: World, campaign: str) -> list[HourCount]:
    async with world.database.transaction() as session:
        return await read_hours(session, campaign)


async def finished(world: World, outcome: AttemptOutcome, *, times: int = 1) -> str:
    """A call that rang on Monday evening and ended so, recorded as often; its campaign."""
    await world.account()
    campaign = await world.campaign()
    await world.leads(campaign, phone="+12125550101")
    async with world.database.transaction() as session:
        [one] = (await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)).admitted
    await world.run("update attempt set state = 'ringing', submitted_at = :at, ringing_at = :at", at=MONDAY_EVENING)
    for _ in range(times):
        finish = FinishAttempt(attempt_id=one.message.attempt_id, outcome=outcome)
        async with world.database.transaction() as session:
            await finish_attempt(session, finish, CAMPAIGN_ONLY)
    return campaign


async def test_a_call_counts_once_at_the_callees_hour(world: World) -> None:
    campaign = await finished(world, AttemptOutcome.NO_ANSWER, times=2)
    assert await hours(world, campaign) == [HourCount(0, 20, 1, 0)]


async def test_a_person_who_answered_is_counted_as_such(world: World) -> None:
    campaign = await finished(world, AttemptOutcome.GATEKEEPER)
    assert await hours(world, campaign) == [HourCount(0, 20, 1, 1)]


async def test_a_fault_of_the_carrier_is_not_counted(world: World) -> None:
    campaign = await finished(world, AttemptOutcome.FAILED)
    assert await hours(world, campaign) == []


async def test_many_calls_are_counted_at_once_by_campaign_and_hour(world: World) -> None:
    await world.account()
    one, two = await world.campaign(), await world.campaign()
    rings = [
        (one, MONDAY_EVENING, "America/New_York", Tally.NO_PERSON),
        (one, MONDAY_EVENING, "America/New_York", Tally.ABANDONED),
        (one, MONDAY_EVENING, "Australia/Sydney", Tally.PERSON),
        (one, MONDAY_EVENING, "America/New_York", Tally.CARRIER_FAULT),
        (two, MONDAY_EVENING, "America/New_York", None),
    ]
    for _ in range(2):
        async with world.database.transaction() as session:
            await note_rings(session, rings)
    assert await hours(world, one) == [HourCount(0, 20, 4, 2), HourCount(1, 12, 2, 2)]
    assert await hours(world, two) == []
