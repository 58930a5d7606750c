"""Pins down: what the law refuses is refused at admission, before the POST and at the answer, and is planned around."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cadenza.domain.gate import GateDecision, Rule
from cadenza.domain.outcomes import AttemptOutcome, LeadOutcome
from cadenza.domain.retry import StepKind
from cadenza.records.attempts import Submission
from cadenza.records.call_context import load_call
from cadenza.records.suppressions import suppress_number
from tests.records.lawful import TUESDAY_NOON, Law, SetGate, law, registers

__all__ = ["law", "registers"]

NEW_YORK, FLORIDA, LONDON, SYDNEY = "+12125550123", "+13055550123", "+442079460123", "+61255500123"
LOCAL = {NEW_YORK: "America/New_York", FLORIDA: "America/New_York", LONDON: "Europe/London",
         SYDNEY: "Australia/Sydney"}  # fmt: skip


def noon(phone: str) -> SetGate:
    """The law at Tuesday noon of the number's own place."""
    return SetGate(datetime(2026, 11, 17, 12, tzinfo=ZoneInfo(LOCAL[phone])))


Change = Callable[[Law], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """What is lawful at noon becomes unlawful by `change`, or by the clock or the book of `gate`."""

    rule: Rule
    jurisdiction: str
    phone: str = NEW_YORK
    change: Change | None = None
    gate: Callable[[], SetGate] | None = None
    is_final: bool = False
    is_held: bool = False
    lead: dict[str, Any] = field(default_factory=dict)


async def _listed(law: Law) -> None:
    law.registers.listed_on = frozenset({"US"})


async def _stale(law: Law) -> None:
    law.registers.copied["US"] = timedelta(days=32)


async def _given_away(law: Law) -> None:
    law.registers.reassigned_on = date(2100, 1, 1)


async def _suppressed(law: Law) -> None:
    async with law.world.database.transaction() as session:
        await suppress_number(session, law.phone, reason="asked", source="api")


async def _consent_is_only_oral(law: Law) -> None:
    await law.world.run("update consent set kind = 'express'")


async def _consent_is_implied(law: Law) -> None:
    await law.world.run("update consent set kind = 'implied'")


async def _consent_was_taken_back(law: Law) -> None:
    await law.agrees("refused", days_ago=0)


async def _number_becomes_toll_free(law: Law) -> None:
    await law.world.run("update lead set phone = '+18005550123'")


async def _called_three_times(law: Law) -> None:
    for hours in (2.0, 5.0, 23.5):
        await law.was_called(hours)


async def _abandoned_two_days_ago(law: Law) -> None:
    await law.was_called(48, tally="abandoned")


async def _lead_moves_to_hawaii(law: Law) -> None:
    await law.world.run("""update lead set address = '{"country": "US", "state": "HI"}'""")


CASES = {
    "toll_free": Case(Rule.NUMBER_NOT_CALLABLE, "", change=_number_becomes_toll_free, is_final=True),
    "suppressed": Case(Rule.SUPPRESSED, "", change=_suppressed, is_final=True),
    "on_a_register": Case(Rule.ON_DO_NOT_CALL, "US", change=_listed, is_final=True),
    "stale_register": Case(Rule.DO_NOT_CALL_LIST_STALE, "US", change=_stale, is_held=True),
    "oral_consent": Case(Rule.NO_CONSENT, "US", change=_consent_is_only_oral, is_held=True),
    "implied_consent": Case(Rule.NO_CONSENT, "US", change=_consent_is_implied, is_held=True),
    "consent_taken_back": Case(Rule.NO_CONSENT, "US", change=_consent_was_taken_back, is_held=True),
    "reassigned": Case(Rule.NUMBER_REASSIGNED, "", change=_given_away, is_final=True),
    "night": Case(
        Rule.OUTSIDE_LEGAL_HOURS, "US", gate=lambda: SetGate(TUESDAY_NOON + timedelta(hours=10))
    ),
    "florida_after_eight": Case(
        Rule.OUTSIDE_LEGAL_HOURS, "US-FL", FLORIDA, gate=lambda: SetGate(TUESDAY_NOON + timedelta(hours=8, minutes=30))
    ),
    "too_early_in_another_candidate_zone": Case(
        Rule.OUTSIDE_LEGAL_HOURS, "US", change=_lead_moves_to_hawaii  # noon in New York is 7:00 in Honolulu
    ),
    "holiday_in_australia": Case(
        Rule.PUBLIC_HOLIDAY, "AU", SYDNEY,
        gate=lambda: SetGate(datetime(2026, 12, 25, 12, tzinfo=ZoneInfo("Australia/Sydney"))),
    ),
    "operator_closed_the_day": Case(
        Rule.BLACKOUT_DAY, "",
        gate=lambda: SetGate(TUESDAY_NOON, {"version": "t", "blackout_days": [{"day": "2026-11-17", "reason": "x"}]}),
    ),
    "state_cap_over_all_campaigns": Case(Rule.ATTEMPT_CAP, "US-FL", FLORIDA, change=_called_three_times),
    "72_hours_after_an_abandoned_call": Case(Rule.MINIMUM_GAP, "GB", LONDON, change=_abandoned_two_days_ago),
}  # fmt: skip
EVERY_CASE = pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])


async def _break(law: Law, case: Case) -> SetGate:
    """Make the call unlawful; the gate that has to notice."""
    if case.change is not None:
        await case.change(law)
    return case.gate() if case.gate is not None else noon(case.phone)


@EVERY_CASE
async def test_admission_postpones_holds_or_ends_what_the_law_refuses(law: Law, case: Case) -> None:
    lead_id = await law.lead(case.phone)
    gate = await _break(law, case)
    if case.rule is Rule.SUPPRESSED:  # asks its leads to close by itself: the gate is behind it
        await law.world.run("update lead set close_as = null")
    assert (await law.tick(gate)).admitted == []
    lead = await law.world.lead(lead_id)
    [refusal] = await law.refusals("admission")
    assert (refusal.rule, refusal.jurisdiction, refusal.rules_version) == (
        case.rule, case.jurisdiction, gate.rules.version,
    )  # fmt: skip
    assert bool(refusal.grade and refusal.source) is bool(case.jurisdiction)
    assert lead.held_rule == (case.rule if case.is_held else None)
    assert (lead.close_as is not None) is case.is_final
    assert lead.due_at is not None
    if not case.is_final:
        assert lead.due_at > datetime.now(UTC) + timedelta(minutes=5)
        assert (await law.tick(gate)).admitted == []
        assert len(await law.refusals("admission")) == 1, "it is not asked about in every tick"


@EVERY_CASE
async def test_the_request_to_the_carrier_is_not_made(law: Law, case: Case) -> None:
    await law.lead(case.phone)
    attempt_id = await law.reserved(noon(case.phone))
    gate = await _break(law, case)
    decision = await law.claim(attempt_id, gate)
    assert isinstance(decision, GateDecision)
    assert (decision.rule, decision.jurisdiction) == (case.rule, case.jurisdiction)
    assert [refusal.rule for refusal in await law.refusals("before_post")] == [case.rule]
    [attempt] = await law.world.run("select state, submitted_at from attempt where id = :id", id=attempt_id)
    assert (attempt.state, attempt.submitted_at) == ("refused", None)


@EVERY_CASE
async def test_an_answered_call_is_hung_up(law: Law, case: Case) -> None:
    await law.lead(case.phone)
    attempt_id = await law.reserved(noon(case.phone))
    assert isinstance(await law.claim(attempt_id, noon(case.phone)), Submission)
    gate = await _break(law, case)
    assert (await law.answer(attempt_id, gate)).rule is case.rule
    assert [refusal.rule for refusal in await law.refusals("answer")] == [case.rule]


@EVERY_CASE
async def test_no_retry_is_planned_for_when_the_law_refuses(law: Law, case: Case) -> None:
    lead_id = await law.lead(case.phone)
    attempt_id = await law.reserved(noon(case.phone))
    assert isinstance(await law.claim(attempt_id, noon(case.phone)), Submission)
    gate = await _break(law, case)
    step = await law.finish(attempt_id, gate, AttemptOutcome.BUSY)
    if case.is_final:
        assert step.kind is StepKind.FINISH
        assert step.outcome in {LeadOutcome.SUPPRESSED, LeadOutcome.UNCALLABLE, LeadOutcome.INVALID_NUMBER}
        return
    assert step.at is not None
    assert (await law.world.lead(lead_id)).due_at == step.at
    at_that_time = gate.check(await law.facts(lead_id, gate), step.at)
    if case.is_held:
        assert at_that_time.rule is case.rule  # a person may have acted by then; else admission holds it
    else:
        assert at_that_time.rule not in {case.rule, Rule.OUTSIDE_HOURS}


@pytest.mark.parametrize("phone", list(LOCAL))
async def test_a_lawful_call_passes_every_stage(law: Law, phone: str) -> None:
    gate = noon(phone)
    await law.lead(phone)
    attempt_id = await law.reserved(gate)
    assert isinstance(await law.claim(attempt_id, gate), Submission)
    assert (await law.answer(attempt_id, gate)).allowed
    assert await law.world.run("select 1 from gate_refusal") == []


async def test_no_callback_is_promised_for_an_hour_at_which_nobody_may_be_called(law: Law) -> None:
    gate = noon(NEW_YORK)
    await law.lead(NEW_YORK)
    attempt_id = await law.reserved(gate)
    async with law.world.database.transaction() as session:
        context = await load_call(session, attempt_id, gate)
    assert context is not None
    tonight = TUESDAY_NOON + timedelta(hours=10) - gate.shift
    morning = datetime(2026, 11, 18, 8, tzinfo=ZoneInfo(LOCAL[NEW_YORK])) - gate.shift
    assert context.opening(tonight) == morning
    assert context.opening(morning + timedelta(hours=2)) == morning + timedelta(hours=2)


async def test_each_yes_says_under_which_rules(law: Law) -> None:
    """Also where they change between two stages of one call."""
    lead_id = await law.lead(NEW_YORK)
    before, after = noon(NEW_YORK), SetGate(TUESDAY_NOON, {"version": "later"})
    attempt_id = await law.reserved(before)
    assert isinstance(await law.claim(attempt_id, after), Submission)
    assert (await law.answer(attempt_id, after)).allowed
    said = await law.world.run(
        "select details ->> 'stage' as stage, details ->> 'rules_version' as version from audit_entry "
        "where kind = 'gate.allowed' and lead_id = :lead order by id",
        lead=lead_id,
    )
    assert [(one.stage, one.version) for one in said] == [
        ("admission", before.rules.version), ("before_post", after.rules.version), ("answer", after.rules.version),
    ]  # fmt: skip
