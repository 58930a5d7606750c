"""The telephony account as people see it and hold it back: a change of one row, which the next tick obeys."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import OPEN_ATTEMPT_STATES
from cadenza.records.breakers import hold_by_hand, reset_by_hand


@dataclass(frozen=True)
class AccountState:
    """`paused_reason` is None while the account may call; `paused_rule` is None where a person paused it.

    `waiting_reason`: what stood in the last tick's way, if anything did.
    """

    id: str
    calls_per_second: float
    max_lines: int
    lines_in_use: int
    paused_reason: str | None
    paused_rule: str | None
    waiting_reason: str


async def read_account(session: AsyncSession, account_id: str) -> AccountState | None:
    row = (
        await session.execute(
            text(
                """
                select id, calls_per_second, max_lines, paused_reason, paused_rule, waiting_reason,
                       (select count(*) from attempt where attempt.account_id = account.id
                        and attempt.state = any(:states)) as lines_in_use
                from account where id = :id
                """
            ),
            {"id": account_id, "states": [state.value for state in OPEN_ATTEMPT_STATES]},
        )
    ).mappings()
    found = row.first()
    return AccountState(**found) if found else None


async def pause_account(session: AsyncSession, account_id: str, reason: str) -> None:
    """Admit nobody, in any campaign, until a person resumes it. The first reason stands."""
    await session.execute(
        text("update account set paused_reason = coalesce(paused_reason, :reason) where id = :id"),
        {"id": account_id, "reason": reason},
    )
    await hold_by_hand(session, account_id)


async def resume_account(session: AsyncSession, account_id: str) -> None:
    """Call again, with a fresh budget: what a pause held back is not made up for in a burst."""
    await session.execute(
        text(
            "update account set paused_reason = null, paused_rule = null, tokens = least(greatest(tokens, 0), 1) "
            "where id = :id"
        ),
        {"id": account_id},
    )
    await reset_by_hand(session, account_id)
