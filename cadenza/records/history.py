"""A lead's attempts as the domain sees them."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.retry import PastAttempt


async def read_history(session: AsyncSession, lead_id: str) -> list[PastAttempt]:
    """All ended attempts of the lead, oldest first."""
    return (await read_histories(session, [lead_id]))[lead_id]


async def read_histories(session: AsyncSession, lead_ids: Sequence[str]) -> dict[str, list[PastAttempt]]:
    """As `read_history`, of many leads at once."""
    rows = await session.execute(
        text(
            "select lead_id, coalesce(submitted_at, reserved_at) as at, outcome from attempt "
            "where lead_id = any(:leads) and outcome is not null order by lead_id, number"
        ),
        {"leads": list(lead_ids)},
    )
    found: dict[str, list[PastAttempt]] = {lead_id: [] for lead_id in lead_ids}
    for row in rows:
        found[row.lead_id].append(PastAttempt(at=row.at, outcome=AttemptOutcome(row.outcome)))
    return found


async def next_number(session: AsyncSession, lead_id: str) -> int:
    """The number of the lead's next attempt, open ones counted."""
    return (await next_numbers(session, [lead_id]))[lead_id]


async def next_numbers(session: AsyncSession, lead_ids: Sequence[str]) -> dict[str, int]:
    """As `next_number`, of many leads at once."""
    rows = await session.execute(
        text("select lead_id, max(number) as number from attempt where lead_id = any(:leads) group by lead_id"),
        {"leads": list(lead_ids)},
    )
    last = {row.lead_id: row.number for row in rows}
    return {lead_id: last.get(lead_id, 0) + 1 for lead_id in lead_ids}
