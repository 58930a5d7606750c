"""Numbers that are never called again. A suppression acts on every campaign in the transaction that writes it."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import LeadOutcome


async def suppress_number(
    session: AsyncSession, phone: str, *, reason: str, source: str, attempt_id: str | None = None
) -> bool:
    """Suppress `phone` (E.164) and ask every unfinished lead with it to close. True if it was not suppressed before.

    `source` is call, api or import. What is admitted but not ringing is withdrawn by the dialer's next tick; the gate
    before the POST and at the answer refuses at once.
    """
    inserted = await session.execute(
        text(
            "insert into suppression (phone, reason, source, attempt_id) values (:phone, :reason, :source, :attempt) "
            "on conflict (phone) do nothing"
        ),
        {"phone": phone, "reason": reason, "source": source, "attempt": attempt_id},
    )
    await session.execute(
        text(
            "update lead set close_as = :outcome where phone = :phone and state <> 'final' "
            "and (close_as is null or close_as <> :outcome)"
        ),
        {"phone": phone, "outcome": LeadOutcome.SUPPRESSED.value},
    )
    return bool(inserted.rowcount)  # type: ignore[attr-defined]


async def is_suppressed(session: AsyncSession, phone: str) -> bool:
    found = await session.execute(text("select 1 from suppression where phone = :phone"), {"phone": phone})
    return found.first() is not None
