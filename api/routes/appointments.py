"""Appointments that were booked in calls."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Context
from api.routes.answers import guarded
from api.schemas.lists import AppointmentOut
from api.schemas.pages import Cursor, Limit, Page
from cadenza.records.booking_tables import Booking, Rep
from cadenza.records.leads import list_appointments

router = APIRouter(prefix="/v1/appointments", tags=["Appointments"])


@router.get("", summary="List appointments", responses=guarded())
async def list_all(
    context: Context,
    campaign: Annotated[str | None, Query(max_length=50, description="Of this campaign")] = None,
    lead: Annotated[str | None, Query(max_length=50, description="Of this lead")] = None,
    limit: Limit = 50,
    after: Cursor = None,
) -> Page[AppointmentOut]:
    """In the order in which they were made, slots held for a call under way included."""
    async with context.database.transaction() as session:
        found = await list_appointments(session, campaign_id=campaign, lead_id=lead, after=after, limit=limit)
    items = [appointment_out(booking, rep) for booking, rep in found]
    return Page(items=items, next=items[-1].id if len(items) == limit else None)


def appointment_out(booking: Booking, rep: Rep) -> AppointmentOut:
    return AppointmentOut.model_validate(
        {**booking.model_dump(), "call_id": booking.attempt_id, "rep": rep.name, "time_zone": rep.time_zone}
    )
