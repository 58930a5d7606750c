"""A lead's attempts as the domain sees them."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.retry import PastAttempt


async def read_history(session: AsyncSession, lead_id: str) -> list[PastAttempt]:
    """All ended attempts of the lead, oldest first."""
    return (await read_histories(session, [lead_id]))[0][lead_id]


async def read_histories(
    session: AsyncSession, lead_ids: Sequence[str]
) -> tuple[dict[str, list[PastAttempt]], dict[str, int]]:
    """Of many leads at once: as `read_history`, and the number of each lead's next attempt, open ones counted."""
    rows = await session.execute(
        text(
            "select lead_id, number, coalesce(submitted_at, reserved_at) as at, outcome from attempt "
            "where lead_id = any(:leads) order by lead_id, number"
        ),
        {"leads": list(lead_ids)},
    )
    ended: dict[str, list[PastAttempt]] = {lead_id: [] for lead_id in lead_ids}
    numbers = dict.fromkeys(lead_ids, 1)
    for row in rows:
        numbers[row.lead_id] = row.number + 1
        if row.outcome is not None:
            ended[row.lead_id].append(PastAttempt(at=row.at, outcome=AttemptOutcome(row.outcome)))
    return ended, numbers


async def next_number(session: AsyncSession, lead_id: str) -> int:
    """The number of the lead's next attempt, open ones counted."""
    number: int = (
        await session.execute(
            text("select coalesce(max(number), 0) + 1 from attempt where lead_id = :lead"), {"lead": lead_id}
        )
    ).scalar_one()
    return number
