"""The journal of a conversation: a row for each thing said, heard or done, written as it happens.

It feeds the live view, the resume after a bridge died, and the final transcript. Agent rows hold the words that were
really played. `latency` of an agent's row: whole milliseconds from the end of the callee's speech to each stage.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import Speaker
from cadenza.records.tables import Turn

LATENCY_STAGES = ("transcript", "first_token", "first_audio", "heard")
"""Keys of `Turn.latency`, in the order of the stages; a stage that did not happen is missing."""


@dataclass(slots=True)
class TurnRow:
    """One row as the bridge writes it; written again under the same position, it replaces what was there."""

    position: int
    speaker: Speaker
    text: str = ""
    generated: str = ""
    interrupted: bool = False
    tool: str | None = None
    tool_call_id: str | None = None
    payload: dict[str, Any] | None = None
    started_at: datetime | None = None
    latency: dict[str, Any] | None = None


async def write_turns(session: AsyncSession, attempt_id: str, rows: list[TurnRow]) -> None:
    """Insert or replace rows by position, in the given order."""
    for row in rows:
        values = {
            "attempt_id": attempt_id,
            "position": row.position,
            "speaker": row.speaker.value,
            "text": row.text,
            "generated": row.generated,
            "interrupted": row.interrupted,
            "tool": row.tool,
            "tool_call_id": row.tool_call_id,
            "payload": row.payload,
            "latency": row.latency,
        }
        if row.started_at is not None:
            values["started_at"] = row.started_at
        statement = insert(Turn).values(**values)
        changed = {name: values[name] for name in values if name not in {"attempt_id", "position"}}
        await session.execute(statement.on_conflict_do_update(constraint="turn_attempt_position", set_=changed))


async def read_turns(session: AsyncSession, attempt_id: str) -> list[Turn]:
    """All rows of an attempt in order."""
    found = await session.exec(select(Turn).where(Turn.attempt_id == attempt_id).order_by(text("position")))
    return list(found.all())


async def last_position(session: AsyncSession, attempt_id: str) -> int:
    """The highest position written, 0 if there is none."""
    found = await session.exec(select(func.max(Turn.position)).where(Turn.attempt_id == attempt_id))
    return found.one() or 0
