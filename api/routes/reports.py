"""What a campaign did, and what it does now."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from sqlmodel.ext.asyncio.session import AsyncSession

from api.context import Context
from api.pricing import prices
from api.routes.answers import guarded
from api.routes.appointments import appointment_out
from api.routes.campaigns import known_campaign
from api.schemas.breakers import breaker_out
from api.schemas.calls import StageLatencyOut
from api.schemas.reports import (
    AnswerHourOut,
    AnswerHours,
    AnswersOut,
    AttemptFigures,
    CallUnderWay,
    CampaignProgress,
    CampaignReport,
    CostReport,
    NextDue,
    RowErrorSummary,
    UnfinishedLead,
    UploadFigures,
    VoicemailFigures,
)
from cadenza.domain.answer_hours import Answers, HourCount, LearntHours
from cadenza.domain.outcomes import REACHED_NOBODY, BookingState, LeadOutcome, LeadState
from cadenza.domain.reporting import Cost, ReplyTime, Usage, call_rates, estimate_cost, reply_time
from cadenza.domain.row_problem import WARNINGS, RowCode
from cadenza.records.answer_hours import read_hours
from cadenza.records.breakers import read_breaker
from cadenza.records.campaigns import count_leads
from cadenza.records.journal import LATENCY_STAGES
from cadenza.records.leads import list_appointments
from cadenza.records.reports import (
    AttemptCounts,
    StageLatency,
    calls_under_way,
    count_attempts,
    count_call_outcomes,
    count_held,
    count_outcomes,
    count_refusals,
    count_row_problems,
    next_due,
    reply_latency,
    sum_uploads,
    sum_usage,
    unfinished_leads,
)
from cadenza.records.tables import Account

router = APIRouter(prefix="/v1/campaigns/{campaign_id}", tags=["Reports"])
MOST_UNDER_WAY = 50
MOST_UNFINISHED = 100
MOST_APPOINTMENTS = 5000


@router.get("/progress", summary="Watch a campaign", responses=guarded(404))
async def progress(campaign_id: str, context: Context) -> CampaignProgress:
    """Counts by state and outcome, the calls under way and what is due next. Cheap enough for a live view."""
    async with context.database.transaction() as session:
        campaign = await known_campaign(session, campaign_id)
        states = (await count_leads(session, [campaign_id]))[campaign_id]
        outcomes = await count_outcomes(session, campaign_id)
        call_outcomes = await count_call_outcomes(session, campaign_id)
        under_way = await calls_under_way(session, campaign_id, MOST_UNDER_WAY)
        due = await next_due(session, campaign_id)
        held = await count_held(session, campaign_id)
        account = await session.get_one(Account, campaign.account_id)
        breaker = await read_breaker(session, campaign_id)
    return CampaignProgress.model_validate(
        {
            "id": campaign.id,
            "name": campaign.name,
            "state": campaign.state,
            "state_reason": campaign.state_reason,
            "leads": sum(states.values()),
            "finished": states.get(LeadState.FINAL, 0),
            "lead_states": states,
            "outcomes": outcomes,
            "call_outcomes": call_outcomes,
            "under_way": [CallUnderWay.model_validate(call) for call in under_way],
            "next_due": NextDue(lead_id=due[0], at=due[1], step=due[2]) if due else None,
            "held": held,
            "dialer_paused_reason": account.paused_reason,
            "dialer_waiting_reason": account.waiting_reason,
            "breaker": breaker_out(breaker),
        }
    )


@router.get("/report", summary="Read a campaign's report", responses=guarded(404))
async def report(campaign_id: str, context: Context) -> CampaignReport:
    """Outcomes, calls, rates with what they are shares of, appointments, voicemails, what was wrong in the files,
    how long callees waited, what it cost, and the leads without a final outcome."""
    async with context.database.transaction() as session:
        campaign = await known_campaign(session, campaign_id)
        states = (await count_leads(session, [campaign_id]))[campaign_id]
        outcomes = await count_outcomes(session, campaign_id)
        attempts = await count_attempts(session, campaign_id)
        usage = await sum_usage(session, campaign_id)
        latency = await reply_latency(session, campaign_id=campaign_id)
        appointments = await list_appointments(
            session, campaign_id=campaign_id, lead_id=None, after=None, limit=MOST_APPOINTMENTS
        )
        uploads = await _uploads(session, campaign_id)
        refusals = await count_refusals(session, campaign_id)
        hours = await read_hours(session, campaign_id)
        unfinished = await unfinished_leads(session, campaign_id, MOST_UNFINISHED)
    total = sum(states.values())
    confirmed = [pair for pair in appointments if pair[0].state == BookingState.CONFIRMED]
    return CampaignReport.model_validate(
        {
            "id": campaign.id,
            "name": campaign.name,
            "state": campaign.state,
            "started_at": campaign.started_at,
            "ended_at": campaign.ended_at,
            "leads": total,
            "lead_states": states,
            "outcomes": outcomes,
            "attempts": _attempts(attempts),
            "rates": call_rates(
                attempts.outcomes,
                answered=attempts.answered,
                conversations=attempts.conversations,
                persons=attempts.persons,
                abandoned=attempts.abandoned,
            ),
            "appointments": [appointment_out(booking, rep) for booking, rep in appointments],
            "voicemails": VoicemailFigures(
                left=attempts.voicemails_played, leads=outcomes.get(LeadOutcome.VOICEMAIL_LEFT, 0)
            ),
            "uploads": uploads,
            "reply_latency": [StageLatencyOut.model_validate(stage) for stage in latency],
            "reply_time": _reply_time(latency),
            "cost": _cost(usage, estimate_cost(usage, prices(context.settings)), attempts, len(confirmed)),
            "answer_hours": answer_hours_out(hours),
            "refusals": refusals,
            "without_final_outcome": [UnfinishedLead.model_validate(lead) for lead in unfinished],
            "unfinished": total - states.get(LeadState.FINAL, 0),
        }
    )


def _reply_time(stages: Sequence[StageLatency]) -> ReplyTime:
    heard = next((stage for stage in stages if stage.stage == LATENCY_STAGES[-1]), None)
    return reply_time(heard.count, heard.p50, heard.p95) if heard else reply_time(0, None, None)


def answer_hours_out(counts: Sequence[HourCount]) -> AnswerHours:
    """What enough calls were counted of."""
    hours = [(count, Answers(count.rung, count.answered)) for count in counts]
    return AnswerHours(
        hours=[
            AnswerHourOut(weekday=count.weekday, hour=count.hour, **_answers(found))
            for count, found in hours
            if found.is_shown
        ],
        parts={
            part: AnswersOut(**_answers(found)) for part, found in LearntHours(counts).parts.items() if found.is_shown
        },
    )


def _answers(found: Answers) -> dict[str, Any]:
    low, high = found.interval
    return {
        "rung": found.rung, "answered": found.answered, "share": round(found.share, 4), "low": round(low, 4),
        "high": round(high, 4),
    }  # fmt: skip


def _attempts(counts: AttemptCounts) -> AttemptFigures:
    return AttemptFigures(
        dials=_dials(counts),
        outcomes=counts.outcomes,
        answered=counts.answered,
        conversations=counts.conversations,
        retries=counts.retries,
        callbacks=counts.callbacks,
        under_way=counts.under_way,
        disclosures_heard=counts.disclosures_heard,
        unapproved_promises=counts.unapproved_promises,
    )


def _dials(counts: AttemptCounts) -> int:
    return sum(count for outcome, count in counts.outcomes.items() if outcome not in REACHED_NOBODY)


async def _uploads(session: AsyncSession, campaign_id: str) -> UploadFigures:
    findings = [
        RowErrorSummary.model_validate(
            {**found, "severity": "warning" if RowCode(found["code"]) in WARNINGS else "error"}
        )
        for found in await count_row_problems(session, campaign_id)
    ]
    return UploadFigures.model_validate({**await sum_uploads(session, campaign_id), "findings": findings})


def _cost(usage: Usage, cost: Cost, counts: AttemptCounts, appointments: int) -> CostReport:
    def each(number: int) -> float | None:
        return round(cost.total / number, 4) if number else None

    return CostReport(
        total=cost,
        per_dial=each(_dials(counts)),
        per_conversation=each(counts.conversations),
        per_appointment=each(appointments),
        telephony_minutes=usage.telephony_minutes,
        tokens=usage.tokens,
        characters_spoken=usage.characters_spoken,
    )
