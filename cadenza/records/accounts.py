"""The telephony account as people see it and hold it back: a change of one row, which the next tick obeys."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import OPEN_ATTEMPT_STATES


@dataclass(frozen=True)
class AccountState:
    """`paused_reason` is None while the account may call."""

    id: str
    calls_per_second: float
    max_lines: int
    lines_in_use: int
    paused_reason: str | None


async def read_account(session: AsyncSession, account_id: str) -> AccountState | None:
    row = (
        await session.execute(
            text(
                "select id, calls_per_second, max_lines, paused_reason, (select count(*) from attempt "
                "where attempt.account_id = account.id and attempt.state = any(:states)) as lines_in_use "
                "from account where id = :id"
            ),
            {"id": account_id, "states": [state.value for state in OPEN_ATTEMPT_STATES]},
        )
    ).mappings()
    found = row.first()
    return AccountState(**found) if found else None


async def pause_account(session: AsyncSession, account_id: str, reason: str) -> None:
    """Admit nobody, in any campaign. The first reason stands until the account is resumed."""
    await session.execute(
        text("update account set paused_reason = coalesce(paused_reason, :reason) where id = :id"),
        {"id": account_id, "reason": reason},
    )


async def resume_account(session: AsyncSession, account_id: str) -> None:
    """Call again, with a fresh budget: what a pause held back is not made up for in a burst."""
    await session.execute(
        text("update account set paused_reason = null, tokens = least(greatest(tokens, 0), 1) where id = :id"),
        {"id": account_id},
    )
