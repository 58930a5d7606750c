"""The figures behind a campaign's report and its live view. Reading only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import OPEN_ATTEMPT_STATES, AttemptOutcome
from cadenza.domain.reporting import HUMAN, Usage
from cadenza.records.journal import LATENCY_STAGES


@dataclass(frozen=True)
class StageLatency:
    """Milliseconds: since the callee's last sound, and of these since the stage before in the same reply
    (by time: a filler may sound before the first sentence is whole)."""

    stage: str
    count: int
    p50: float
    p90: float
    p95: float
    p99: float
    took_p50: float
    took_p95: float


@dataclass(frozen=True)
class AttemptCounts:
    outcomes: dict[AttemptOutcome, int]
    answered: int
    conversations: int
    retries: int
    callbacks: int
    voicemails_played: int
    disclosures_heard: int
    persons: int
    abandoned: int
    under_way: int
    unapproved_promises: int


async def count_outcomes(session: AsyncSession, campaign_id: str) -> dict[str, int]:
    """Leads by final outcome."""
    return await _counts(
        session,
        "select outcome as name, count(*) as number from lead "
        "where campaign_id = :id and outcome is not null group by 1",
        campaign_id,
    )


async def count_call_outcomes(session: AsyncSession, campaign_id: str) -> dict[str, int]:
    """Ended attempts by outcome, those that rang nobody included."""
    return await _counts(
        session,
        "select outcome as name, count(*) as number from attempt "
        "where campaign_id = :id and outcome is not null group by 1",
        campaign_id,
    )


async def count_attempts(session: AsyncSession, campaign_id: str) -> AttemptCounts:
    """A conversation is two turns of the callee, or thirty seconds with a person."""
    outcomes = await count_call_outcomes(session, campaign_id)
    row = (
        await session.execute(
            text(
                """
                with made as (
                    select attempt.*, row_number() over (partition by lead_id order by number) as nth,
                           lag(outcome) over (partition by lead_id order by number) as previous,
                           (select count(*) from turn
                            where turn.attempt_id = attempt.id and speaker = 'callee') as turns
                    from attempt
                    where campaign_id = :id and submitted_at is not null
                      and outcome is distinct from 'refused' and outcome is distinct from 'withdrawn'
                      and outcome is distinct from 'lapsed' and state <> 'refused'
                )
                select count(*) filter (where answered_at is not null) as answered,
                       count(*) filter (where nth > 1) as retries,
                       count(*) filter (where nth > 1 and previous = 'callback_promised') as callbacks,
                       count(*) filter (where voicemail_played_at is not null) as voicemails_played,
                       count(*) filter (where disclosure_heard) as disclosures_heard,
                       count(*) filter (where unapproved_promises <> '[]'::jsonb) as unapproved_promises,
                       count(*) filter (where tally in ('person', 'abandoned')) as persons,
                       count(*) filter (where tally = 'abandoned') as abandoned,
                       count(*) filter (where outcome = any(:human) and (turns >= 2 or duration_seconds >= 30))
                           as conversations,
                       count(*) filter (where state in ('submitting', 'doubtful', 'placed', 'ringing', 'in_progress'))
                           as under_way
                from made
                """
            ),
            {"id": campaign_id, "human": _HUMAN},
        )
    ).one()
    return AttemptCounts(outcomes={AttemptOutcome(name): count for name, count in outcomes.items()}, **row._mapping)


async def sum_usage(session: AsyncSession, campaign_id: str) -> Usage:
    row = (await session.execute(_USAGE, {"campaign": campaign_id, "attempt": None})).mappings().one()
    return Usage(**row)


async def sum_call_usage(session: AsyncSession, attempt_id: str) -> Usage:
    row = (await session.execute(_USAGE, {"campaign": None, "attempt": attempt_id})).mappings().one()
    return Usage(**row)


async def reply_latency(
    session: AsyncSession, *, campaign_id: str | None = None, attempt_id: str | None = None
) -> list[StageLatency]:
    """Percentiles of each stage that was measured."""
    rows = await session.execute(
        text(
            """
            with measured as (
                select stage.key as stage, stage.value::float as reached,
                       stage.value::float - coalesce(lag(stage.value::float) over (
                           partition by turn.id
                           order by stage.value::float, array_position(cast(:stages as text[]), stage.key)
                       ), 0) as took
                from turn join attempt on attempt.id = turn.attempt_id
                cross join lateral jsonb_each_text(turn.latency) as stage
                where jsonb_typeof(turn.latency) = 'object' and jsonb_typeof(turn.latency -> stage.key) = 'number'
                  and stage.key = any(:stages)
                  and (cast(:campaign as text) is null or attempt.campaign_id = :campaign)
                  and (cast(:attempt as text) is null or attempt.id = :attempt)
            )
            select stage, count(*) as measured,
                   percentile_cont(array[0.5, 0.9, 0.95, 0.99]) within group (order by reached)
                   || percentile_cont(array[0.5, 0.95]) within group (order by took) as points
            from measured group by stage
            """
        ),
        {"campaign": campaign_id, "attempt": attempt_id, "stages": list(LATENCY_STAGES)},
    )
    found = {row.stage: row for row in rows}
    return [
        StageLatency(stage, found[stage].measured, *(round(point, 1) for point in found[stage].points))
        for stage in LATENCY_STAGES
        if stage in found
    ]


async def count_row_problems(session: AsyncSession, campaign_id: str) -> list[dict[str, Any]]:
    """Findings by code, with the fix and the first rows."""
    rows = await session.execute(
        text(
            """
            select code, count(*) as count, min(message) as message, min(fix) as fix,
                   (array_agg(row order by row_error.id))[1:20] as rows
            from row_error join upload on upload.id = row_error.upload_id
            where upload.campaign_id = :id and not upload.dry_run group by code order by count(*) desc, code
            """
        ),
        {"id": campaign_id},
    )
    return [dict(row) for row in rows.mappings()]


async def sum_uploads(session: AsyncSession, campaign_id: str) -> dict[str, int]:
    row = await session.execute(
        text(
            "select count(*) as files, coalesce(sum(rows), 0) as rows, coalesce(sum(accepted), 0) as accepted, "
            "coalesce(sum(rejected), 0) as rejected from upload "
            "where campaign_id = :id and state = 'done' and not dry_run"
        ),
        {"id": campaign_id},
    )
    return {name: int(value) for name, value in row.mappings().one().items()}


async def count_refusals(session: AsyncSession, campaign_id: str) -> dict[str, int]:
    """How often each rule of the gate said no."""
    return await _counts(
        session,
        "select rule as name, count(*) as number from gate_refusal join lead on lead.id = gate_refusal.lead_id "
        "where lead.campaign_id = :id group by 1",
        campaign_id,
    )


async def count_held(session: AsyncSession, campaign_id: str) -> dict[str, int]:
    """Leads that wait for a person, by the rule that asks for what they lack."""
    return await _counts(
        session,
        "select held_rule as name, count(*) as number from lead "
        "where campaign_id = :id and held_rule is not null group by 1",
        campaign_id,
    )


async def unfinished_leads(session: AsyncSession, campaign_id: str, limit: int) -> list[dict[str, Any]]:
    """Leads without a final outcome, the one that is due first first."""
    rows = await session.execute(
        text(
            "select id as lead_id, state, next_step, due_at from lead where campaign_id = :id and state <> 'final' "
            "order by due_at nulls first, id limit :limit"
        ),
        {"id": campaign_id, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


async def calls_under_way(session: AsyncSession, campaign_id: str, limit: int) -> list[dict[str, Any]]:
    rows = await session.execute(
        text(
            """
            select id as call_id, lead_id, number, state, carrier_status, answered_by,
                   coalesce(answered_at, submitted_at, reserved_at) as since
            from attempt where campaign_id = :id and state = any(:states)
            order by reserved_at limit :limit
            """
        ),
        {"id": campaign_id, "limit": limit, "states": _OPEN},
    )
    return [dict(row) for row in rows.mappings()]


async def next_due(session: AsyncSession, campaign_id: str) -> tuple[str, datetime, str] | None:
    """The lead that is due next: `(lead id, when, what)`."""
    row = (
        await session.execute(
            text(
                "select id, due_at, next_step from lead where campaign_id = :id and state in ('new', 'due', 'waiting') "
                "and due_at is not null order by due_at, id limit 1"
            ),
            {"id": campaign_id},
        )
    ).first()
    return (row.id, row.due_at, row.next_step) if row else None


async def _counts(session: AsyncSession, query: str, campaign_id: str) -> dict[str, int]:
    rows = await session.execute(text(query), {"id": campaign_id})
    return {row.name: row.number for row in rows}


_HUMAN: Sequence[str] = [outcome.value for outcome in HUMAN]
_OPEN: Sequence[str] = [state.value for state in OPEN_ATTEMPT_STATES]

_USAGE = text(
    """
    select coalesce(sum(ceil(seconds / 60.0)), 0)::int as telephony_minutes,
           count(*) filter (where answered_at is not null and detects)::int as machine_detections,
           coalesce(sum(listening_seconds), 0)::float as listening_seconds,
           coalesce(sum(tokens), 0)::int as tokens,
           coalesce(sum(characters_spoken), 0)::int as characters_spoken
    from (
        select attempt.*, coalesce((campaign.policy ->> 'detect_machines')::boolean, true) as detects,
               case when attempt.answered_at is null then 0
                    else coalesce(attempt.duration_seconds,
                                  extract(epoch from (coalesce(attempt.ended_at, now()) - attempt.answered_at))) end
                   as seconds
        from attempt join campaign on campaign.id = attempt.campaign_id
        where (cast(:campaign as text) is null or attempt.campaign_id = :campaign)
          and (cast(:attempt as text) is null or attempt.id = :attempt)
    ) as used
    """
)
