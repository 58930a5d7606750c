"""A lead's attempts as the domain sees them."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.retry import PastAttempt


async def read_history(session: AsyncSession, lead_id: str) -> list[PastAttempt]:
    """All ended attempts of the lead, oldest first."""
    rows = await session.execute(
        text(
            "select coalesce(submitted_at, reserved_at) as at, outcome from attempt "
            "where lead_id = :lead and outcome is not null order by number"
        ),
        {"lead": lead_id},
    )
    return [PastAttempt(at=row.at, outcome=AttemptOutcome(row.outcome)) for row in rows]


async def next_number(session: AsyncSession, lead_id: str) -> int:
    """The number of the lead's next attempt, open ones counted."""
    number: int = (
        await session.execute(
            text("select coalesce(max(number), 0) + 1 from attempt where lead_id = :lead"), {"lead": lead_id}
        )
    ).scalar_one()
    return number
