"""Holding a whole account back when the carrier refuses for reasons that are not one number's."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession


async def pause_account(session: AsyncSession, attempt_id: str, reason: str) -> None:
    """Admit nobody until a person has looked: every call would be refused as this one was."""
    await session.execute(
        text(
            "update account set paused_reason = coalesce(paused_reason, :reason) "
            "where id = (select account_id from attempt where id = :attempt)"
        ),
        {"attempt": attempt_id, "reason": reason},
    )


async def cool_down(session: AsyncSession, attempt_id: str, seconds: float) -> None:
    """Admit nobody for `seconds`: the account's budget of calls goes below nothing and has to be earned back."""
    await session.execute(
        text(
            "update account set tokens = least(tokens, -calls_per_second * cast(:seconds as float)) "
            "where id = (select account_id from attempt where id = :attempt)"
        ),
        {"attempt": attempt_id, "seconds": seconds},
    )
