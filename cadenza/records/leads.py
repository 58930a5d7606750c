"""Questions about leads: pages of them, one with its attempts, and why one was not called."""

from typing import Any

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Rule
from cadenza.domain.outcomes import LeadOutcome, LeadState
from cadenza.records.booking_tables import Booking, Rep
from cadenza.records.tables import Attempt, ConsentRow, GateRefusal, Lead, OtherPhoneRow, Suppression


async def get_lead(session: AsyncSession, lead_id: str) -> Lead | None:
    return await session.get(Lead, lead_id)


async def list_leads(
    session: AsyncSession,
    *,
    campaign_id: str | None = None,
    state: LeadState | None = None,
    outcome: LeadOutcome | None = None,
    phone: str | None = None,
    held_rule: Rule | None = None,
    upload_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Lead]:
    """In the order in which they were added. `after` is the last id of the page before."""
    query = select(Lead).order_by(col(Lead.id)).limit(limit)
    wanted: dict[Any, str | None] = {
        Lead.campaign_id: campaign_id,
        Lead.state: state.value if state else None,
        Lead.outcome: outcome.value if outcome else None,
        Lead.phone: phone,
        Lead.held_rule: held_rule.value if held_rule else None,
        Lead.upload_id: upload_id,
    }
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(Lead.id > after)
    return list(await session.exec(query))


async def list_attempts(session: AsyncSession, lead_id: str) -> list[Attempt]:
    """Oldest first."""
    return list(await session.exec(select(Attempt).where(Attempt.lead_id == lead_id).order_by(col(Attempt.number))))


async def list_other_phones(session: AsyncSession, lead_id: str) -> list[OtherPhoneRow]:
    """The lead's further numbers, in the order in which they would be tried."""
    query = select(OtherPhoneRow).where(OtherPhoneRow.lead_id == lead_id).order_by(col(OtherPhoneRow.position))
    return list(await session.exec(query))


async def list_consents(session: AsyncSession, phone: str) -> list[ConsentRow]:
    """Every consent that was stated for a number, from whichever lead, newest first."""
    query = select(ConsentRow).where(ConsentRow.phone == phone).order_by(col(ConsentRow.id).desc())
    return list(await session.exec(query))


async def list_refusals(
    session: AsyncSession, *, lead_id: str | None, campaign_id: str | None, before: int | None, limit: int
) -> list[GateRefusal]:
    """Every "no" of the gate, newest first."""
    query = select(GateRefusal).order_by(col(GateRefusal.id).desc()).limit(limit)
    if lead_id is not None:
        query = query.where(GateRefusal.lead_id == lead_id)
    if campaign_id is not None:
        query = query.join(Lead, col(Lead.id) == col(GateRefusal.lead_id)).where(Lead.campaign_id == campaign_id)
    if before is not None:
        query = query.where(col(GateRefusal.id) < before)
    return list(await session.exec(query))


async def list_suppressions(
    session: AsyncSession, *, phone: str | None, after: str | None, limit: int
) -> list[Suppression]:
    """In the order of the numbers."""
    query = select(Suppression).order_by(col(Suppression.phone)).limit(limit)
    if phone is not None:
        query = query.where(Suppression.phone == phone)
    if after is not None:
        query = query.where(Suppression.phone > after)
    return list(await session.exec(query))


async def list_appointments(
    session: AsyncSession, *, campaign_id: str | None, lead_id: str | None, after: str | None, limit: int
) -> list[tuple[Booking, Rep]]:
    """Appointments and slots held for one, in the order in which they were made; released ones are left out."""
    query = (
        select(Booking, Rep)
        .join(Rep, col(Rep.id) == col(Booking.rep_id))
        .where(Booking.state != "released")
        .order_by(col(Booking.id))
        .limit(limit)
    )
    if campaign_id is not None:
        query = query.where(Booking.campaign_id == campaign_id)
    if lead_id is not None:
        query = query.where(Booking.lead_id == lead_id)
    if after is not None:
        query = query.where(Booking.id > after)
    return [(booking, rep) for booking, rep in await session.exec(query)]


async def suppressed_among(session: AsyncSession, phones: list[str]) -> set[str]:
    rows = await session.execute(text("select phone from suppression where phone = any(:phones)"), {"phones": phones})
    return set(rows.scalars())
