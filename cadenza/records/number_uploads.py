"""Lists of numbers into the tables, in bounded memory: read in pieces on a thread, each piece copied or written, all in
one transaction. A file that breaks off changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import BinaryIO

from psycopg import AsyncConnection
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.identifiers import new_id
from cadenza.domain.number_list import read_numbers, read_registered
from cadenza.domain.reassigned_file import Answer, read_answers
from cadenza.domain.row_problem import FileCode, FileRefused, RowProblem
from cadenza.domain.suppression import SuppressionSource
from cadenza.records.audit import note_change
from cadenza.records.compliance_tables import RegisterCopy
from cadenza.records.held_leads import wake_held
from cadenza.records.suppressions import suppress_numbers

ROWS_AT_ONCE = 5000
FINDINGS_KEPT = 1000
"""Bad rows that are reported one by one; the others are counted. Correct them and send the list again."""


class CopyTooOld(Exception):
    """The copy that is there is younger than the one that was sent."""

    def __init__(self, present: datetime) -> None:
        super().__init__("an older copy")
        self.present = present


@dataclass
class ListResult:
    """What became of a list. `numbers` are different ones, `new` those that were not there before."""

    id: str
    rows: int = 0
    numbers: int = 0
    new: int = 0
    rejected: int = 0
    findings: list[RowProblem] = field(default_factory=list)

    def found(self, problems: Sequence[RowProblem]) -> None:
        self.findings += problems[: max(0, FINDINGS_KEPT - len(self.findings))]


async def suppress_list(
    session: AsyncSession, stream: BinaryIO, *, country: str, reason: str, who: str, name: str
) -> ListResult:
    """Suppress every number of a list, for all campaigns. Raises FileRefused."""
    result = ListResult(new_id("sl"))
    async for phones in _pieces(stream, country, result, is_register=False):
        new = await suppress_numbers(
            session, phones, reason=reason, source=SuppressionSource.LIST, who=who, reference=result.id
        )
        result.new += len(new)
        result.numbers += len(set(phones))
    _refuse_empty(result)
    await note_change(
        session, "suppression.list", who=who, why=reason,
        list=result.id, file=name, numbers=result.numbers, new=result.new, rejected=result.rejected,
    )  # fmt: skip
    return result


async def load_register(
    session: AsyncSession,
    stream: BinaryIO,
    *,
    jurisdiction: str,
    name: str,
    is_internal: bool,
    copied_at: datetime,
    country: str,
    who: str,
) -> ListResult:
    """Put a new copy of a do-not-call register in the place of the old one, in one step for everybody who asks.

    Raises FileRefused, and CopyTooOld if a younger copy is there.
    """
    await session.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
                          {"key": f"register {jurisdiction} {name}"})  # fmt: skip
    present = (
        await session.execute(
            text("select copied_at from register_copy where jurisdiction = :place and name = :name and is_current"),
            {"place": jurisdiction, "name": name},
        )
    ).scalar()
    if present is not None and present > copied_at:
        raise CopyTooOld(present)
    result = ListResult(new_id("rc"))
    await session.execute(text("create temporary table staged_number (number bigint) on commit drop"))
    async for phones in _pieces(stream, country, result, is_register=True):
        await _copy(session, phones)
    _refuse_empty(result)
    await _retire(session, jurisdiction, name)
    copy = RegisterCopy(
        id=result.id,
        jurisdiction=jurisdiction,
        name=name,
        is_internal=is_internal,
        copied_at=copied_at,
        loaded_by=who,
    )
    session.add(copy)
    await session.flush()
    await session.refresh(copy)
    written = await session.execute(
        text(
            "insert into register_number (copy_key, number) "
            "select distinct cast(:key as int), number from staged_number"
        ),
        {"key": copy.key},
    )
    result.numbers = result.new = int(written.rowcount)  # type: ignore[attr-defined]
    await session.execute(
        text("update register_copy set entries = :entries, is_current = true where id = :id"),
        {"entries": result.numbers, "id": result.id},
    )
    await wake_held(session)
    await session.execute(text("analyze register_number"))  # its first reader is the gate, a second from now
    await note_change(
        session, "register.loaded", who=who,
        jurisdiction=jurisdiction, name=name, copy=result.id, copied_at=copied_at.isoformat(), numbers=result.numbers,
        rejected=result.rejected,
    )  # fmt: skip
    return result


async def remove_register(session: AsyncSession, jurisdiction: str, name: str, *, who: str, why: str) -> bool:
    """Forget a register: where the law asks for it, nobody is called until a copy is loaded. False if unknown."""
    if not await _retire(session, jurisdiction, name):
        return False
    await note_change(session, "register.removed", who=who, why=why, jurisdiction=jurisdiction, name=name)
    return True


async def load_answers(session: AsyncSession, stream: BinaryIO, *, checked_on: date, who: str) -> ListResult:
    """Keep answers of the reassigned numbers database, as asked on a day. Raises FileRefused."""
    result = ListResult(new_id("ra"))
    answers = read_answers(stream)
    while piece := await asyncio.to_thread(lambda: list(islice(answers, ROWS_AT_ONCE))):
        result.rows += len(piece)
        problems = [one for one in piece if isinstance(one, RowProblem)]
        result.rejected += len(problems)
        result.found(problems)
        good = [one for one in piece if isinstance(one, Answer)]
        written = await session.execute(
            text(
                """
                insert into reassigned_answer (phone, asked_about, checked_on, answer)
                select distinct on (phone, asked_about) phone, asked_about, :checked_on, answer
                from unnest(cast(:phones as text[]), cast(:dates as date[]), cast(:words as text[]))
                     as asked(phone, asked_about, answer)
                order by phone, asked_about, answer desc
                on conflict (phone, asked_about, checked_on) do update set answer = excluded.answer
                """
            ),
            {
                "checked_on": checked_on,
                "phones": [one.phone for one in good],
                "dates": [one.asked_about for one in good],
                "words": [one.word.value for one in good],
            },
        )
        result.numbers += int(written.rowcount)  # type: ignore[attr-defined]
    _refuse_empty(result)
    await wake_held(session)
    await note_change(
        session, "reassigned.loaded", who=who,
        checked_on=checked_on.isoformat(), numbers=result.numbers, rejected=result.rejected, list=result.id,
    )  # fmt: skip
    return result


async def _pieces(stream: BinaryIO, country: str, result: ListResult, *, is_register: bool) -> AsyncIterator[list[str]]:
    rows = read_numbers(stream, country, read_registered) if is_register else read_numbers(stream, country)

    def piece() -> tuple[int, list[str], list[RowProblem], int]:
        taken = list(islice(rows, ROWS_AT_ONCE))
        problems = [problem for row in taken for problem in row.problems]
        return len(taken), [p for row in taken for p in row.phones], problems, sum(not row.phones for row in taken)

    while True:
        count, phones, problems, without = await asyncio.to_thread(piece)
        if not count:
            return
        result.rows += count
        result.rejected += without
        result.found(problems)
        if phones:
            yield phones


async def _copy(session: AsyncSession, phones: Sequence[str]) -> None:
    raw = await (await session.connection()).get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, AsyncConnection)
    async with driver.cursor() as cursor, cursor.copy("copy staged_number (number) from stdin") as copy:
        await copy.write("".join(f"{phone[1:]}\n" for phone in phones))


async def _retire(session: AsyncSession, jurisdiction: str, name: str) -> bool:
    """The copy's row stays for those who ask later what was known when; its numbers go."""
    rows = await session.execute(
        text(
            "update register_copy set is_current = false "
            "where jurisdiction = :place and name = :name and is_current returning key"
        ),
        {"place": jurisdiction, "name": name},
    )
    retired = list(rows.scalars())
    await session.execute(text("delete from register_number where copy_key = any(:keys)"), {"keys": retired})
    return bool(retired)


def _refuse_empty(result: ListResult) -> None:
    if result.rows == result.rejected:
        raise FileRefused(
            FileCode.EMPTY_FILE,
            f"The file holds no number that can be read; {result.rejected} rows cannot.",
            "Send numbers as +12125550123, or name the country in which they are written.",
        )
