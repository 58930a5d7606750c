"""The booking activities: thin shells around `find_slots` and `book_slot`."""

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.booking.availability import Availability
from activities.booking.book_slot import GAVE_UP, BookingSaga
from activities.booking.calendar import Calendar, CalendarError, CalendarRefused
from activities.booking.calendly import CalendlyCalendar
from activities.booking.facts import BookingFacts, load_facts
from activities.booking.find_slots import offer_two
from activities.booking.graph_client import TokenSource
from activities.booking.meeting_links import MeetingLinks
from activities.booking.models import BookingFailure, BookSlot, FindOpenSlots, ReleaseBooking, ReleasedBooking
from activities.booking.teams import TeamsCalendar
from activities.heartbeat import heartbeating
from cadenza.domain.messages import BookingResult, SlotOffer
from cadenza.domain.outcomes import CalendarProvider
from cadenza.records.database import Database
from cadenza.settings import Settings

BOOKING_SECONDS = 15.0
"""The saga stops by itself before Temporal's start-to-close, so that no try outlives its successor's start."""


class BookingActivities:
    """Holds the calendars' clients and the short-lived cache of free times. One for each worker process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._calendars = build_calendars(settings)
        self._availability = Availability(self._calendars)
        self._links = MeetingLinks(database, self._calendars)
        self._saga = BookingSaga(database, self._calendars, self._availability, self._links)

    def all(self) -> list[Callable[..., Any]]:
        """What to register with a worker."""
        return [self.find_open_slots, self.book_slot, self.release_booking]

    async def close(self) -> None:
        await self._links.close()
        await self._availability.close()
        for calendar in self._calendars.values():
            await calendar.close()

    @activity.defn
    async def find_open_slots(self, request: FindOpenSlots) -> SlotOffer:
        """Two open slots, in 2.5 seconds at most; an empty offer says why."""
        facts = await self._facts(request.lead_id)
        return await offer_two(
            self._database, self._availability, facts, request.attempt_id, request.preference, request.exclude
        )

    @activity.defn
    async def book_slot(self, request: BookSlot) -> BookingResult:
        """Book, or say why not. Status `failed` with a booking id: run `release_booking` on it."""
        async with heartbeating():
            facts = await self._facts(request.lead_id)
            try:
                async with asyncio.timeout(BOOKING_SECONDS):
                    return await self._saga.book(request, facts, retried=activity.info().attempt > 1)
            except TimeoutError:
                return BookingResult(status="failed", reason=BookingFailure.TOO_SLOW, booking_id=request.booking_id)

    @activity.defn
    async def release_booking(self, request: ReleaseBooking) -> ReleasedBooking:
        """Undo what a failed booking may have left, here and at the calendar. Raises what a retry may heal."""
        async with heartbeating():
            lead_id = await self._saga.lead_of(request.booking_id)
            if lead_id is None:
                return ReleasedBooking(released=False)
            facts = await self._facts(lead_id)
            try:
                released = await self._saga.undo(request.booking_id, facts, request.reason or GAVE_UP)
            except CalendarError as error:
                final = isinstance(error, CalendarRefused)
                raise ApplicationError(str(error), type=error.code, non_retryable=final) from None
            return ReleasedBooking(released=released)

    async def _facts(self, lead_id: str) -> BookingFacts:
        async with self._database.transaction() as session:
            facts = await load_facts(session, lead_id)
        if facts is None:
            raise ApplicationError(f"no lead {lead_id}", type="unknown_lead", non_retryable=True)
        return facts


def build_calendars(settings: Settings) -> dict[CalendarProvider, Calendar]:
    """Both providers; nothing is connected until it is used."""
    return {
        CalendarProvider.CALENDLY: CalendlyCalendar(
            settings.calendly_token.get_secret_value(), settings.calendly_base_url
        ),
        CalendarProvider.TEAMS: TeamsCalendar(
            settings.microsoft_graph_url,
            TokenSource(
                authority=f"{settings.microsoft_login_url}/{settings.microsoft_tenant_id}",
                client_id=settings.microsoft_client_id,
                secret=settings.microsoft_client_secret.get_secret_value(),
                ca_bundle=settings.microsoft_ca_bundle,
            ),
        ),
    }
