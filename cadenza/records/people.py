"""All that is known of a number, over all campaigns; and its erasure, which keeps only what the law needs."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import LeadOutcome
from cadenza.domain.suppression import SuppressionSource
from cadenza.records.audit import note_change
from cadenza.records.evidence import keep_evidence, read_evidence
from cadenza.records.registers import read_register_facts
from cadenza.records.suppressions import suppress_number

KEPT = {
    "number_and_call_times": "proof that calls were allowed, and within the caps on attempts",
    "consents": "proof of consent",
    "disclosure_evidence": "proof of what was said at the start of each call; names in it were replaced",
    "suppressions": "without them the number would be called again",
    "audit_log": "append-only; it holds ids and a keyed hash of the number, no name",
    "appointments": "they stand until they are cancelled in the calendar",
}
"""What an erasure leaves, and why."""


@dataclass(frozen=True)
class Erased:
    """What an erasure removed. Not complete while calls are under way: what they write has to be erased after them."""

    leads: int
    closed_leads: int
    transcript_rows: int
    recordings: int
    upload_rows: int
    calls_under_way: int
    suppressed: bool

    @property
    def is_complete(self) -> bool:
        return not self.calls_under_way


async def export_person(session: AsyncSession, phone: str) -> dict[str, Any]:
    """Everything in the tables about a number (E.164), as plain values. Holds personal data."""
    leads = await _rows(session, _LEADS, phone=phone)
    ids = [lead["id"] for lead in leads]
    attempts = await _rows(session, "select * from attempt where lead_id = any(:ids) order by id", ids=ids)
    attempt_ids = [attempt["id"] for attempt in attempts]
    facts = (await read_register_facts(session, [phone]))[phone]
    evidence = await read_evidence(session, ids)
    return {
        "phone": phone,
        "leads": leads,
        "other_phones": await _rows(session, "select * from other_phone where lead_id = any(:ids)", ids=ids),
        "calls": attempts,
        "transcripts": await _rows(
            session,
            "select attempt_id, position, speaker, text, started_at from turn where attempt_id = any(:ids) "
            "order by attempt_id, position",
            ids=attempt_ids,
        ),
        "recordings": await _rows(
            session,
            "select sid, attempt_id, duration_seconds, created_at, fetched_at from recording "
            "where attempt_id = any(:ids)",
            ids=attempt_ids,
        ),
        "evidence": {lead_id: [asdict(call) for call in calls] for lead_id, calls in evidence.items()},
        "appointments": await _rows(
            session,
            "select id, campaign_id, lead_id, attempt_id, provider, starts_at, ends_at, state from booking "
            "where lead_id = any(:ids)",
            ids=ids,
        ),
        "consents": await _rows(session, "select * from consent where phone = :phone order by id", phone=phone),
        "suppression": await _rows(session, "select * from suppression where phone = :phone", phone=phone),
        "suppression_history": await _rows(
            session, "select * from suppression_event where phone = :phone order by id", phone=phone
        ),
        "registers": {"listed_on": sorted(facts.listed_on), "reassigned_on": facts.reassigned_on},
        "wrong_numbers": await _rows(
            session, "select lead_id, attempt_id, at from wrong_number where phone = :phone", phone=phone
        ),
        "refusals": await _rows(session, "select * from gate_refusal where lead_id = any(:ids) order by id", ids=ids),
        "upload_findings": await _rows(session, _UPLOAD_ROWS, digits=phone[1:], national=phone[-_NATIONAL_DIGITS:]),
    }


async def erase_person(session: AsyncSession, phone: str, *, who: str, why: str, suppress: bool) -> Erased:
    """Erase the person at `phone` (E.164) in every campaign. Doing it again erases what came since.

    Unfinished leads close, at once where no call is under way; with `suppress` the number is never called again.
    """
    leads = await _rows(session, f"{_LEADS} for update", phone=phone)
    ids = [lead["id"] for lead in leads]
    for lead in leads:
        names = [lead["first_name"], lead["name"], lead["company"], *str(lead["name"]).split()]
        await keep_evidence(session, lead["id"], names)
    turns = await _change(session, f"delete from turn where {_OF_LEADS}", ids=ids)  # noqa: S608
    await _change(session, "update attempt set summary = null where lead_id = any(:ids)", ids=ids)
    asked = f"update recording set erase_asked_at = now() where {_OF_LEADS} and erase_asked_at is null"  # noqa: S608
    recordings = await _change(session, asked, ids=ids)
    await _change(session, "delete from other_phone where lead_id = any(:ids)", ids=ids)
    closed = await _change(session, _CLOSE, ids=ids, outcome=LeadOutcome.CANCELLED.value)
    erased = await _change(session, _ERASE, ids=ids)
    rows = await _change(session, _ERASE_UPLOAD_ROWS, digits=phone[1:], national=phone[-_NATIONAL_DIGITS:])
    if suppress:
        await suppress_number(session, phone, reason="asked for erasure", source=SuppressionSource.ERASURE, who=who)
    result = Erased(
        leads=erased, closed_leads=closed, transcript_rows=turns, recordings=recordings, upload_rows=rows,
        calls_under_way=len(await _rows(session, _UNDER_WAY, ids=ids)), suppressed=suppress,
    )  # fmt: skip
    await note_change(session, "person.erased", who=who, why=why, phone=phone, **asdict(result))
    return result


_NATIONAL_DIGITS = 9
"""Enough of a number's end to find it as written in a file, whatever stands before it."""

_OF_LEADS = "attempt_id in (select id from attempt where lead_id = any(:ids))"
_LEADS = (
    "select * from lead where phone = :phone "
    "or id in (select lead_id from other_phone where phone = :phone) order by id"
)
_HOLDS_NUMBER = """
    exists (select 1 from jsonb_array_elements_text(coalesce(cells, '[]') || to_jsonb(value)) as cell
            where regexp_replace(cell, '\\D', '', 'g') like '%' || cast(:national as text)
              and length(regexp_replace(cell, '\\D', '', 'g')) <= length(:digits) + 3)
"""
_UPLOAD_ROWS = f'select upload_id, row, code, "column", value, cells from row_error where {_HOLDS_NUMBER}'  # noqa: S608
_ERASE_UPLOAD_ROWS = f"update row_error set cells = null, value = '' where {_HOLDS_NUMBER}"  # noqa: S608
_ERASE = """
    update lead set name = '', first_name = '', email = '', company = '', address = '{}', custom = '{}', language = '',
                    extension = ''
    where id = any(:ids) and (name, first_name, email, company, address, custom, language, extension)
          is distinct from ('', '', '', '', '{}'::jsonb, '{}'::jsonb, '', '')
"""
_CLOSE = "update lead set close_as = :outcome where id = any(:ids) and state <> 'final' and close_as is null"
_UNDER_WAY = """
    select id from attempt where lead_id = any(:ids)
      and state in ('reserved', 'submitting', 'doubtful', 'placed', 'ringing', 'in_progress')
"""


async def _rows(session: AsyncSession, statement: str, **values: Any) -> list[dict[str, Any]]:
    rows = await session.execute(text(statement), values)
    return [dict(row) for row in rows.mappings()]


async def _change(session: AsyncSession, statement: str, **values: Any) -> int:
    changed = await session.execute(text(statement), values)
    return int(changed.rowcount)  # type: ignore[attr-defined]
