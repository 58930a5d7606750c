"""What is Calendly's own: its SDK's flaws kept out, its limits and plans, its kinds of place."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from activities.booking.calendly_client import SafeCalendlyClient
from cadenza.domain.outcomes import BookingState
from cadenza.domain.slots import OpenSlot
from cadenza.records.bookings import record_offers
from rehearsal.calendly.limits import Plan
from tests.activities.booking.office import CalendlyOffice

pytestmark = pytest.mark.servers


async def test_each_kind_of_place_can_be_booked(calendly_office: CalendlyOffice) -> None:
    for calendar in calendly_office.calendars:
        await calendly_office.open_for(calendar)
        lead = await calendly_office.lead(zones=["Australia/Sydney", "Australia/Perth"])
        result = await calendly_office.book(lead, (await calendly_office.find(lead)).slots[0].token)
        assert result.status == "booked", (calendar, result)


async def test_our_booking_id_travels_with_the_appointment(calendly_office: CalendlyOffice) -> None:
    await calendly_office.open()
    lead = await calendly_office.lead()
    result = await calendly_office.book(lead, (await calendly_office.find(lead)).slots[0].token)
    (meeting,) = calendly_office.emulator.ledger.all()
    assert meeting.request.tracking["utm_content"] == result.booking_id
    booking = await calendly_office.linked_booking(lead)
    assert booking.cancel_url and booking.join_url


async def test_nobody_waits_on_the_phone_for_the_meetings_link(calendly_office: CalendlyOffice) -> None:
    await calendly_office.open()
    calendly_office.fault("fetch_event", "delay", seconds=1.5)
    lead = await calendly_office.lead()
    slot = (await calendly_office.find(lead)).slots[0]
    began = time.monotonic()
    assert (await calendly_office.book(lead, slot.token)).status == "booked"
    assert time.monotonic() - began < 1.0
    (booking,) = await calendly_office.house.bookings(lead)
    assert booking.state == BookingState.CONFIRMED and booking.join_url is None
    assert (await calendly_office.linked_booking(lead)).join_url


async def test_a_link_that_cannot_be_had_at_once_is_asked_for_again(calendly_office: CalendlyOffice) -> None:
    await calendly_office.open()
    calendly_office.fault("fetch_event", "status:503")
    lead = await calendly_office.lead()
    await calendly_office.book(lead, (await calendly_office.find(lead)).slots[0].token)
    assert (await calendly_office.linked_booking(lead)).join_url


async def test_a_slot_that_a_stranger_took_goes_to_the_next_free_rep(calendly_office: CalendlyOffice) -> None:
    office = calendly_office
    await office.open(reps=2)
    lead = await office.lead()
    now = datetime.now(UTC)
    dana, sam, _ = office.emulator.ledger.directory.reps
    free_of_dana, free_of_sam = (
        office.emulator.ledger.offered(rep, now, now + timedelta(days=14), now + timedelta(hours=3))
        for rep in (dana, sam)
    )
    both_free = OpenSlot(starts_at=min(set(free_of_dana) & set(free_of_sam)), rep_ids=tuple(office.reps.values()))
    async with office.house.database.transaction() as session:
        (offer,) = await record_offers(session, lead, f"{lead}-1", [both_free], timedelta(minutes=30))
    office.a_stranger_takes_the_slot()
    result = await office.book(lead, offer.token)
    assert result.status == "booked"
    (made,) = office.mine()
    (stranger,) = [one for one in office.appointments() if one != made]
    assert stranger.starts_at == made.starts_at and stranger.calendar != made.calendar


async def test_a_free_plan_is_a_clear_failure_and_holds_nothing(calendly_office: CalendlyOffice) -> None:
    await calendly_office.open()
    lead = await calendly_office.lead()
    slot = (await calendly_office.find(lead)).slots[0]
    calendly_office.emulator.behaviour.plan = Plan.FREE
    result = await calendly_office.book(lead, slot.token)
    assert (result.status, result.reason, result.booking_id) == ("failed", "calendar_refused", None)
    (booking,) = await calendly_office.house.bookings(lead)
    assert booking.state == BookingState.RELEASED.value


async def test_after_a_429_nothing_is_asked_until_the_reset(calendly_office: CalendlyOffice) -> None:
    await calendly_office.open()
    lead = await calendly_office.lead()
    slot = (await calendly_office.find(lead)).slots[0]
    calendly_office.fault("create_invitee", "rate_limit", seconds=30)
    assert (await calendly_office.book(lead, slot.token)).reason == "calendar_busy"
    began = time.monotonic()
    assert (await calendly_office.book(lead, slot.token)).reason == "calendar_busy", "no fault is left: not asked"
    assert time.monotonic() - began < 20, "it waited for the reset"
    assert calendly_office.appointments() == []


async def test_more_than_a_week_is_asked_in_pieces(calendly_office: CalendlyOffice) -> None:
    await calendly_office.open(booking={"notice_minutes": 130, "days_ahead": 16})
    lead = await calendly_office.lead()
    assert len((await calendly_office.find(lead, "next week")).slots) == 2


async def test_a_campaign_without_reps_or_plan_says_so(calendly_office: CalendlyOffice) -> None:
    await calendly_office.open()
    await calendly_office.house.run("update rep set active = false")
    lead = await calendly_office.lead()
    assert (await calendly_office.find(lead)).reason == "nobody_to_book"
    await calendly_office.house.run("update campaign set booking = null")
    assert (await calendly_office.find(lead)).reason == "campaign_books_nothing"


async def test_nothing_open_is_told_apart_from_calendars_that_do_not_answer(calendly_office: CalendlyOffice) -> None:
    await calendly_office.open()
    calendly_office.emulator.behaviour.availability_share = 0.0
    assert (await calendly_office.find(await calendly_office.lead())).reason == "nothing_open"


async def test_two_clients_never_send_each_others_token() -> None:
    one, other = (SafeCalendlyClient(f"token-{number}", "http://127.0.0.1:1") for number in (1, 2))
    assert one.headers["Authorization"] == "Bearer token-1"
    assert other.headers["Authorization"] == "Bearer token-2"
    assert "Authorization" not in SafeCalendlyClient.__mro__[1].headers
