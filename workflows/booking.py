"""Appointments during the call: the lead's workflow is the desk at which they are asked for.

`find_open_slots` and `book_slot` are sagas of their own (`activities.booking`); here stands what a conversation needs:
one booking at a time, an answer whatever happens, and no booking left half made.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.booking import BookSlot, FindOpenSlots, ReleaseBooking
    from activities.booking.activities import BookingActivities
    from cadenza.domain.messages import BookAppointment, BookingResult, OfferSlots, SlotOffer

_LOOK_TWICE = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=2)


class BookingDesk:
    """Offers and bookings of one lead."""

    def __init__(self, lead_id: str) -> None:
        self._lead_id = lead_id
        self._one_at_a_time = asyncio.Lock()  # an update handler may be entered again while it waits
        self._under_way = 0
        self._releases: set[asyncio.Task[None]] = set()

    @property
    def is_busy(self) -> bool:
        """True while a booking may still turn out to be one."""
        return self._under_way > 0

    @property
    def is_releasing(self) -> bool:
        return bool(self._releases)

    async def offer(self, wish: OfferSlots) -> SlotOffer:
        """Two open slots. A local activity: it looks for 2.5 seconds at most, and saves five events."""
        try:
            return await workflow.execute_local_activity_method(
                BookingActivities.find_open_slots,
                FindOpenSlots(lead_id=self._lead_id, attempt_id=wish.attempt_id, preference=wish.preference),
                start_to_close_timeout=timedelta(seconds=5),
                retry_policy=_LOOK_TWICE,
                summary="find open slots",
            )
        except FailureError:  # a local activity's failure is not wrapped in an ActivityError
            return SlotOffer(reason="the calendar does not answer")

    async def book(self, wish: BookAppointment, update_id: str) -> BookingResult:
        """Take the slot. The update's id names the booking, so a repeated tool call finds its own."""
        booking_id = f"bk_{update_id}"
        self._under_way += 1
        try:
            async with self._one_at_a_time:
                result = await workflow.execute_activity_method(
                    BookingActivities.book_slot,
                    BookSlot(
                        booking_id=booking_id,
                        lead_id=self._lead_id,
                        attempt_id=wish.attempt_id,
                        slot_token=wish.slot_token,
                        email=wish.email,
                    ),
                    start_to_close_timeout=timedelta(seconds=20),
                    schedule_to_close_timeout=timedelta(seconds=45),
                    heartbeat_timeout=timedelta(seconds=5),
                    summary="book the slot",
                )
        except ActivityError:
            result = BookingResult(status="failed", reason="the calendar does not answer", booking_id=booking_id)
        finally:
            self._under_way -= 1
        if result.status == "failed" and result.booking_id:
            self._release(result.booking_id)
        return result

    def _release(self, booking_id: str) -> None:
        """Undo what may have been made, without letting the callee wait for it."""
        task = asyncio.create_task(self._run_release(booking_id))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)

    async def _run_release(self, booking_id: str) -> None:
        await workflow.execute_activity_method(
            BookingActivities.release_booking,
            ReleaseBooking(booking_id=booking_id, reason="gave_up"),
            start_to_close_timeout=timedelta(seconds=30),
            schedule_to_close_timeout=timedelta(hours=1),
            summary="release the slot",
        )
