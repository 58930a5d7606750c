"""Appointments that are asked for during the call."""

import asyncio

from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from cadenza.domain.messages import BookAppointment, BookingResult, OfferSlots
from cadenza.domain.outcomes import AttemptOutcome, CallStatus
from tests.workflows.scenarios.registry import closed_while_asleep, lead_scenario
from tests.workflows.stage import CAMPAIGN, LeadOnStage

AWAY = ApplicationError("calendar", type="calendar_away", non_retryable=True)


async def offer(lead: LeadOnStage) -> None:
    await lead.leads.offer_slots(CAMPAIGN, lead.id, f"{lead.attempt}-1", OfferSlots(attempt_id=lead.attempt))


async def book(lead: LeadOnStage, turn: int = 2) -> BookingResult:
    wish = BookAppointment(attempt_id=lead.attempt, slot_token="s1")
    return await lead.leads.book_appointment(CAMPAIGN, lead.id, f"{lead.attempt}-{turn}", wish)


@lead_scenario
async def calendar_without_an_answer(lead: LeadOnStage) -> None:
    lead.script.slots = [AWAY]
    await lead.call(CallStatus.IN_PROGRESS)
    await offer(lead)
    await lead.hear(AttemptOutcome.INTERESTED, CallStatus.COMPLETED)


@lead_scenario
async def booking_that_failed_is_undone(lead: LeadOnStage) -> None:
    lead.script.booking = [AWAY]
    await lead.call(CallStatus.IN_PROGRESS)
    await book(lead)
    await lead.asked_for("release_booking")
    await lead.hear(AttemptOutcome.INTERESTED, CallStatus.COMPLETED)


@lead_scenario
async def booked_in_the_last_second(lead: LeadOnStage) -> None:
    """The person has hung up while the calendar was asked: the booking is waited for, and counts."""
    lead.script.hold = {"book_slot": asyncio.Event()}
    await lead.call(CallStatus.IN_PROGRESS)
    booking = asyncio.ensure_future(book(lead))
    await lead.asked_for("book_slot")
    await lead.hear(AttemptOutcome.HUNG_UP, CallStatus.COMPLETED)
    await lead.settled(activities=1)
    lead.script.hold["book_slot"].set()
    await booking


@lead_scenario
async def two_bookings_at_once(lead: LeadOnStage) -> None:
    """The second waits for the first, which finds its slot taken."""
    lead.script.hold = {"book_slot": asyncio.Event()}
    lead.script.booking = [BookingResult(status="taken")]
    await lead.call(CallStatus.IN_PROGRESS)
    both = [asyncio.ensure_future(book(lead, turn)) for turn in (2, 3)]
    await lead.asked_for("book_slot")
    lead.script.hold["book_slot"].set()
    await asyncio.gather(*both)
    await lead.hear(AttemptOutcome.BOOKED, CallStatus.COMPLETED)


@lead_scenario
async def booking_refused_while_asleep(lead: LeadOnStage) -> None:
    """The validator says no, and leaves nothing in the history."""
    await lead.call(CallStatus.NO_ANSWER)
    await lead.asleep()
    try:
        await book(lead)
    except WorkflowUpdateFailedError:
        await closed_while_asleep(lead)
