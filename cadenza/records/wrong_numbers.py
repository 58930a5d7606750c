"""Wrong numbers: a person who is not at a number is not called there again, by any campaign. Others at it may be.

A person is told apart by name, else by e-mail, else by the customer's own id; kept as a hash, never as a name.
"""

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import LeadOutcome


def person_hash_sql(phone: str, name: str, email: str, crm_id: str) -> str:
    """The hash of a person at a number, as SQL over four SQL expressions."""
    words = (
        f"case when btrim({name}) <> '' then 'name ' || lower(regexp_replace(btrim({name}), '\\s+', ' ', 'g')) "
        f"when btrim({email}) <> '' then 'email ' || lower(btrim({email})) "
        f"when btrim(coalesce({crm_id}, '')) <> '' then 'crm ' || btrim({crm_id}) else 'nobody known' end"
    )
    return f"encode(sha256(convert_to({phone} || chr(31) || {words}, 'UTF8')), 'hex')"


_OF_LEAD = person_hash_sql("lead.phone", "lead.name", "lead.email", "lead.custom ->> 'crm_id'")
STAGED_PERSON = person_hash_sql(
    "staged_lead.phone", "lead ->> 'name'", "lead ->> 'email'", "lead -> 'custom' ->> 'crm_id'"
)
"""The same of a row of an upload."""


async def note_wrong_number(session: AsyncSession, lead_id: str, attempt_id: str | None = None) -> int:
    """Bar the lead's number for its person, and ask their unfinished leads in every campaign to close. Returns how
    many of other leads that were."""
    await session.execute(
        text(
            f"""
            insert into wrong_number (phone, person, lead_id, attempt_id)
            select phone, {_OF_LEAD}, id, :attempt from lead where id = :lead on conflict do nothing
            """  # noqa: S608
        ),
        {"lead": lead_id, "attempt": attempt_id},
    )
    closed = await session.execute(
        text(
            f"""
            update lead set close_as = :outcome from wrong_number
            where wrong_number.phone = (select phone from lead where id = :lead)
              and lead.phone = wrong_number.phone and {_OF_LEAD} = wrong_number.person
              and lead.id <> :lead and lead.state <> 'final' and lead.close_as is null
            """  # noqa: S608
        ),
        {"lead": lead_id, "outcome": LeadOutcome.WRONG_NUMBER.value},
    )
    return int(closed.rowcount)  # type: ignore[attr-defined]
