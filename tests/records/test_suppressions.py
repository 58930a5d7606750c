"""Suppressions: from every source, over all campaigns, outliving leads; lifted only by who may."""

import asyncio

import pytest

from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.suppression import SuppressionSource
from cadenza.records.admission import admit_due_leads
from cadenza.records.attempts import claim_voicemail
from cadenza.records.finishing import FinishAttempt, finish_attempt
from cadenza.records.suppressions import (
    is_suppressed,
    lift_by_reply,
    lift_suppression,
    list_suppression_events,
    suppress_number,
    suppress_numbers,
)
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY

PHONE = "+12125550123"


async def suppress(world: World, source: SuppressionSource, phone: str = PHONE, reference: str = "") -> bool:
    async with world.database.transaction() as session:
        return await suppress_number(session, phone, reason="asked", source=source, who="w", reference=reference)


async def lift(world: World, phone: str = PHONE) -> bool:
    async with world.database.transaction() as session:
        return await lift_suppression(
            session, phone, reason="new written consent", who="key:ak_1", source=SuppressionSource.API
        )


async def start(world: World, phone: str = PHONE) -> bool:
    async with world.database.transaction() as session:
        return await lift_by_reply(session, phone, reference="SM1")


async def holds(world: World, phone: str = PHONE) -> bool:
    async with world.database.transaction() as session:
        return await is_suppressed(session, phone)


async def test_it_closes_the_leads_of_every_campaign_and_outlives_them(world: World) -> None:
    await world.account()
    leads = []
    for _ in range(2):
        leads += await world.leads(await world.campaign(), phone=PHONE)
    assert await suppress(world, SuppressionSource.API)
    assert [(await world.lead(lead)).close_as for lead in leads] == ["suppressed"] * 2
    await world.run("delete from campaign")
    assert await world.run("select count(*) from lead") == [(0,)]
    assert await holds(world)
    async with world.database.transaction() as session:
        events = await list_suppression_events(session, PHONE)
    assert [(event.action, event.source, event.reason, event.who) for event in events] == [
        ("suppressed", "api", "asked", "w")
    ]


async def test_every_source_is_kept_once_and_a_lift_is_kept_too(world: World) -> None:
    assert await suppress(world, SuppressionSource.CALL)
    for source in (SuppressionSource.CALL, SuppressionSource.REPLY, SuppressionSource.REPLY):
        assert not await suppress(world, source)
    assert await lift(world)
    assert not await lift(world), "it was lifted before"
    assert await suppress(world, SuppressionSource.CALL)
    async with world.database.transaction() as session:
        events = await list_suppression_events(session, PHONE)
    assert [(event.action, event.source) for event in reversed(events)] == [
        ("suppressed", "call"), ("suppressed", "reply"), ("lifted", "api"), ("suppressed", "call"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "lifted"),
    [
        (["reply"], True),
        (["call"], False),
        (["reply", "call"], False),
        (["list", "reply"], False),
        ([], False),
    ],
)
async def test_a_start_by_reply_lifts_only_what_was_asked_by_reply(
    world: World, sources: list[str], lifted: bool
) -> None:
    for source in sources:
        await suppress(world, SuppressionSource(source))
    assert await start(world) is lifted
    assert await holds(world) is (bool(sources) and not lifted)


async def test_an_opt_out_in_a_call_is_not_lost_to_a_start_at_the_same_moment(world: World) -> None:
    for number in range(20):
        phone = f"+121255501{number:02d}"
        await suppress(world, SuppressionSource.REPLY, phone)
        await asyncio.gather(start(world, phone), suppress(world, SuppressionSource.CALL, phone))
        assert await holds(world, phone), "whichever came first"


async def test_many_numbers_at_once(world: World) -> None:
    await suppress(world, SuppressionSource.CALL, "+12125550100")
    async with world.database.transaction() as session:
        new = await suppress_numbers(
            session,
            [f"+121255501{number:02d}" for number in range(50)] * 2,
            reason="list",
            source="list",
            who="w",
            reference="sl_1",
        )
    assert len(new) == 49
    assert await world.run("select count(*) from suppression") == [(50,)]
    assert await world.run("select count(*) from suppression_event where reference = 'sl_1'") == [(50,)]


async def test_no_message_is_left_for_a_number_suppressed_while_its_machine_answers(world: World) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign(), phone=PHONE)
    await admit(world)
    await suppress(world, SuppressionSource.API)
    async with world.database.transaction() as session:
        assert not await claim_voicemail(session, f"{lead}-1")


async def admit(world: World) -> list[str]:
    async with world.database.transaction() as session:
        tick = await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)
    return [one.lead_id for one in tick.admitted]


async def end_as_wrong_number(world: World, lead: str) -> None:
    await admit(world)
    async with world.database.transaction() as session:
        await finish_attempt(
            session, FinishAttempt(attempt_id=f"{lead}-1", outcome=AttemptOutcome.WRONG_NUMBER), CAMPAIGN_ONLY
        )


@pytest.mark.parametrize(
    ("theirs", "others"),
    [
        ({"name": "Ada Abbott"}, {"name": "Ben Abbott"}),
        ({"name": " ada  ABBOTT ", "email": "other@example.com"}, {"email": "ada@example.com"}),
    ],
)
async def test_a_wrong_number_bars_its_person_in_every_campaign_and_nobody_else_there(
    world: World, theirs: dict[str, str], others: dict[str, str]
) -> None:
    await world.account(lines=1)
    [lead] = await world.leads(await world.campaign(), phone=PHONE, name="Ada Abbott")
    [same] = await world.leads(await world.campaign(), phone=PHONE, due_at=None, state="waiting", **theirs)
    [other] = await world.leads(await world.campaign(), phone=PHONE, due_at=None, state="waiting", **others)
    await end_as_wrong_number(world, lead)
    assert (await world.lead(lead)).outcome == "wrong_number"
    assert (await world.lead(same)).close_as == "wrong_number"
    assert (await world.lead(other)).close_as is None
    assert not await holds(world), "the number itself may be called"


async def test_every_step_of_a_call_and_every_decision_is_in_the_log(world: World) -> None:
    await world.account()
    campaign = await world.campaign()
    [lead] = await world.leads(campaign, phone=PHONE)
    await end_as_wrong_number(world, lead)
    kinds = await world.run("select kind, attempt_id from audit_entry order by id")
    assert [kind for kind, _ in kinds] == ["attempt.reserved", "gate.allowed", "attempt.ended"]
    assert {attempt for _, attempt in kinds} == {f"{lead}-1"}
    written = await world.run("select string_agg(to_jsonb(audit_entry)::text, '') from audit_entry")
    assert PHONE not in written[0][0]
    assert PHONE[2:] not in written[0][0]
