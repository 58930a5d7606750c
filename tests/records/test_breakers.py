"""Pins down: what the breakers count, which rows they change, and that a person's word goes before theirs."""

import asyncio
from typing import Any

import pytest

from cadenza.domain.breakers import BreakerRule, Trip
from cadenza.records import breakers
from cadenza.records.accounts import pause_account, resume_account
from cadenza.records.admission import AdmissionTick, admit_due_leads
from cadenza.records.campaigns import pause_campaign, resume_campaign
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY

FAULTS = ("carrier_fault", "failed")


async def check(world: World) -> list[tuple[str, str | None]]:
    """The changes: which campaign (or the account), to which state, by which rule."""
    async with world.database.transaction() as session:
        changes = await breakers.check_breakers(session, ACCOUNT)
    return [(change.breaker.state.value, change.breaker.rule) for change in changes]


async def tick(world: World) -> AdmissionTick:
    async with world.database.transaction() as session:
        return await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)


async def campaign_row(world: World, campaign_id: str) -> Any:
    [row] = await world.run("select state, state_reason, paused_rule from campaign where id = :id", id=campaign_id)
    return row


async def tripped(world: World) -> str:
    """A campaign that its breaker has stopped, with leads that are due."""
    campaign = await world.campaign()
    await world.ended(campaign, 6, *FAULTS)
    assert await check(world) == [("open", "carrier_faults")]
    await world.leads(campaign, 5)
    return campaign


async def probing(world: World) -> str:
    campaign = await tripped(world)
    await world.run("update breaker set probe_at = now()")
    assert await check(world) == [("probing", "carrier_faults")]
    return campaign


async def test_a_burst_of_carrier_faults_pauses_the_campaign_and_tells_why(world: World) -> None:
    await world.account()
    campaign = await tripped(world)
    row = await campaign_row(world, campaign)
    assert (row.state, row.paused_rule) == ("paused", "carrier_faults")
    assert row.state_reason.startswith("6 of 6 attempts that ended in the last 120 s failed at the carrier")
    assert (await tick(world)).admitted == []
    assert await check(world) == []
    [event] = await world.run("select breaker_id, state, rule from breaker_event")
    assert tuple(event) == (campaign, "open", "carrier_faults")


async def test_two_dialers_that_judge_at_once_trip_it_once_and_let_one_call_through(world: World) -> None:
    await world.account()
    campaign = await world.campaign()
    await world.ended(campaign, 6, *FAULTS)
    await world.leads(campaign, 5)
    assert sorted(map(len, await asyncio.gather(*(check(world) for _ in range(4))))) == [0, 0, 0, 1]
    await world.run("update breaker set probe_at = now()")
    await check(world)
    ticks = await asyncio.gather(*(tick(world) for _ in range(4)))
    assert sum(len(one.admitted) for one in ticks) == 1


async def test_a_persons_resume_and_a_judgement_at_once_end_in_one_of_the_two(world: World) -> None:
    """They lock in the same order: neither waits for the other for ever."""
    await world.account()
    campaign = await tripped(world)

    async def by_hand() -> None:
        async with world.database.transaction() as session:
            await resume_campaign(session, campaign)

    for _ in range(5):
        await world.run("update breaker set state = 'open', probe_at = now(), rule = 'carrier_faults'")
        await world.run("update campaign set state = 'paused', paused_rule = 'carrier_faults'")
        await asyncio.gather(check(world), by_hand(), check(world))
        [row] = await world.run("select breaker.state, campaign.state as calls, paused_rule from breaker, campaign")
        assert tuple(row) == ("closed", "running", None)


@pytest.mark.parametrize(
    ("tally", "outcome", "count", "ago"),
    [
        ("carrier_fault", "failed", 6, 130.0),  # too long ago
        ("carrier_fault", "failed", 4, 1.0),  # too few
        ("no_person", "no_answer", 30, 1.0),
        (None, "refused", 30, 1.0),  # a gate said no: the carrier was not asked
        ("person", "booked", 30, 1.0),
    ],
)
async def test_other_ends_trip_nothing(world: World, tally: str | None, outcome: str, count: int, ago: float) -> None:
    await world.account()
    await world.ended(await world.campaign(), count, tally, outcome, ago)
    assert await check(world) == []


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ("abandoned_calls", [("person", "hung_up", 48, 90000.0), ("abandoned", "unknown", 2, 90000.0)]),
        ("abandoned_burst", [("person", "hung_up", 8, 60.0), ("abandoned", "unknown", 3, 60.0)]),
        ("opt_out_spike", [("person", "not_interested", 15, 9000.0), ("person", "opted_out", 5, 9000.0)]),
    ],
)  # fmt: skip
async def test_harm_to_people_pauses_the_campaign_until_a_person_resumes_it(
    world: World, rule: str, ends: list[tuple[str, str, int, float]]
) -> None:
    await world.account()
    campaign = await world.campaign()
    for tally, outcome, count, ago in ends:
        await world.ended(campaign, count, tally, outcome, ago)
    assert await check(world) == [("open", rule)]
    [row] = await world.run("select probe_at from breaker")
    assert row.probe_at is None
    async with world.database.transaction() as session:
        await resume_campaign(session, campaign)
    assert await check(world) == [], "what ended before the resume does not trip it again"
    assert (await campaign_row(world, campaign)).paused_rule is None


async def test_the_campaigns_own_limits_count(world: World) -> None:
    await world.account()
    strict = await world.campaign(breakers={"carrier_fault_minimum": 1})
    lax = await world.campaign(breakers={"carrier_fault_share": 0})
    await world.ended(strict, 1, *FAULTS)
    await world.ended(lax, 2, *FAULTS)
    assert await check(world) == [("open", "carrier_faults")]
    assert (await campaign_row(world, strict)).state == "paused"
    assert (await campaign_row(world, lax)).state == "running"


async def test_a_probe_lets_exactly_one_call_through(world: World) -> None:
    await world.account()
    campaign = await probing(world)
    assert (await campaign_row(world, campaign)).state == "running"
    assert len((await tick(world)).admitted) == 1
    assert (await tick(world)).admitted == []
    assert await check(world) == []


@pytest.mark.parametrize(
    ("news", "change"),
    [
        ("state = 'ringing'", [("closed", None)]),
        ("state = 'in_progress'", [("closed", None)]),
        ("state = 'ended', outcome = 'busy', tally = 'no_person'", [("closed", None)]),
        ("state = 'ended', outcome = 'failed', tally = 'carrier_fault'", [("open", "carrier_faults")]),
        ("state = 'placed'", []),
    ],
)
async def test_the_probes_end_decides(world: World, news: str, change: list[tuple[str, str | None]]) -> None:
    await world.account()
    campaign = await probing(world)
    [probe] = (await tick(world)).admitted
    await world.run(f"update attempt set {news}, ended_at = now() where id = :id", id=probe.message.attempt_id)
    assert await check(world) == change
    row = await campaign_row(world, campaign)
    if change == [("closed", None)]:
        assert (row.state, row.state_reason, row.paused_rule) == ("running", "", None)
        assert await check(world) == [], "the faults of before do not trip it again"
        assert len((await tick(world)).admitted) > 1
    elif change:
        [breaker] = await world.run(
            "select failed_probes, probe_at > now() + interval '110 seconds' as late from breaker"
        )
        assert (row.state, breaker.failed_probes, breaker.late) == ("paused", 1, True)


async def test_a_probe_that_was_not_made_is_followed_by_another(world: World) -> None:
    await world.account()
    await probing(world)
    [probe] = (await tick(world)).admitted
    await world.run(
        "update attempt set state = 'lapsed', outcome = 'lapsed' where id = :id", id=probe.message.attempt_id
    )
    assert await check(world) == []
    assert len((await tick(world)).admitted) == 1


@pytest.mark.parametrize("begin", [tripped, probing])
async def test_a_pause_by_a_person_outlasts_the_breaker(world: World, begin: Any) -> None:
    await world.account()
    campaign = await begin(world)
    async with world.database.transaction() as session:
        await pause_campaign(session, campaign)
    await world.run("update breaker set since = now() - interval '1 day'")
    assert await check(world) == []
    assert (await campaign_row(world, campaign)).state == "paused"
    async with world.database.transaction() as session:
        await resume_campaign(session, campaign)
    assert await check(world) == []
    assert len((await tick(world)).admitted) == 5


async def test_a_campaign_that_a_person_paused_is_left_alone(world: World) -> None:
    await world.account()
    campaign = await world.campaign()
    async with world.database.transaction() as session:
        await pause_campaign(session, campaign)
    await world.ended(campaign, 9, *FAULTS)
    assert await check(world) == []
    row = await campaign_row(world, campaign)
    assert (row.state_reason, row.paused_rule) == ("paused by a user", None)


async def stopped_account(world: World) -> tuple[str, str]:
    """Calls of two campaigns fail at the carrier: the account is stopped, not they."""
    campaigns = (await world.campaign(), await world.campaign())
    for campaign in campaigns:
        await world.ended(campaign, 3, *FAULTS)
        await world.leads(campaign, 3)
    assert await check(world) == [("open", "carrier_faults")]
    return campaigns


async def test_where_several_campaigns_fail_the_account_stops_and_probes_with_one_call(world: World) -> None:
    await world.account()
    campaigns = await stopped_account(world)
    assert {(await campaign_row(world, campaign)).state for campaign in campaigns} == {"running"}
    after = await tick(world)
    assert after.admitted == []
    assert after.reason.startswith("6 of 6 attempts")
    await world.run("update breaker set probe_at = now()")
    assert await check(world) == [("probing", "carrier_faults")]
    [probe] = (await tick(world)).admitted
    assert (await tick(world)).admitted == []
    await world.run("update attempt set state = 'ringing' where id = :id", id=probe.message.attempt_id)
    assert await check(world) == [("closed", None)]
    assert await check(world) == []
    [account] = await world.run("select paused_reason, paused_rule from account")
    assert tuple(account) == (None, None)
    assert (await tick(world)).admitted, "what the pause held back comes at the account's usual rate"


async def test_a_stopped_account_is_resumed_by_hand_and_stays_so(world: World) -> None:
    await world.account()
    await stopped_account(world)
    async with world.database.transaction() as session:
        await resume_account(session, ACCOUNT)
    assert await check(world) == []
    assert len((await tick(world)).admitted) == 6


async def test_a_persons_pause_of_the_account_is_not_probed(world: World) -> None:
    await world.account()
    await stopped_account(world)
    async with world.database.transaction() as session:
        await pause_account(session, ACCOUNT, "under review")
    await world.run("update breaker set since = now() - interval '1 day'")
    assert await check(world) == []
    assert (await tick(world)).admitted == []


async def test_what_the_carrier_refuses_stops_the_account_or_the_campaign_for_good(world: World) -> None:
    await world.account()
    one, two = await world.campaign(), await world.campaign()
    [attempt] = await world.ended(one, 1, None, "refused")
    trip = Trip(BreakerRule.CARRIER_REFUSES, "the carrier refuses our calls (code 21210)")
    async with world.database.transaction() as session:
        await breakers.trip_for(session, attempt, trip, whole_account=False)
    assert [(await campaign_row(world, campaign)).state for campaign in (one, two)] == ["paused", "running"]
    async with world.database.transaction() as session:
        await breakers.trip_for(session, attempt, trip, whole_account=True)
    [account] = await world.run("select paused_reason, paused_rule from account")
    assert tuple(account) == (trip.reason, "carrier_refuses")
    await world.run("update breaker set since = now() - interval '1 day'")
    assert await check(world) == []


async def test_a_persons_reason_for_a_pause_is_not_overwritten(world: World) -> None:
    await world.account()
    [attempt] = await world.ended(await world.campaign(), 1, None, "refused")
    async with world.database.transaction() as session:
        await pause_account(session, ACCOUNT, "under review")
        await breakers.trip_for(session, attempt, Trip(BreakerRule.CARRIER_REFUSES, "code 20003"), whole_account=True)
    [account] = await world.run("select paused_reason, paused_rule from account")
    assert tuple(account) == ("under review", None)
