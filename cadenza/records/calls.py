"""Questions about calls: an attempt is a call, made or refused."""

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import AttemptOutcome, AttemptState
from cadenza.records.call_tables import Recording, Turn
from cadenza.records.tables import Attempt


async def list_calls(
    session: AsyncSession,
    *,
    campaign_id: str | None = None,
    lead_id: str | None = None,
    state: AttemptState | None = None,
    outcome: AttemptOutcome | None = None,
    has_unapproved_promises: bool | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Attempt]:
    """Newest lead first, and of a lead its newest attempt. `before` is the last id of the page before."""
    query = select(Attempt).order_by(col(Attempt.id).desc()).limit(limit)
    if campaign_id is not None:
        query = query.where(Attempt.campaign_id == campaign_id)
    if lead_id is not None:
        query = query.where(Attempt.lead_id == lead_id)
    if state is not None:
        query = query.where(Attempt.state == state.value)
    if outcome is not None:
        query = query.where(Attempt.outcome == outcome.value)
    if has_unapproved_promises is not None:
        sign = "<>" if has_unapproved_promises else "="
        query = query.where(text(f"attempt.unapproved_promises {sign} '[]'::jsonb"))
    if before is not None:
        query = query.where(Attempt.id < before)
    return list(await session.exec(query))


async def get_call(session: AsyncSession, attempt_id: str) -> Attempt | None:
    return await session.get(Attempt, attempt_id)


async def list_turns(session: AsyncSession, attempt_id: str) -> list[Turn]:
    """The journal of the conversation, in order."""
    return list(await session.exec(select(Turn).where(Turn.attempt_id == attempt_id).order_by(col(Turn.position))))


async def find_recording(session: AsyncSession, attempt_id: str) -> Recording | None:
    """The longest recording of the call, if there is one."""
    query = (
        select(Recording)
        .where(Recording.attempt_id == attempt_id)
        .order_by(col(Recording.duration_seconds).desc())
        .limit(1)
    )
    return (await session.exec(query)).first()
