"""A campaign whose reps have their calendars at an emulated vendor, and what one does there during a call."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from temporalio.testing import ActivityEnvironment

from activities.booking import BookSlot, FindOpenSlots, ReleaseBooking
from activities.booking.activities import BookingActivities
from cadenza.domain.identifiers import new_id
from cadenza.domain.messages import BookingResult, SlotOffer
from cadenza.records.booking_tables import Booking
from rehearsal.calendly.server import CalendlyEmulator
from rehearsal.microsoft.mailboxes import USERS
from rehearsal.microsoft.server import MicrosoftEmulator
from rehearsal.world import World
from tests.activities.house import House


@dataclass(frozen=True)
class Made:
    """An appointment as the vendor has it."""

    calendar: str
    starts_at: datetime
    email: str
    external_id: str


class Office(ABC):
    """The vendor's side is in the subclasses."""

    vendor: ClassVar[str]
    create: ClassVar[str]  # the operation that makes an appointment
    look: ClassVar[str]  # the operation that finds one again
    ask: ClassVar[str]  # the operation that tells free times
    provider: ClassVar[str]

    def __init__(self, house: House, world: World, activities: BookingActivities) -> None:
        self.house, self.world, self.activities = house, world, activities
        self.campaign_id = ""
        self.reps: dict[str, str] = {}  # rep's id by calendar

    @property
    @abstractmethod
    def calendars(self) -> tuple[str, ...]:
        """`calendar_ref` of each rep there is."""

    @abstractmethod
    def appointments(self) -> list[Made]:
        """What was made over the API and stands, strangers' included."""

    @abstractmethod
    def a_stranger_takes_the_slot(self) -> None:
        """At the moment at which the next appointment is made."""

    async def open(self, reps: int = 1, **campaign: Any) -> None:
        await self.open_for(*self.calendars[:reps], **campaign)

    async def open_for(self, *calendars: str, **campaign: Any) -> None:
        self.campaign_id = await self.house.campaign(**campaign)
        for number, calendar in enumerate(calendars):
            self.reps[calendar] = await self.house.rep(
                self.campaign_id, calendar, provider=self.provider, name=f"Rep {number}"
            )

    async def lead(self, **fields: Any) -> str:
        return await self.house.lead(self.campaign_id, **fields)

    async def find(self, lead_id: str, preference: str = "", **more: Any) -> SlotOffer:
        wish = FindOpenSlots(lead_id=lead_id, attempt_id=f"{lead_id}-1", preference=preference, **more)
        return await ActivityEnvironment().run(self.activities.find_open_slots, wish)

    async def book(
        self, lead_id: str, token: str, booking_id: str = "", email: str | None = None, attempt: int = 1
    ) -> BookingResult:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        wish = BookSlot(
            booking_id=booking_id or new_id("bk"),
            lead_id=lead_id,
            attempt_id=f"{lead_id}-1",
            slot_token=token,
            email=email,
        )
        return await environment.run(self.activities.book_slot, wish)

    async def release(self, booking_id: str) -> bool:
        released = await ActivityEnvironment().run(
            self.activities.release_booking, ReleaseBooking(booking_id=booking_id, reason="gave_up")
        )
        return released.released

    def fault(self, operation: str, effect: str, **more: Any) -> None:
        self.world.faults.order({"vendor": self.vendor, "operation": operation, "effect": effect, **more})

    async def linked_booking(self, lead_id: str) -> Booking:
        """The lead's one booking, when its link is there. Raises TimeoutError."""
        async with asyncio.timeout(10):
            while True:
                (booking,) = await self.house.bookings(lead_id)
                if booking.join_url is not None:
                    return booking
                await asyncio.sleep(0.05)

    def mine(self, email: str = "ann.lee@example.com") -> list[Made]:
        return [one for one in self.appointments() if one.email == email]


class CalendlyOffice(Office):
    vendor, provider = "calendly", "calendly"
    create, look, ask = "create_invitee", "list_events", "list_available_times"

    def __init__(self, house: House, world: World, activities: BookingActivities, emulator: CalendlyEmulator) -> None:
        super().__init__(house, world, activities)
        self.emulator = emulator

    @property
    def calendars(self) -> tuple[str, ...]:
        base = self.world.settings.calendly_base_url
        return tuple(f"{base}/event_types/{name}" for name in ("DANA30", "SAM30", "MIA30"))

    def appointments(self) -> list[Made]:
        return [
            Made(one.rep.event_type_id, one.starts_at, one.request.email, one.event_id)
            for one in self.emulator.ledger.all()
            if one.is_active
        ]

    def a_stranger_takes_the_slot(self) -> None:
        self.fault(self.create, "slot_taken")


class TeamsOffice(Office):
    vendor, provider = "microsoft", "teams"
    create, look, ask = "create_event", "calendar_view", "get_schedule"

    def __init__(self, house: House, world: World, activities: BookingActivities, emulator: MicrosoftEmulator) -> None:
        super().__init__(house, world, activities)
        self.emulator = emulator

    @property
    def calendars(self) -> tuple[str, ...]:
        return tuple(user.address for user in USERS)

    def appointments(self) -> list[Made]:
        return [
            Made(
                user.address,
                event.starts_at,
                next((one["emailAddress"]["address"] for one in event.content.get("attendees", ())), ""),
                event.identifier,
            )
            for user in USERS
            for event in self.emulator._graph.mailbox(user.address).events.values()
        ]

    def a_stranger_takes_the_slot(self) -> None:
        self.fault(self.ask, "slot_taken")
