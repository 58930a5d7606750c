"""Pins down: a lead that got stuck is found once, noted, and brought back without a second call for one attempt."""

from typing import Any

import pytest

from cadenza.records.sweeper import Sweep, SweepKind, sweep
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY


async def swept(world: World) -> Sweep:
    async with world.database.transaction() as session:
        return await sweep(session, ACCOUNT, CAMPAIGN_ONLY)


async def lead_with_attempt(world: World, lead: dict[str, Any], **attempt: Any) -> str:
    """A lead in a state, and its last attempt; the lead's id. Both are changed after they were made."""
    campaign = await world.campaign(ring_seconds=25, max_call_seconds=600)
    [attempt_id] = await world.ended(campaign, 1, None, "no_answer", ago=3600)
    for table, values in (("lead", lead), ("attempt", attempt)):
        changes = ", ".join(f"{name} = {value}" for name, value in values.items())
        if changes:
            await world.run(f"update {table} set {changes}")
    return attempt_id.removesuffix("-1")


async def test_in_a_healthy_house_nothing_is_found(world: World) -> None:
    await world.account()
    campaign = await world.campaign()
    await world.leads(campaign, 3)
    await world.leads(
        campaign, state="waiting", due_at=(await world.run("select now() + interval '1 hour' as at"))[0].at
    )
    await world.ended(campaign, 2, None, "lapsed")
    assert await swept(world) == Sweep()
    assert await world.run("select 1 from swept") == []


async def test_a_lead_that_overslept_is_due(world: World) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign(), state="waiting", workflow_started=True)
    await world.run("update lead set due_at = now() - interval '10 minutes'")
    assert [(found.kind, found.lead_id) for found in (await swept(world)).found] == [(SweepKind.OVERSLEPT, lead)]
    assert (await world.lead(lead)).state == "due"
    assert (await swept(world)).found == []
    [row] = await world.run("select kind, lead_id from swept")
    assert tuple(row) == ("overslept", lead)


@pytest.mark.parametrize("state", ["new", "due"])
async def test_a_lead_that_is_due_at_no_instant_is_due_now(world: World, state: str) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign(), state=state, due_at=None)
    assert [found.kind for found in (await swept(world)).found] == [SweepKind.WITHOUT_TIME]
    assert (await world.lead(lead)).due_at is not None


async def test_a_calling_lead_that_was_never_called_is_due(world: World) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign(), state="calling")
    assert [found.kind for found in (await swept(world)).found] == [SweepKind.WITHOUT_ATTEMPT]
    assert (await world.lead(lead)).state == "due"


@pytest.mark.parametrize(
    ("lead", "kind"),
    [
        ({"state": "'calling'", "outcome": "null"}, SweepKind.WITHOUT_ATTEMPT),
        ({"state": "'waiting'", "outcome": "null", "due_at": "null"}, SweepKind.WITHOUT_TIME),
    ],
)
async def test_what_comes_after_the_last_attempt_is_decided_again_and_keeps_its_gap(
    world: World, lead: dict[str, Any], kind: SweepKind
) -> None:
    await world.account()
    lead_id = await lead_with_attempt(world, lead)
    assert [found.kind for found in (await swept(world)).found] == [kind]
    stored = await world.lead(lead_id)
    assert stored.state == "waiting"
    [row] = await world.run("select due_at > now() + interval '3 hours' as later from lead")
    assert row.later, "nobody is called sooner than the policy says"
    assert (await swept(world)).found == []


async def test_a_lead_whose_attempt_has_only_just_ended_is_left_to_its_workflow(world: World) -> None:
    await world.account()
    await lead_with_attempt(world, {"state": "'calling'", "outcome": "null"}, ended_at="now()")
    assert (await swept(world)).found == []


@pytest.mark.parametrize("state", ["submitting", "doubtful", "placed", "ringing", "in_progress", "refused"])
async def test_an_attempt_that_nobody_follows_is_told_to_its_workflow_again(world: World, state: str) -> None:
    await world.account()
    lead = await lead_with_attempt(
        world, {"state": "'calling'"}, state=f"'{state}'", outcome="null",
        reserved_at="now() - interval '26 minutes'", announced_at="now() - interval '26 minutes'",
    )  # fmt: skip
    after = await swept(world)
    assert [found.kind for found in after.found] == [SweepKind.UNFOLLOWED]
    assert [one.message.attempt_id for one in after.announce] == [f"{lead}-1"]
    [attempt] = await world.run("select state, number from attempt")
    assert tuple(attempt) == (state, 1), "the attempt stays what it is: only its workflow may end it"
    await world.run("update attempt set announced_at = now()")
    assert (await swept(world)).found == []


async def test_a_lead_of_a_cancelled_campaign_is_asked_to_close(world: World) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign(), state="waiting", workflow_started=True)
    await world.run("update campaign set state = 'cancelled'")
    assert [found.kind for found in (await swept(world)).found] == [SweepKind.NOT_CLOSED]
    assert (await world.lead(lead)).close_as == "cancelled"


async def test_a_campaign_that_left_leads_behind_runs_again(world: World) -> None:
    await world.account()
    campaign = await world.campaign()
    leads = await world.leads(campaign, 2)
    await world.run("update campaign set state = 'completed', ended_at = now()")
    after = await swept(world)
    assert {(found.kind, found.lead_id) for found in after.found} == {(SweepKind.LEFT_BEHIND, lead) for lead in leads}
    [row] = await world.run("select state, ended_at from campaign")
    assert tuple(row) == ("running", None)
    assert (await swept(world)).found == []
