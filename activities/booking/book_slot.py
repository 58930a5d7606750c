"""The booking saga: hold in SQL, create at the calendar, confirm; or undo, and try the next rep.

Each step is in SQL before the next begins, so the saga may be run again from the top at any time with the same booking
id. Nothing is ever created on top of a doubt: the calendar is asked what it has first.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from activities.booking.availability import Availability
from activities.booking.calendar import (
    Appointment,
    AppointmentRequest,
    Calendar,
    CalendarDoubt,
    CalendarError,
    Diary,
    SlotTaken,
)
from activities.booking.facts import BookingFacts
from activities.booking.find_slots import offer_two
from activities.booking.meeting_links import MeetingLinks
from activities.booking.models import BookingFailure, BookSlot
from cadenza.domain.messages import BookingResult
from cadenza.domain.outcomes import BookingState, CalendarProvider
from cadenza.domain.policy import BookingPlan
from cadenza.domain.slots import spoken_slot
from cadenza.domain.spoken import is_email
from cadenza.records.booking_tables import Booking, Rep, SlotOfferRow
from cadenza.records.bookings import Hold, confirm, find_booking, find_offer, hold_slot, release, remember_email
from cadenza.records.database import Database

_log = logging.getLogger(__name__)

GAVE_UP = "gave_up"
_LOOK_AFTER_SECONDS = (0.3, 1.0)
"""When a calendar is asked what became of a lost answer: it may still be at work on it."""


@dataclass(frozen=True)
class BookingSaga:
    database: Database
    calendars: Mapping[CalendarProvider, Calendar]
    availability: Availability
    links: MeetingLinks

    async def book(self, wish: BookSlot, facts: BookingFacts, *, retried: bool) -> BookingResult:
        """The story. `retried`: an earlier try of this very booking may have got anywhere."""
        if facts.plan is None:
            return BookingResult(status="failed", reason=BookingFailure.CAMPAIGN_BOOKS_NOTHING)
        async with self.database.transaction() as session:
            offer = await find_offer(session, wish.slot_token, wish.lead_id)
        if offer is None:
            return BookingResult(status="failed", reason=BookingFailure.UNKNOWN_SLOT)
        email = (wish.email or facts.lead.email).strip()
        if not is_email(email):
            return BookingResult(status="need_email")

        refused: dict[str, str] = {}  # rep: why their calendar said no
        while True:
            hold = await self._hold(wish, facts, offer, refused)
            if hold.already is not None:
                return self._booked(hold.already, facts)
            if hold.unfinished is not None:
                try:
                    await self._undo(hold.unfinished, facts, GAVE_UP)
                except CalendarError as error:
                    return BookingResult(status="failed", reason=error.code, booking_id=hold.unfinished.id)
                continue
            if hold.booking is None:
                return await self._none_free(wish, facts, offer, refused)
            booking = hold.booking
            request = _request(booking, facts, email)
            try:
                appointment = await self._create(request, look_first=retried or not hold.fresh)
            except CalendarDoubt as error:
                _log.warning("booking %s is in doubt: %s", booking.id, error)
                return BookingResult(status="failed", reason=error.code, booking_id=booking.id)
            except CalendarError as error:
                _log.warning("booking %s was not made with rep %s: %s", booking.id, booking.rep_id, error)
                refused[booking.rep_id] = error.code
                await self._let_go(booking, error.code)
                self.availability.forget(request.diary)
                continue
            self.availability.renew(request.diary)
            if await self._confirm(booking, appointment):
                if appointment.join_url is None:
                    self.links.look_up_soon(request, appointment.external_id)
                return self._booked(booking, facts)
            # The hold lapsed under us and the time may be somebody else's by now.
            refused[booking.rep_id] = SlotTaken.code
            try:
                await self._cancel(request, appointment)
            except CalendarError as error:
                return BookingResult(status="failed", reason=error.code, booking_id=booking.id)

    async def lead_of(self, booking_id: str) -> str | None:
        """Whose booking it is; None if it was never held."""
        async with self.database.transaction() as session:
            booking = await find_booking(session, booking_id)
        return booking.lead_id if booking else None

    async def undo(self, booking_id: str, facts: BookingFacts, reason: str) -> bool:
        """Bring an unfinished booking to an end. False when there is none, or it is confirmed and stays."""
        async with self.database.transaction() as session:
            booking = await find_booking(session, booking_id)
        if booking is None or booking.state == BookingState.CONFIRMED.value:
            return False
        await self._undo(booking, facts, reason, for_good=True)
        return True

    async def _hold(self, wish: BookSlot, facts: BookingFacts, offer: SlotOfferRow, refused: Mapping[str, str]) -> Hold:
        plan = facts.plan or BookingPlan()
        async with self.database.transaction() as session:
            if wish.email and is_email(wish.email.strip()):
                await remember_email(session, wish.lead_id, wish.email.strip())
            return await hold_slot(
                session,
                booking_id=wish.booking_id,
                campaign_id=facts.lead.campaign_id,
                attempt_id=wish.attempt_id,
                offer=offer,
                hold_seconds=plan.hold_seconds,
                exclude=refused,
            )

    async def _create(self, request: AppointmentRequest, *, look_first: bool) -> Appointment:
        """Create once; after a lost answer look, and create again only when the calendar surely has nothing.

        Raises CalendarDoubt only when that cannot be found out.
        """
        calendar = self.calendars[request.diary.provider]
        if look_first and (made := await self._look(calendar, request)) is not None:
            return made
        try:
            return await calendar.create(request)
        except CalendarDoubt as lost:
            seen: CalendarError | None = lost
            for wait in _LOOK_AFTER_SECONDS:
                await asyncio.sleep(wait)
                try:
                    made, seen = await self._look(calendar, request), None
                except CalendarDoubt as error:
                    made, seen = None, error
                if made is not None:
                    return made
            if seen is not None:
                raise seen from lost
        try:
            return await calendar.create(request)
        except SlotTaken:
            # By whom? The lost request may have been carried out after we looked.
            if (made := await self._look(calendar, request)) is not None:
                return made
            raise

    async def _look(self, calendar: Calendar, request: AppointmentRequest) -> Appointment | None:
        """What the calendar has of this booking. Raises CalendarDoubt when it cannot be asked."""
        try:
            return await calendar.find(request)
        except CalendarError as error:
            raise CalendarDoubt(str(error)) from error

    async def _confirm(self, booking: Booking, appointment: Appointment) -> bool:
        async with self.database.transaction() as session:
            return await confirm(
                session, booking.id, appointment.external_id, appointment.join_url, appointment.cancel_url
            )

    async def _cancel(self, request: AppointmentRequest, appointment: Appointment) -> None:
        calendar = self.calendars[request.diary.provider]
        await calendar.cancel(request, appointment.external_id, "The appointment could not be confirmed.")

    async def _let_go(self, booking: Booking, code: str) -> None:
        async with self.database.transaction() as session:
            await release(session, booking.id, code)

    async def _undo(self, booking: Booking, facts: BookingFacts, reason: str, *, for_good: bool = False) -> None:
        """Cancel at the calendar whatever was made there, then free the slot. Raises CalendarError: try again."""
        request = _request(booking, facts, email="")  # whichever address it was made with
        calendar = self.calendars[request.diary.provider]
        if (made := await calendar.find(request)) is not None:
            await self._cancel(request, made)
        self.availability.forget(request.diary)
        async with self.database.transaction() as session:
            await release(session, booking.id, reason, for_good=for_good)

    async def _none_free(
        self, wish: BookSlot, facts: BookingFacts, offer: SlotOfferRow, refused: Mapping[str, str]
    ) -> BookingResult:
        """Taken, with two other slots; or failed, when it is the calendars that refuse and not the time."""
        if refused and SlotTaken.code not in refused.values():
            return BookingResult(status="failed", reason=next(iter(refused.values())))
        other = await offer_two(self.database, self.availability, facts, wish.attempt_id, "", exclude={offer.starts_at})
        return BookingResult(status="taken", slots=other.slots, reason=other.reason)

    def _booked(self, booking: Booking, facts: BookingFacts) -> BookingResult:
        rep: Rep | None = facts.reps.get(booking.rep_id)
        name = rep.name if rep else ""
        return BookingResult(
            status="booked",
            spoken=spoken_slot(booking.starts_at, facts.zones) + (f" with {name}" if name else ""),
            booking_id=booking.id,
            starts_at=booking.starts_at,
            rep_name=name,
        )


def _request(booking: Booking, facts: BookingFacts, email: str) -> AppointmentRequest:
    """The same for every try of one booking with one rep: the calendar recognises it by `reference`."""
    plan, lead = facts.plan or BookingPlan(), facts.lead
    rep = facts.reps.get(booking.rep_id)
    return AppointmentRequest(
        reference=booking.id,
        diary=Diary(
            provider=CalendarProvider(booking.provider),
            calendar_ref=booking.calendar_ref,
            time_zone=(rep.time_zone if rep else "") or plan.time_zone,
        ),
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        title=plan.title,
        invitee_name=lead.name or lead.first_name,
        invitee_email=email,
        invitee_zone=facts.zones[0],
        invitee_phone=lead.phone,
        company=lead.company,
    )
