"""Recordings: what the carrier announced, what was fetched, what is old enough to go."""

from sqlalchemy import func, or_, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.records.call_tables import Recording


async def note_recording(
    session: AsyncSession, *, sid: str, attempt_id: str, source_url: str, duration_seconds: int = 0, channels: int = 2
) -> None:
    """Write down that the carrier has a recording. Safe to repeat; never undoes a fetch."""
    facts = {"source_url": source_url, "duration_seconds": duration_seconds, "channels": channels}
    statement = insert(Recording).values(sid=sid, attempt_id=attempt_id, **facts)
    await session.execute(statement.on_conflict_do_update(index_elements=["sid"], set_=facts))


async def get_recording(session: AsyncSession, sid: str) -> Recording | None:
    return await session.get(Recording, sid)


async def mark_fetched(session: AsyncSession, sid: str, *, path: str, size_bytes: int) -> bool:
    """`path` is relative to the data folder. False if the recording was deleted meanwhile."""
    marked = await session.execute(
        text("update recording set path = :path, size_bytes = :size, fetched_at = now() where sid = :sid"),
        {"path": path, "size": size_bytes, "sid": sid},
    )
    return bool(marked.rowcount)  # type: ignore[attr-defined]


async def recordings_to_delete(session: AsyncSession, days: int, limit: int = 100) -> list[Recording]:
    """Those older than `days` (0: none is too old), and those whose erasure was asked for. Oldest first."""
    erased = col(Recording.erase_asked_at).is_not(None)
    old = col(Recording.created_at) < func.now() - func.make_interval(0, 0, 0, days)
    found = await session.exec(
        select(Recording).where(or_(erased, old) if days else erased).order_by(col(Recording.created_at)).limit(limit)
    )
    return list(found.all())


async def forget_recording(session: AsyncSession, sid: str) -> None:
    await session.execute(text("delete from recording where sid = :sid"), {"sid": sid})
