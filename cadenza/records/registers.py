"""What the do-not-call registers and the list of reassigned numbers say of numbers."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate_question import RegisterFacts
from cadenza.domain.suppression import DatedAnswer, ReassignedWord, reassigned_on
from cadenza.records.compliance_tables import RegisterCopy


async def read_register_facts(session: AsyncSession, phones: Sequence[str]) -> dict[str, RegisterFacts]:
    """Facts by number (E.164), in one statement. Where no register was loaded there are none: the gate then asks for a
    copy.

    Of several registers of one jurisdiction the oldest copy counts; internal lists bar numbers, and have no age.
    """
    values = {"phones": list(phones), "numbers": [int(phone[1:]) for phone in phones]}
    dates: dict[str, datetime] = {}
    listed: dict[str, set[str]] = defaultdict(set)
    answers: dict[str, list[DatedAnswer]] = defaultdict(list)
    for row in (await session.execute(_FACTS, values)).all():
        if row.answer is not None:
            answers[row.phone].append(DatedAnswer(row.asked_about, row.checked_on, ReassignedWord(row.answer)))
            continue
        for number in row.numbers:
            listed[f"+{number}"].add(row.jurisdiction)
        if not row.is_internal:
            dates[row.jurisdiction] = min(row.copied_at, dates.get(row.jurisdiction, row.copied_at))
    return {
        phone: RegisterFacts(
            registers=dates,
            listed_on=frozenset(listed.get(phone, ())),
            reassigned_on=reassigned_on(answers[phone]) if phone in answers else None,
        )
        for phone in phones
    }


_FACTS = text(
    """
    select jurisdiction, copied_at, is_internal,
           array(select number from register_number
                 where copy_key = register_copy.key and number = any(:numbers)) as numbers,
           null as phone, cast(null as date) as asked_about, cast(null as date) as checked_on, null as answer
    from register_copy where is_current
    union all
    select null, null, null, null, phone, asked_about, checked_on, answer
    from reassigned_answer where phone = any(:phones)
    """
)
"""A row for each current copy, with those of the numbers that are on it; then one for each answer about a number."""


async def list_registers(session: AsyncSession, *, all_copies: bool = False) -> list[RegisterCopy]:
    """The current copies by jurisdiction and name, or every copy that ever was."""
    query = select(RegisterCopy).order_by(
        col(RegisterCopy.jurisdiction), col(RegisterCopy.name), col(RegisterCopy.loaded_at).desc()
    )
    if not all_copies:
        query = query.where(RegisterCopy.is_current)
    return list(await session.exec(query))
