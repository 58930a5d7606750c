"""The journal of a conversation: a row for each thing said, heard or done, written as it happens.

It feeds the live view, the resume after a bridge died, and the final transcript. Agent rows hold the words that were
really played. `latency` of an agent's row: whole milliseconds from the end of the callee's speech to each stage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import Speaker
from cadenza.records.call_tables import Turn

LATENCY_STAGES = ("transcript", "first_token", "first_sentence", "first_voice", "first_audio", "heard")
"""Keys of `Turn.latency`, in the order of the stages; a stage that did not happen is missing.

transcript: the recogniser's text of the whole turn; first_token: of the model, also of a tool call; first_sentence: the
first one is whole, and the synthesiser is asked; first_voice: its first byte; first_audio: the first frame went out;
heard: the carrier has played it."""


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


_COLUMNS = (
    "attempt_id", "position", "speaker", "text", "generated", "interrupted", "tool", "tool_call_id", "payload",
    "latency", "started_at",
)  # fmt: skip
_KEY = frozenset({"attempt_id", "position"})


@cache
def _write(*, with_start: bool) -> Insert:
    """Insert or replace one row. Made once: building it for each row cost more than running it."""
    columns = _COLUMNS if with_start else _COLUMNS[:-1]
    statement = insert(Turn.__table__)  # type: ignore[attr-defined]
    replaced = {name: statement.excluded[name] for name in columns if name not in _KEY}
    return statement.values({name: bindparam(name) for name in columns}).on_conflict_do_update(
        constraint="turn_attempt_position", set_=replaced
    )


async def write_turns(connection: AsyncConnection, attempt_id: str, rows: Sequence[TurnRow]) -> None:
    """Insert or replace rows of one attempt by position."""
    await write_journals(connection, [(attempt_id, rows)])


async def write_journals(connection: AsyncConnection, journals: Iterable[tuple[str, Sequence[TurnRow]]]) -> None:
    """The same for several attempts, all together: a position must not come twice in an attempt."""
    begun: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for attempt_id, rows in journals:
        for row in rows:
            (others if row.started_at is None else begun).append(_values(attempt_id, row))
    for values, with_start in ((begun, True), (others, False)):
        if values:
            await connection.execute(_write(with_start=with_start), values if len(values) > 1 else values[0])


def _values(attempt_id: str, row: TurnRow) -> dict[str, Any]:
    values: dict[str, Any] = {
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
    return values if row.started_at is None else values | {"started_at": row.started_at}


async def read_turns(session: AsyncSession, attempt_id: str) -> list[Turn]:
    """All rows of an attempt in order."""
    found = await session.exec(select(Turn).where(Turn.attempt_id == attempt_id).order_by(text("position")))
    return list(found.all())
