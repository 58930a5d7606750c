"""The end of an attempt and of a lead: what came of it, and what is next. See attempts.py for what goes before."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.closing import outcome_for
from cadenza.domain.gate import Gate
from cadenza.domain.outcomes import REACHED_NOBODY, AttemptOutcome, AttemptState, LeadOutcome, LeadState
from cadenza.domain.retry import NextStep, StepKind, decide_next_step
from cadenza.records.answer_hours import note_ring, read_learnt
from cadenza.records.attempts import advance, count_what_rang, get_attempt, read_tally
from cadenza.records.database import lock_one
from cadenza.records.gate_facts import database_now, read_gate_facts
from cadenza.records.history import next_number, read_history
from cadenza.records.tables import Lead
from cadenza.records.wrong_numbers import note_wrong_number


class FinishAttempt(BaseModel):
    """How an attempt ended, as the lead's workflow found it."""

    model_config = ConfigDict(frozen=True)

    attempt_id: str
    outcome: AttemptOutcome
    reason: str = ""
    callback_at: datetime | None = None
    close_as: LeadOutcome | None = None


async def finish_attempt(session: AsyncSession, finish: FinishAttempt, gate: Gate) -> NextStep:
    """Record how the attempt ended, free its line, decide what is next and write it to the lead. A next attempt is
    planned for an instant that the gate allows by what is known now; the lead ends if it never will.

    Idempotent: a second call for a finished attempt changes nothing and decides the same again from what is stored.
    """
    attempt = await get_attempt(session, finish.attempt_id, lock=True)
    lead = await lock_one(session, Lead, attempt.lead_id)
    now = await database_now(session)
    ends_now = attempt.outcome is None
    if ends_now:
        attempt.outcome = finish.outcome.value
        attempt.outcome_reason = finish.reason or attempt.outcome_reason
        attempt.callback_at = finish.callback_at or attempt.callback_at
        attempt.ended_at = attempt.ended_at or now
        count_what_rang(attempt)
        attempt.tally = attempt.tally or await read_tally(session, attempt)
        if attempt.outcome == AttemptOutcome.WRONG_NUMBER:
            await note_wrong_number(session, attempt.lead_id, attempt.id)
    advance(attempt, AttemptState.ENDED)
    session.add(attempt)
    await session.flush()
    if lead.state == LeadState.FINAL:
        return NextStep(
            kind=StepKind.FINISH, reason=lead.outcome_reason, outcome=LeadOutcome(lead.outcome or LeadOutcome.FAILED)
        )
    history = await read_history(session, lead.id)
    lead.attempts_made = sum(past.outcome not in REACHED_NOBODY for past in history)
    facts = (await read_gate_facts(session, [lead.id], gate))[lead.id].without_switches()
    decision = gate.check(facts, now)
    never = outcome_for(decision.rule) if decision.is_final else None
    if ends_now:
        await note_ring(session, attempt, facts.zone)
    learns = facts.policy.retry_at_other_times_of_day and facts.policy.learn_when_people_answer
    step = decide_next_step(
        facts.policy,
        history,
        now,
        lambda earliest: gate.next_planned(facts, earliest),
        facts.zone,
        promised_at=attempt.callback_at,
        close_as=finish.close_as or (LeadOutcome(lead.close_as) if lead.close_as else never),
        learnt=await read_learnt(session, attempt.campaign_id) if learns else None,
    )
    if attempt.number + 1 == await next_number(session, lead.id):
        _write_step(lead, step, now)  # a repeat that comes after the next admission must not disturb it
    session.add(lead)
    await session.flush()
    return step


async def finish_lead(session: AsyncSession, lead_id: str, outcome: LeadOutcome, reason: str) -> LeadOutcome:
    """Give the lead its final outcome, if it has none yet; returns the one it has."""
    lead = await lock_one(session, Lead, lead_id)
    if lead.state != LeadState.FINAL:
        now = await database_now(session)
        _write_step(lead, NextStep(kind=StepKind.FINISH, reason=reason, outcome=outcome), now)
        session.add(lead)
        await session.flush()
    return LeadOutcome(lead.outcome or outcome)


async def has_webhook(session: AsyncSession, lead_id: str) -> bool:
    """Whether the customer's system is to hear of the lead's end."""
    found = await session.execute(
        text(
            "select coalesce(campaign.webhook_url, '') <> '' from campaign join lead on lead.campaign_id = campaign.id "
            "where lead.id = :lead"
        ),
        {"lead": lead_id},
    )
    return bool(found.scalar())


async def report_due(session: AsyncSession, lead_id: str) -> bool:
    """The lead's time has come: the next tick may admit it. False if it is not waiting (any more)."""
    changed = await session.execute(
        text(
            "update lead set state = 'due', next_step = 'next call' where id = :lead and state = 'waiting' returning id"
        ),
        {"lead": lead_id},
    )
    return changed.first() is not None


def _write_step(lead: Lead, step: NextStep, now: datetime) -> None:
    if step.kind is StepKind.FINISH:
        lead.state, lead.due_at, lead.next_step, lead.held_rule = LeadState.FINAL, None, "", None
        lead.outcome = step.outcome.value if step.outcome else None
        lead.outcome_reason, lead.final_at = step.reason, now
    else:
        at = step.at or now
        lead.state = LeadState.WAITING if at > now else LeadState.DUE
        lead.due_at, lead.next_step, lead.is_callback = at, step.reason, step.is_callback
