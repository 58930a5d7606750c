"""How many calls rang in each hour of the callees' week, and how many a person answered: counted as calls end."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.answer_hours import HourCount, LearntHours
from cadenza.domain.tally import ANSWERED_BY_PERSON, Tally
from cadenza.records.tables import Attempt


async def note_ring(session: AsyncSession, attempt: Attempt, zone: str) -> None:
    """As `note_rings`, of one attempt that has ended."""
    rang_at = attempt.ringing_at or attempt.submitted_at
    if rang_at is not None and attempt.tally is not None:
        await note_rings(session, [(attempt.campaign_id, rang_at, zone, Tally(attempt.tally))])


async def note_rings(session: AsyncSession, rings: Iterable[tuple[str, datetime, str, Tally | None]]) -> None:
    """Count calls that ended: campaign, when each rang, the callee's zone, and how it is tallied. What did not ring
    counts as nothing."""
    rows: dict[tuple[str, int, int], list[int]] = {}
    for campaign_id, at, zone, tally in rings:
        if tally is None or tally is Tally.CARRIER_FAULT:
            continue
        local = at.astimezone(ZoneInfo(zone))
        row = rows.setdefault((campaign_id, local.weekday(), local.hour), [0, 0])
        row[0] += 1
        row[1] += tally in ANSWERED_BY_PERSON
    if rows:
        data = [
            {"campaign_id": campaign_id, "weekday": weekday, "hour": hour, "rung": rung, "answered": answered}
            for (campaign_id, weekday, hour), (rung, answered) in sorted(rows.items())
        ]
        await session.execute(_COUNT, {"rows": orjson.dumps(data).decode()})


async def read_hours(session: AsyncSession, campaign_id: str) -> list[HourCount]:
    """By weekday and hour; hours in which nothing rang are left out."""
    rows = await session.execute(
        text(
            "select weekday, hour, rung, answered from answer_hour where campaign_id = :campaign order by weekday, hour"
        ),
        {"campaign": campaign_id},
    )
    return [HourCount(**row) for row in rows.mappings()]


async def read_learnt(session: AsyncSession, campaign_id: str) -> LearntHours:
    return (await read_learnt_by_campaign(session, [campaign_id]))[campaign_id]


async def read_learnt_by_campaign(session: AsyncSession, campaign_ids: Sequence[str]) -> dict[str, LearntHours]:
    """As `read_learnt`, of many campaigns at once."""
    rows = await session.execute(_LEARNT, {"campaigns": list(campaign_ids)})
    counts: dict[str, list[HourCount]] = {campaign_id: [] for campaign_id in campaign_ids}
    for campaign_id, *count in rows:
        counts[campaign_id].append(HourCount(*count))
    return {campaign_id: LearntHours(counted) for campaign_id, counted in counts.items()}


_LEARNT = text("select campaign_id, weekday, hour, rung, answered from answer_hour where campaign_id = any(:campaigns)")
_COUNT = text(
    """
    insert into answer_hour as known (campaign_id, weekday, hour, rung, answered)
    select campaign_id, weekday, hour, rung, answered from jsonb_to_recordset(cast(:rows as jsonb))
        as new (campaign_id text, weekday int, hour int, rung int, answered int)
    order by campaign_id, weekday, hour
    on conflict (campaign_id, weekday, hour) do update
        set rung = known.rung + excluded.rung, answered = known.answered + excluded.answered
    """
)
