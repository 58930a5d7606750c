"""Pins down: who lacks what only a person can bring is held, not asked about in every tick, and freed in time."""

from datetime import UTC, datetime, timedelta

import pytest

from cadenza.domain.gate import GateDecision, Rule
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.retry import StepKind
from cadenza.records.attempts import Submission
from cadenza.records.held_leads import ASKED_AGAIN_AFTER, wake_held
from tests.records.lawful import TUESDAY_NOON, Law, Registers, SetGate, law, registers
from tests.support.gates import CAMPAIGN_ONLY

__all__ = ["law", "registers"]

PHONE = "+16465550123"


def noon() -> SetGate:
    return SetGate(TUESDAY_NOON)


async def test_a_lead_without_consent_is_held_in_sight_and_asked_again_hours_later(law: Law) -> None:
    lead_id = await law.lead(PHONE, consent=None)
    await law.tick(noon())
    lead = await law.world.lead(lead_id)
    assert (lead.state, lead.held_rule, lead.close_as) == ("new", "no_consent", None)
    assert "needs a consent of grade written" in lead.next_step
    assert lead.due_at is not None
    assert abs(lead.due_at - datetime.now(UTC) - ASKED_AGAIN_AFTER) < timedelta(minutes=1)
    await law.world.run("update lead set due_at = now()")
    await law.tick(noon())
    assert len(await law.refusals("admission")) == 2


@pytest.mark.parametrize("mend", ["consent", "register"])
async def test_a_held_lead_is_called_when_what_was_missing_is_there(law: Law, registers: Registers, mend: str) -> None:
    lead_id = await law.lead(PHONE, consent="express_written" if mend == "register" else None)
    registers.copied["US"] = timedelta(days=40 if mend == "register" else 1)
    await law.tick(noon())
    rule = Rule.DO_NOT_CALL_LIST_STALE if mend == "register" else Rule.NO_CONSENT
    assert (await law.world.lead(lead_id)).held_rule == rule
    if mend == "register":
        registers.copied["US"] = timedelta(hours=1)
    else:
        await law.agrees("express_written")
    async with law.world.database.transaction() as session:
        assert await wake_held(session, [rule], phones=["+13055550199"]) == 0
        assert await wake_held(session, [rule], phones=[PHONE]) == 1
    assert [one.lead_id for one in (await law.tick(noon())).admitted] == [lead_id]
    assert (await law.world.lead(lead_id)).held_rule is None


async def test_a_new_register_frees_only_those_held_for_one(law: Law, registers: Registers) -> None:
    registers.copied = {}
    waits_for_register = await law.lead(PHONE)
    await law.tick(noon())
    async with law.world.database.transaction() as session:
        assert await wake_held(session, [Rule.NO_CONSENT]) == 0
        assert await wake_held(session, [Rule.DO_NOT_CALL_LIST_STALE]) == 1
    assert (await law.world.lead(waits_for_register)).held_rule is None


async def test_a_register_that_grows_old_overnight_does_not_hold_the_lead_before_the_morning(
    law: Law, registers: Registers
) -> None:
    lead_id = await law.lead(PHONE)
    registers.copied["US"] = timedelta(days=31) - timedelta(hours=1)
    night = SetGate(TUESDAY_NOON - timedelta(hours=8))
    await law.tick(night)
    lead = await law.world.lead(lead_id)
    assert lead.held_rule is None
    assert lead.due_at is not None
    assert timedelta(hours=3) < lead.due_at - datetime.now(UTC) < timedelta(hours=5)


async def test_those_who_may_be_called_are_found_behind_many_who_may_not(
    law: Law, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cadenza.records.reservation.REFUSING_SECONDS", 30.0)  # however slow this machine is
    await law.lead(PHONE)
    campaign = (await law.world.run("select id from campaign"))[0].id
    await law.world.run("update lead set due_at = now()")
    asleep = await law.world.leads(campaign, 80, due_at=datetime(2020, 1, 1, tzinfo=UTC))  # without consent
    assert [one.lead_id for one in (await law.tick(noon())).admitted] == [law.lead_id]
    [held] = await law.world.run("select count(*) as leads from lead where held_rule = 'no_consent'")
    assert held.leads == len(asleep)


async def test_a_paused_account_sends_nothing_that_was_reserved_before_but_its_probe(law: Law) -> None:
    await law.lead(PHONE)
    attempt_id = await law.reserved(noon())
    await law.world.run("update account set paused_reason = 'the carrier refuses our calls', paused_rule = 'carrier'")
    await law.world.run(
        "insert into breaker (id, account_id, state, reason, failed_probes, probe_attempt_id) "
        "select id, id, 'probing', '', 0, :probe from account", probe=attempt_id,
    )  # fmt: skip
    assert isinstance(await law.claim(attempt_id, noon()), Submission)
    await law.world.run("update breaker set probe_attempt_id = 'another'")
    await law.world.run("update attempt set state = 'reserved'")
    decision = await law.claim(attempt_id, noon())
    assert isinstance(decision, GateDecision)
    assert decision.rule is Rule.ACCOUNT_HELD


async def test_a_call_that_rings_goes_on_when_calling_is_paused_and_is_judged_by_when_it_rang(law: Law) -> None:
    await law.lead(PHONE)
    attempt_id = await law.reserved(noon())
    await law.claim(attempt_id, noon())
    await law.world.run("update account set paused_reason = 'lunch'")
    await law.world.run("update campaign set state = 'paused'")
    closing = TUESDAY_NOON + timedelta(hours=9, seconds=20)  # 21:00:20, and it began to ring at 20:59:50
    await law.world.run("update attempt set ringing_at = now() - interval '30 seconds'")
    assert (await law.answer(attempt_id, SetGate(closing))).allowed


async def test_a_pause_ends_no_lead_and_moves_no_plan(law: Law) -> None:
    await law.lead(PHONE)
    attempt_id = await law.reserved(CAMPAIGN_ONLY)
    await law.claim(attempt_id, CAMPAIGN_ONLY)
    await law.world.run("update campaign set state = 'paused'")
    step = await law.finish(attempt_id, CAMPAIGN_ONLY, AttemptOutcome.BUSY)
    assert step.kind is StepKind.RETRY
    assert step.at is not None
    assert step.at - datetime.now(UTC) < timedelta(minutes=21)
