"""Under which key numbers were hashed in the audit log, and since when. The chain itself needs no key: under another
one it is verified as before, but entries that were written under the old key are not found by their number any more."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.records.audit import note_change

NUMBER_KEY = "audit.number_key"
"""Kind of the entry that notes the check value of a key as it comes into use."""
NEWEST_CHECK = (
    f"select details->>'check' as noted, at, id from audit_entry where kind = '{NUMBER_KEY}' order by id desc"  # noqa: S608
)
_LOCK = 7_405_118_307


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Entries before `entry_id` hold numbers hashed under another key than those after it."""

    entry_id: int
    at: datetime


async def note_number_key(session: AsyncSession, check: str) -> bool:
    """Log the key's check value if it is not the one noted last. True if another key was in use before."""
    await session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    noted = (await session.execute(text(f"{NEWEST_CHECK} limit 1"))).first()
    if noted is not None and noted.noted == check:
        return False
    why = "numbers are hashed under another key from here on" if noted else "the key under which numbers are hashed"
    await note_change(session, NUMBER_KEY, who="engine", why=why, check=check)
    return noted is not None


async def key_changes(session: AsyncSession) -> list[KeyChange]:
    """Every time that the key became another, the first use left out; oldest first."""
    rows = (await session.execute(text(NEWEST_CHECK))).all()
    return [KeyChange(row.id, row.at) for row in reversed(rows[:-1])]
