"""What booking must know of a lead and their campaign, in one read."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.booking.calendar import Diary
from cadenza.domain.outcomes import CalendarProvider
from cadenza.domain.policy import BookingPlan
from cadenza.records.booking_tables import Rep
from cadenza.records.bookings import active_reps
from cadenza.records.tables import Campaign, Lead


@dataclass(frozen=True)
class BookingFacts:
    """Holds personal data: never log it."""

    lead: Lead
    plan: BookingPlan | None
    reps: dict[str, Rep]  # active ones, by id
    now: datetime

    @property
    def zones(self) -> list[str]:
        """Where the callee may be; the first is spoken. The plan's zone where nothing is known."""
        return list(self.lead.zones) or [(self.plan or BookingPlan()).time_zone]


def diary_of(rep: Rep, plan: BookingPlan) -> Diary:
    return Diary(
        provider=CalendarProvider(rep.provider),
        calendar_ref=rep.calendar_ref,
        time_zone=rep.time_zone or plan.time_zone,
    )


async def load_facts(session: AsyncSession, lead_id: str) -> BookingFacts | None:
    """None if there is no such lead."""
    found = (
        await session.exec(
            select(Lead, Campaign.booking, func.now())
            .join(Campaign, Campaign.id == Lead.campaign_id)  # type: ignore[arg-type]
            .where(Lead.id == lead_id)
        )
    ).first()
    if found is None:
        return None
    lead, booking, now = found
    return BookingFacts(
        lead=lead,
        plan=BookingPlan.model_validate(booking) if booking is not None else None,
        reps={rep.id: rep for rep in await active_reps(session, lead.campaign_id)},
        now=now,
    )
