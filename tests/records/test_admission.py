"""Pins down: lines and calls per second are never overspent; pause, cancel and opt-out act at the next tick."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import UTC, datetime, time, timedelta
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import event, text

from cadenza.domain.calling_hours import DayHours, WeeklyHours
from cadenza.domain.outcomes import CampaignState
from cadenza.records import reservation
from cadenza.records.admission import AdmissionTick, admit_due_leads, mark_announced, mark_close_sent
from cadenza.records.suppressions import is_suppressed, suppress_number
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY


async def tick(world: World) -> AdmissionTick:
    async with world.database.transaction() as session:
        return await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)


async def statements_of(world: World, asking: Awaitable[AdmissionTick]) -> tuple[AdmissionTick, list[str]]:
    """What it gives, and the statements that it sent to the database."""
    asked: list[str] = []
    engine = world.database.engine.sync_engine

    def note(*told: Any) -> None:
        asked.append(told[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        return await asking, asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


_CALLED_TODAY = """
    insert into attempt (id, lead_id, campaign_id, account_id, number, phone, from_number, state, submitted_at,
        leaves_voicemail, lease_until, sequence, outcome, outcome_reason, conversation_over,
        disclosure_heard, listening_seconds, tokens, characters_spoken, ended_at)
    select id || '-' || cast(:number as text), id, campaign_id, 'AC1', :number, :phone, '+12125550199', 'ended', now(),
        false, now(), -1, 'no_answer', '', true, false, 0, 0, 0, now()
    from lead where id = :lead
"""


async def test_a_due_lead_gets_a_reserved_attempt_with_a_lease(world: World) -> None:
    await world.account()
    campaign = await world.campaign()
    [lead_id] = await world.leads(campaign)
    [admission] = (await tick(world)).admitted
    assert admission.message.attempt_id == f"{lead_id}-1"
    assert (await world.lead(lead_id)).state == "calling"
    [row] = await world.run("select state, lease_until > now() as leased from attempt")
    assert (row.state, row.leased) == ("reserved", True)


async def test_a_call_that_may_be_transferred_is_followed_for_longer(world: World) -> None:
    await world.account()
    target = {"id": "sales", "label": "our sales team", "phone": "+12125550142"}
    await world.leads(await world.campaign(transfer_targets=[target], max_transfer_seconds=900))
    await world.leads(await world.campaign(max_transfer_seconds=900))
    admitted = (await tick(world)).admitted
    assert {one.message.max_call_seconds for one in admitted} == {600}
    assert sorted(one.message.max_transfer_seconds for one in admitted) == [0, 900]


async def test_parallel_dialers_never_use_more_lines_than_there_are(world: World) -> None:
    await world.account(lines=7)
    await world.leads(await world.campaign(), 30)
    ticks = await asyncio.gather(*(tick(world) for _ in range(6)))
    admitted = [admission.message.attempt_id for each in ticks for admission in each.admitted]
    assert len(admitted) == len(set(admitted)) == 7


async def test_calls_per_second_are_not_saved_up(world: World) -> None:
    await world.account(calls_per_second=2.0)
    await world.leads(await world.campaign(), 30)
    began = monotonic()
    assert len((await tick(world)).admitted) == 2
    assert len((await tick(world)).admitted) <= 2.0 * (monotonic() - began)  # at once: none
    await world.run("update attempt set state = 'in_progress'")
    await world.run("update account set last_tick_at = now() - interval '1 hour'")
    assert len((await tick(world)).admitted) == 2


async def test_a_full_or_missing_bridge_holds_admission_back(world: World) -> None:
    await world.account(bridge_room=3)
    await world.leads(await world.campaign(), 10)
    assert len((await tick(world)).admitted) == 3
    await world.run("update bridge_node set beat_at = now() - interval '1 minute'")
    assert (await tick(world)).reason == "no voice bridge is running"


async def test_lines_are_shared_fairly_and_promised_callbacks_come_first(world: World) -> None:
    await world.account(lines=6)
    first, second = await world.campaign(), await world.campaign()
    await world.leads(first, 20)
    await world.leads(second, 20)
    [promised] = await world.leads(first, is_callback=True)
    admitted = (await tick(world)).admitted
    assert promised in [admission.lead_id for admission in admitted]
    assert set(Counter(admission.campaign_id for admission in admitted).values()) == {3}


async def test_a_paused_campaign_is_not_admitted_and_its_unringing_calls_are_withdrawn(world: World) -> None:
    await world.account()
    campaign = await world.campaign()
    await world.leads(campaign, 2)
    [one, two] = (await tick(world)).admitted
    await world.run("update attempt set state = 'placed', call_sid = id where id = :id", id=one.message.attempt_id)
    await world.run("update attempt set state = 'ringing', call_sid = id where id = :id", id=two.message.attempt_id)
    await world.leads(campaign, 3)
    await world.run("update campaign set state = 'paused'")
    after = await tick(world)
    assert after.admitted == []
    assert [message.attempt_id for _, _, message in after.withdraw] == [one.message.attempt_id]


async def test_a_pause_in_the_middle_of_a_tick_moves_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.account()
    campaign = await world.campaign()
    await world.leads(campaign, 3)
    read_facts = reservation.read_gate_facts

    async def paused_meanwhile(session: Any, *asked: Any) -> Any:
        await world.run("update campaign set state = 'paused'")
        return await read_facts(session, *asked)

    monkeypatch.setattr(reservation, "read_gate_facts", paused_meanwhile)
    refused = await tick(world)
    assert (len(refused.admitted), refused.refused) == (0, 3)
    monkeypatch.undo()
    await world.run("update campaign set state = 'running'")
    assert len((await tick(world)).admitted) == 3


async def test_an_unused_reservation_lapses_and_the_lead_comes_back(world: World) -> None:
    await world.account()
    [lead_id] = await world.leads(await world.campaign())
    await tick(world)
    await world.run("update attempt set lease_until = now() - interval '5 seconds'")
    [again] = (await tick(world)).admitted
    assert again.message.attempt_id == f"{lead_id}-2"
    assert (await world.run("select outcome from attempt where number = 1"))[0].outcome == "lapsed"


async def test_an_admission_that_was_not_announced_is_announced_again(world: World) -> None:
    await world.account()
    await world.leads(await world.campaign())
    [first] = (await tick(world)).admitted
    await world.run("update attempt set reserved_at = now() - interval '5 seconds'")
    [again] = (await tick(world)).admitted
    assert again == first
    async with world.database.transaction() as session:
        await mark_announced(session, [first.message.attempt_id])
    assert (await tick(world)).admitted == []


async def test_outside_its_hours_a_lead_is_moved_to_the_next_opening_and_the_refusal_is_stored(world: World) -> None:
    await world.account()
    hour = datetime.now(UTC).hour
    closed = time((hour + 12) % 24), time((hour + 13) % 24)
    day = DayHours(opens=closed[0], closes=closed[1])
    hours = WeeklyHours(monday=day, tuesday=day, wednesday=day, thursday=day, friday=day, saturday=day, sunday=day)
    campaign = await world.campaign(calling_hours=hours.model_dump(mode="json"))
    [lead_id] = await world.leads(campaign)
    await world.run("update lead set said_zone = 'UTC'")
    assert (await tick(world)).admitted == []
    lead = await world.lead(lead_id)
    assert lead.due_at is not None
    assert timedelta(hours=10) < lead.due_at - datetime.now(UTC) < timedelta(hours=13)
    [refusal] = await world.run("select rule, stage from gate_refusal where lead_id = :lead", lead=lead_id)
    assert (refusal.rule, refusal.stage) == ("outside_hours", "admission")


async def test_a_refusal_is_counted_stored_and_logged_once(world: World) -> None:
    await world.account()
    campaign = await world.campaign(max_calls_per_day=1)
    [lead] = await world.leads(campaign)
    await tick(world)
    await world.run("update attempt set state = 'ended', outcome = 'no_answer', submitted_at = now()")
    await world.run("update lead set state = 'due'")
    after = await tick(world)
    assert (after.admitted, after.refused) == ([], 1)
    [stored] = await world.run("select rule, reason, next_at from gate_refusal where lead_id = :lead", lead=lead)
    [logged] = await world.run(
        "select why, lead_id, details, cast(details ->> 'next_at' as timestamptz) as next_at from audit_entry "
        "where kind = 'gate.refused' and who = 'gate'"
    )
    assert (logged.why, logged.lead_id, logged.next_at) == (stored.reason, lead, stored.next_at)
    assert (logged.details["stage"], logged.details["rule"]) == ("admission", "daily_cap")
    assert stored.rule == "daily_cap"


@pytest.mark.parametrize(("leads", "campaigns"), [(1, 1), (8, 4)])
async def test_a_tick_goes_to_the_database_a_few_times_however_much_it_admits(
    world: World, leads: int, campaigns: int
) -> None:
    await world.account(lines=leads * campaigns)
    for _ in range(campaigns):
        await world.leads(await world.campaign(), leads)
    after, asked = await statements_of(world, tick(world))
    assert len(after.admitted) == leads * campaigns
    assert len(asked) <= 13, asked


@pytest.mark.parametrize("limit", [{"calls_per_second": 0.1}, {"max_lines": 1}])
async def test_a_campaign_that_is_asleep_is_moved_to_its_morning_in_large_steps_whatever_its_limits(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: dict[str, Any]
) -> None:
    monkeypatch.setattr(reservation, "REFUSING_SECONDS", 60.0)
    await world.account()
    asleep = await world.campaign(max_calls_per_day=1, **limit)
    [called] = await world.leads(asleep, phone="+12125550199", state="final", due_at=None)
    for number in range(60):
        phone = f"+130555501{number:02d}"
        await world.leads(asleep, phone=phone)
        await world.run(_CALLED_TODAY, lead=called, number=number, phone=phone)
    [open_lead] = await world.leads(asleep)
    after, asked = await statements_of(world, tick(world))
    assert after.refused == 60
    assert [one.lead_id for one in after.admitted] == [open_lead]
    assert sum("insert into gate_refusal" in statement for statement in asked) <= 4, "rounds of refusals"


async def test_what_lapsed_what_is_closed_and_who_woke_are_put_right_by_one_tick(world: World) -> None:
    await world.account(lines=2)
    campaign = await world.campaign()
    [lapsed] = await world.leads(campaign)
    await tick(world)
    await world.run("update attempt set lease_until = now() - interval '5 seconds'")
    [closed] = await world.leads(campaign, close_as="cancelled")
    [woken] = await world.leads(campaign, state="waiting", workflow_started=True)
    after = await tick(world)
    assert {one.lead_id for one in after.admitted} == {lapsed, woken}, "the line of what lapsed is free again"
    assert (await world.lead(closed)).outcome == "cancelled"


async def test_who_waited_for_another_dialers_tick_goes_by_the_time_after_it(world: World) -> None:
    await world.account(calls_per_second=1.0, lines=50)
    await world.leads(await world.campaign(), 5)
    async with world.database.transaction() as session:
        first = await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)
        waiting = asyncio.create_task(tick(world))
        for _ in range(200):
            blocked = await world.run("select 1 from pg_stat_activity where wait_event_type = 'Lock'")
            if blocked:
                break
            await asyncio.sleep(0.02)
        await session.execute(text("select pg_sleep(0.2)"))
        at = (await session.execute(text("select clock_timestamp()"))).scalar_one()
    second = await waiting
    [account] = await world.run("select last_tick_at from account")
    assert blocked, "the second tick waited"
    assert len(first.admitted) == 1
    assert len(second.admitted) <= 1
    assert account.last_tick_at >= at, "its clock was read behind the lock"


async def test_a_suppressed_number_ends_every_lead_with_it_in_every_campaign(world: World) -> None:
    await world.account()
    phone = "+12125550100"
    [fresh] = await world.leads(await world.campaign(), phone=phone)
    [asleep] = await world.leads(await world.campaign(), phone=phone, state="waiting", workflow_started=True)
    async with world.database.transaction() as session:
        assert await suppress_number(session, phone, reason="asked in the call", source="call")
        assert not await suppress_number(session, phone, reason="again", source="api")
        assert await is_suppressed(session, phone)
    after = await tick(world)
    assert after.admitted == []
    assert (await world.lead(fresh)).outcome == "suppressed"
    assert [lead for _, lead, _ in after.close] == [asleep]
    async with world.database.transaction() as session:
        await mark_close_sent(session, [asleep])
    assert (await tick(world)).close == []


async def test_one_number_is_never_called_for_two_campaigns_at_once(world: World) -> None:
    await world.account()
    for _ in range(2):
        await world.leads(await world.campaign(), phone="+12125550100")
    assert len((await tick(world)).admitted) == 1
    assert (await tick(world)).admitted == []


async def test_a_campaigns_own_limit_of_lines_holds(world: World) -> None:
    await world.account()
    await world.leads(await world.campaign(max_lines=2), 10)
    assert len((await tick(world)).admitted) == 2


@pytest.mark.parametrize(("due", "admitted"), [("1 minute", 0), ("-1 second", 1), ("-1 day", 1)])
async def test_a_sleeping_lead_is_admitted_when_its_time_comes(world: World, due: str, admitted: int) -> None:
    await world.account()
    await world.leads(await world.campaign(), state="waiting", workflow_started=True)
    await world.run("update lead set due_at = now() + cast(:due as interval)", due=due)
    assert len((await tick(world)).admitted) == admitted


async def test_a_lead_that_woke_without_a_line_is_due(world: World) -> None:
    await world.account(lines=0)
    [lead] = await world.leads(await world.campaign(), state="waiting", workflow_started=True)
    await tick(world)
    woken = await world.lead(lead)
    assert (woken.state, woken.next_step) == ("due", "next call")


async def test_an_unknown_account_admits_nothing(world: World) -> None:
    assert (await tick(world)).reason == "the account is not set up"


async def test_a_draft_campaign_is_not_dialled(world: World) -> None:
    await world.account()
    await world.leads(await world.campaign(CampaignState.DRAFT))
    assert (await tick(world)).admitted == []


async def test_a_tick_over_many_leads_reads_only_what_it_needs(world: World) -> None:
    await world.account(lines=5)
    campaign = await world.campaign()
    await world.leads(campaign, 500)
    async with world.database.transaction() as session:
        await session.execute(text("analyze lead"))
    assert len((await tick(world)).admitted) == 5
