"""Notes: facts that come in while a call goes on. The API writes them, the bridge that holds the call reads them."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import OPEN_ATTEMPT_STATES

MOST_NOTES = 20
"""For one call: each makes every later request to the model longer."""


class NoteRefusal(StrEnum):
    """Why a note was not taken."""

    UNKNOWN_CALL = "unknown_call"
    CALL_OVER = "call_over"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class CallNoteRow:
    id: int
    attempt_id: str
    text: str


async def add_note(session: AsyncSession, attempt_id: str, words: str) -> int | NoteRefusal:
    """Keep a note for a call that is not over: its id."""
    found = await session.execute(
        text(
            "select state, conversation_over, (select count(*) from call_note where attempt_id = a.id) as notes "
            "from attempt a where id = :attempt for update"
        ),
        {"attempt": attempt_id},
    )
    attempt = found.mappings().first()
    if attempt is None:
        return NoteRefusal.UNKNOWN_CALL
    if attempt["conversation_over"] or attempt["state"] not in OPEN_ATTEMPT_STATES:
        return NoteRefusal.CALL_OVER
    if attempt["notes"] >= MOST_NOTES:
        return NoteRefusal.TOO_MANY
    kept = await session.execute(
        text("insert into call_note (attempt_id, text) values (:attempt, :words) returning id"),
        {"attempt": attempt_id, "words": words},
    )
    return int(kept.scalar_one())


async def notes_of(session: AsyncSession, attempt_ids: Collection[str]) -> list[CallNoteRow]:
    """All notes of these calls, in the order in which they came."""
    found = await session.execute(
        text("select id, attempt_id, text from call_note where attempt_id = any(:attempts) order by id"),
        {"attempts": list(attempt_ids)},
    )
    return [CallNoteRow(*row) for row in found]
