"""Pins down: which number a reservation gets, that caps hold over parallel dialers, and when a number rests."""

import asyncio
from collections import Counter

import pytest

from cadenza.domain.caller_ids import CallerIdState, RestRule
from cadenza.records.admission import AdmissionTick, admit_due_leads
from cadenza.records.caller_ids import (
    CallerIdTaken,
    add_caller_id,
    change_caller_id,
    judge_caller_ids,
    list_caller_ids,
    remove_caller_id,
    rest_refused_number,
)
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY

NEW_YORK, MIAMI, SEATTLE = "+12125550190", "+13055550190", "+12065550190"


async def tick(world: World) -> AdmissionTick:
    async with world.database.transaction() as session:
        return await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)


async def pool(world: World, *phones: str, campaign: str | None = None, cap: int = 100) -> None:
    async with world.database.transaction() as session:
        for phone in phones:
            await add_caller_id(session, ACCOUNT, phone, campaign_id=campaign, daily_cap=cap)


async def shown(world: World) -> dict[str, str]:
    """The number of each lead's last attempt."""
    rows = await world.run("select lead_id, from_number from attempt order by lead_id, number")
    return {row.lead_id: row.from_number for row in rows}


async def shares_the_pool(world: World, **policy: object) -> str:
    campaign = await world.campaign(**policy)
    await world.run("update campaign set caller_id = '' where id = :id", id=campaign)
    return campaign


async def test_each_lead_sees_the_near_number_of_the_pool(world: World) -> None:
    await world.account()
    await pool(world, NEW_YORK, MIAMI)
    campaign = await shares_the_pool(world)
    [near] = await world.leads(campaign, phone="+12125550101")
    [other] = await world.leads(campaign, phone="+13055550101")
    await tick(world)
    assert await shown(world) == {near: NEW_YORK, other: MIAMI}


async def test_a_campaign_uses_its_own_pool_or_its_own_number_before_the_shared_pool(world: World) -> None:
    await world.account()
    has_a_pool, has_a_number = await shares_the_pool(world), await world.campaign()
    await pool(world, NEW_YORK)
    await pool(world, SEATTLE, campaign=has_a_pool)
    [first] = await world.leads(has_a_pool)
    [second] = await world.leads(has_a_number)
    await tick(world)
    assert await shown(world) == {first: SEATTLE, second: "+12125550199"}


async def test_a_lead_sees_the_same_number_again_while_that_may_call(world: World) -> None:
    await world.account()
    await pool(world, NEW_YORK, MIAMI)
    [lead] = await world.leads(await shares_the_pool(world), phone="+12125550101")
    await tick(world)
    await world.run("update attempt set state = 'ended', outcome = 'no_answer', from_number = :phone", phone=MIAMI)
    for expected in (MIAMI, NEW_YORK):
        await world.run("update lead set state = 'due', due_at = now()")
        await tick(world)
        assert (await shown(world))[lead] == expected
        await world.run("update attempt set state = 'ended', outcome = 'no_answer'")
        await world.run("update caller_id set state = 'paused' where phone = :phone", phone=MIAMI)


async def test_parallel_dialers_never_exceed_a_daily_cap_and_say_what_they_wait_for(world: World) -> None:
    await world.account(lines=50)
    await pool(world, NEW_YORK, MIAMI, cap=3)
    await world.leads(await shares_the_pool(world), 20)
    await asyncio.gather(*(tick(world) for _ in range(4)))
    assert Counter((await shown(world)).values()) == {NEW_YORK: 3, MIAMI: 3}
    assert (await tick(world)).reason == "no caller ID may call: 2 at their daily cap, 0 resting or paused"
    await world.run("update attempt set reserved_at = now() - interval '25 hours'")
    await tick(world)
    assert Counter((await shown(world)).values()) == {NEW_YORK: 6, MIAMI: 6}


async def test_an_attempt_that_was_never_made_does_not_count_against_the_cap(world: World) -> None:
    await world.account()
    await pool(world, NEW_YORK, cap=1)
    [lead] = await world.leads(await shares_the_pool(world))
    await tick(world)
    await world.run("update attempt set lease_until = now() - interval '5 seconds'")
    assert [one.lead_id for one in (await tick(world)).admitted] == [lead]


async def test_a_campaign_whose_pool_is_used_up_leaves_the_lines_to_the_others(world: World) -> None:
    await world.account(lines=4)
    used_up, other = await world.campaign(priority=1), await world.campaign(priority=5)
    await pool(world, NEW_YORK, campaign=used_up, cap=1)
    await world.leads(used_up, 10)
    await world.leads(other, 10)
    assert Counter(one.campaign_id for one in (await tick(world)).admitted) == {used_up: 1, other: 3}


async def called(world: World, campaign: str, phone: str, **tallies: int) -> None:
    for tally, count in tallies.items():
        ids = await world.ended(campaign, count, tally, "no_answer")
        await world.run("update attempt set from_number = :phone where id = any(:ids)", phone=phone, ids=ids)


async def test_a_number_that_fewer_people_answer_rests_and_then_starts_anew(world: World) -> None:
    await world.account()
    campaign = await shares_the_pool(world)
    await pool(world, NEW_YORK, MIAMI)
    await called(world, campaign, NEW_YORK, person=1, no_person=59)
    await called(world, campaign, MIAMI, person=30, no_person=30)
    async with world.database.transaction() as session:
        [(phone, rest)] = await judge_caller_ids(session, ACCOUNT)
        assert (phone, rest.rule) == (NEW_YORK, RestRule.LOW_ANSWERS)
        assert await judge_caller_ids(session, ACCOUNT) == []
    await world.leads(campaign, phone="+18015550199")
    assert (await tick(world)).admitted
    assert list((await shown(world)).values()).count(MIAMI) == 61
    await world.run("update caller_id set rests_until = now(), counts_from = now() where phone = :one", one=NEW_YORK)
    async with world.database.transaction() as session:
        again = next(one for one in await list_caller_ids(session, ACCOUNT) if one.row.phone == NEW_YORK)
    assert (again.may_call, again.calls.made) == (True, 0)


async def test_the_last_number_of_a_pool_never_rests_for_its_health(world: World) -> None:
    await world.account()
    campaign = await shares_the_pool(world)
    await pool(world, NEW_YORK, MIAMI)
    await called(world, campaign, NEW_YORK, carrier_fault=8)
    await called(world, campaign, MIAMI, no_person=8)
    async with world.database.transaction() as session:
        await change_caller_id(session, ACCOUNT, MIAMI, state=CallerIdState.PAUSED, daily_cap=None)
        assert await judge_caller_ids(session, ACCOUNT) == []
        await change_caller_id(session, ACCOUNT, MIAMI, state=CallerIdState.ACTIVE, daily_cap=None)
        await session.flush()
    async with world.database.transaction() as session:
        [(phone, rest)] = await judge_caller_ids(session, ACCOUNT)
    assert (phone, rest.rule) == (NEW_YORK, RestRule.CARRIER_FAULTS)


@pytest.mark.parametrize(("others", "goes_on"), [((MIAMI,), True), ((), False)])
async def test_a_refused_number_rests_and_the_others_go_on(
    world: World, others: tuple[str, ...], goes_on: bool
) -> None:
    await world.account()
    await pool(world, NEW_YORK, *others)
    await world.leads(await shares_the_pool(world), phone="+12125550101")
    [one] = (await tick(world)).admitted
    async with world.database.transaction() as session:
        assert await rest_refused_number(session, one.message.attempt_id, 21210) == goes_on
        refused = next(one for one in await list_caller_ids(session, ACCOUNT) if one.row.phone == NEW_YORK)
    assert (refused.may_call, refused.row.rest_rule) == (False, RestRule.CARRIER_REFUSES)


async def test_a_number_is_in_one_pool_and_may_leave_it(world: World) -> None:
    await world.account()
    campaign = await world.campaign()
    await pool(world, NEW_YORK)
    with pytest.raises(CallerIdTaken):
        await pool(world, NEW_YORK, campaign=campaign)
    async with world.database.transaction() as session:
        assert await remove_caller_id(session, ACCOUNT, NEW_YORK)
        assert not await remove_caller_id(session, ACCOUNT, NEW_YORK)
        assert not await change_caller_id(session, ACCOUNT, NEW_YORK, state=None, daily_cap=5)
