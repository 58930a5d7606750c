"""Webhooks as they came in: stored once, then delivered until the lead's workflow has them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession


@dataclass(frozen=True)
class StoredEvent:
    """An event and the lead whose workflow waits for it."""

    id: int
    attempt_id: str
    campaign_id: str
    lead_id: str
    kind: str
    call_sid: str
    payload: Mapping[str, Any]


async def store_event(
    session: AsyncSession,
    *,
    attempt_id: str,
    kind: str,
    fingerprint: str,
    call_sid: str,
    payload: Mapping[str, str],
    is_delivered: bool = False,
) -> int | None:
    """The new event's id, or None if it was stored before. `is_delivered`: nobody waits for it."""
    row = await session.execute(
        text(
            """
            insert into call_event (attempt_id, kind, fingerprint, call_sid, payload, delivered_at)
            values (:attempt, :kind, :fingerprint, :call_sid, cast(:payload as jsonb),
                    case when :is_delivered then now() end)
            on conflict (fingerprint) do nothing returning id
            """
        ),
        {
            "attempt": attempt_id,
            "kind": kind,
            "fingerprint": fingerprint,
            "call_sid": call_sid,
            "payload": orjson.dumps(dict(payload)).decode(),
            "is_delivered": is_delivered,
        },
    )
    found: int | None = row.scalar_one_or_none()
    return found


async def lock_undelivered(
    session: AsyncSession, *, older_than_seconds: float, limit: int, except_ids: Collection[int] = ()
) -> list[StoredEvent]:
    """Oldest first, locked for this transaction; those that another process has in hand are skipped."""
    rows = await session.execute(
        text(
            """
            select call_event.id, attempt_id, attempt.campaign_id, attempt.lead_id, kind, call_event.call_sid, payload
            from call_event join attempt on attempt.id = call_event.attempt_id
            where delivered_at is null and received_at < now() - make_interval(secs => :age)
              and not call_event.id = any(:except_ids)
            order by received_at limit :limit for update of call_event skip locked
            """
        ),
        {"age": older_than_seconds, "except_ids": list(except_ids), "limit": limit},
    )
    return [StoredEvent(**row) for row in rows.mappings()]


async def mark_delivered(session: AsyncSession, event_ids: Collection[int]) -> None:
    await session.execute(
        text("update call_event set delivered_at = coalesce(delivered_at, now()) where id = any(:ids)"),
        {"ids": list(event_ids)},
    )


async def count_recent_events(session: AsyncSession, attempt_id: str, kind: str, seconds: float) -> int:
    """How many of this kind came for the attempt in the last `seconds`."""
    count: int = (
        await session.execute(
            text(
                "select count(*) from call_event where attempt_id = :attempt and kind = :kind "
                "and received_at > now() - make_interval(secs => :seconds)"
            ),
            {"attempt": attempt_id, "kind": kind, "seconds": seconds},
        )
    ).scalar_one()
    return count


async def answer_received_at(session: AsyncSession, attempt_id: str) -> datetime | None:
    """When the carrier first told that the call was answered, by the database's clock; None if it never did."""
    found: datetime | None = (
        await session.execute(
            text("select min(received_at) from call_event where attempt_id = :attempt and kind = 'answer'"),
            {"attempt": attempt_id},
        )
    ).scalar_one()
    return found


async def was_taken_up(session: AsyncSession, attempt_id: str, stream_sid: str) -> bool:
    """Whether the carrier has gone on with the call since this media stream of it began: it asked what comes next, or
    another stream began. Callbacks may be late and come in any order, so what counts is the stream's beginning."""
    found = await session.execute(
        text(
            """
            with broken as (
                select coalesce(
                    min(received_at) filter (where payload->>'StreamEvent' = 'stream-started'),
                    min(received_at) - interval '30 seconds') as since
                from call_event where attempt_id = :attempt and kind = 'stream' and payload->>'StreamSid' = :stream)
            select 1 from call_event, broken where attempt_id = :attempt and received_at > broken.since
              and (kind in ('after_stream', 'after_transfer')
                   or kind = 'stream' and payload->>'StreamEvent' = 'stream-started'
                      and payload->>'StreamSid' <> :stream)
            union all
            select 1 from transfer where attempt_id = :attempt and state in ('dialling', 'answered')
            limit 1
            """
        ),
        {"attempt": attempt_id, "stream": stream_sid},
    )
    return found.first() is not None
