"""Bridge processes: where they are, how full they are, whether they drain. Admission obeys what is said here."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession


async def beat(
    session: AsyncSession,
    bridge_id: str,
    *,
    public_url: str,
    max_calls: int,
    calls: int,
    draining: bool,
    listening_refusal: str | None = None,
) -> None:
    """Say that this bridge lives, how full it is, and why its recogniser takes no sessions, if it does not."""
    await session.execute(
        text(
            "insert into bridge_node (id, public_url, max_calls, calls, draining, listening_refusal, beat_at) "
            "values (:id, :url, :max_calls, :calls, :draining, :refusal, now()) "
            "on conflict (id) do update set public_url = excluded.public_url, max_calls = excluded.max_calls, "
            "calls = excluded.calls, draining = excluded.draining, "
            "listening_refusal = excluded.listening_refusal, beat_at = excluded.beat_at"
        ),
        {
            "id": bridge_id,
            "url": public_url,
            "max_calls": max_calls,
            "calls": calls,
            "draining": draining,
            "refusal": listening_refusal,
        },
    )


async def remove(session: AsyncSession, bridge_id: str) -> None:
    """Take the row of a bridge that stopped cleanly away, and those of bridges that died an hour ago."""
    await session.execute(
        text("delete from bridge_node where id = :id or beat_at < now() - interval '1 hour'"), {"id": bridge_id}
    )
