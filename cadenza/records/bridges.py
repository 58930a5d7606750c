"""Bridge processes: where they are, how full they are, whether they drain. Admission obeys what is said here."""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

STALE_AFTER_SECONDS = 6.0
"""A bridge that has not said anything for so long is taken for dead."""


async def beat(
    session: AsyncSession, bridge_id: str, *, public_url: str, max_calls: int, calls: int, draining: bool
) -> None:
    """Say that this bridge lives, and how full it is."""
    await session.execute(
        text(
            "insert into bridge_node (id, public_url, max_calls, calls, draining, beat_at) "
            "values (:id, :url, :max_calls, :calls, :draining, now()) "
            "on conflict (id) do update set public_url = excluded.public_url, max_calls = excluded.max_calls, "
            "calls = excluded.calls, draining = excluded.draining, beat_at = excluded.beat_at"
        ),
        {"id": bridge_id, "url": public_url, "max_calls": max_calls, "calls": calls, "draining": draining},
    )


async def remove(session: AsyncSession, bridge_id: str) -> None:
    """Take the row of a bridge that stopped cleanly away, and those of bridges that died an hour ago."""
    await session.execute(
        text("delete from bridge_node where id = :id or beat_at < now() - interval '1 hour'"), {"id": bridge_id}
    )


async def free_capacity(session: AsyncSession) -> int | None:
    """Calls that living bridges can still take; None if no bridge has ever reported, so nothing is known."""
    row = (
        await session.execute(
            text(
                "select count(*), coalesce(sum(greatest(max_calls - calls, 0)) filter "
                "(where not draining and beat_at > now() - make_interval(secs => :stale)), 0) from bridge_node"
            ),
            {"stale": STALE_AFTER_SECONDS},
        )
    ).one()
    return int(row[1]) if row[0] else None
