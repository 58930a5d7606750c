"""What the do-not-call registers and the list of reassigned numbers say of numbers."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate_question import RegisterFacts
from cadenza.domain.suppression import DatedAnswer, ReassignedWord, reassigned_on
from cadenza.records.compliance_tables import ReassignedAnswer, RegisterCopy


async def read_register_facts(session: AsyncSession, phones: Sequence[str]) -> dict[str, RegisterFacts]:
    """Facts by number (E.164). Where no register was loaded there are none: the gate then asks for a copy.

    Of several registers of one jurisdiction the oldest copy counts; internal lists bar numbers, and have no age.
    """
    copies = await list_registers(session)
    dates: dict[str, datetime] = {}
    for copy in copies:
        if not copy.is_internal:
            known = dates.get(copy.jurisdiction)
            dates[copy.jurisdiction] = copy.copied_at if known is None else min(known, copy.copied_at)
    listed = await _listed(session, copies, phones)
    reassigned = await _reassigned(session, phones)
    return {
        phone: RegisterFacts(
            registers=dates, listed_on=frozenset(listed.get(phone, ())), reassigned_on=reassigned.get(phone)
        )
        for phone in phones
    }


async def list_registers(session: AsyncSession, *, all_copies: bool = False) -> list[RegisterCopy]:
    """The current copies by jurisdiction and name, or every copy that ever was."""
    query = select(RegisterCopy).order_by(
        col(RegisterCopy.jurisdiction), col(RegisterCopy.name), col(RegisterCopy.loaded_at).desc()
    )
    if not all_copies:
        query = query.where(RegisterCopy.is_current)
    return list(await session.exec(query))


async def _listed(session: AsyncSession, copies: Sequence[RegisterCopy], phones: Sequence[str]) -> dict[str, set[str]]:
    if not copies:
        return {}
    jurisdictions = {copy.key: copy.jurisdiction for copy in copies}
    rows = await session.execute(
        text("select copy_key, number from register_number where copy_key = any(:copies) and number = any(:numbers)"),
        {"copies": list(jurisdictions), "numbers": [int(phone[1:]) for phone in phones]},
    )
    listed: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        listed[f"+{row.number}"].add(jurisdictions[row.copy_key])
    return listed


async def _reassigned(session: AsyncSession, phones: Sequence[str]) -> dict[str, date | None]:
    query = select(ReassignedAnswer).where(col(ReassignedAnswer.phone).in_(phones))
    answers: dict[str, list[DatedAnswer]] = defaultdict(list)
    for row in await session.exec(query):
        answers[row.phone].append(DatedAnswer(row.asked_about, row.checked_on, ReassignedWord(row.answer)))
    return {phone: reassigned_on(known) for phone, known in answers.items()}
