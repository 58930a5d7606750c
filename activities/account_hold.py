"""Holding a whole account back for some seconds when the carrier has too much to do."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession


async def cool_down(session: AsyncSession, attempt_id: str, seconds: float) -> None:
    """Admit nobody for `seconds`: the account's budget of calls goes below nothing and has to be earned back."""
    await session.execute(
        text(
            "update account set tokens = least(tokens, -calls_per_second * cast(:seconds as float)) "
            "where id = (select account_id from attempt where id = :attempt)"
        ),
        {"attempt": attempt_id, "seconds": seconds},
    )
