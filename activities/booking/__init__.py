"""Appointments: open slots during the call, and a booking that is real before anybody says so.

The contract (activities are methods of `activities.booking.activities.BookingActivities(settings, database)`;
close it with `await close()`; register `instance.all()` with the worker):

| activity | input | result | how to call it |
|---|---|---|---|
| `find_open_slots` | `FindOpenSlots` | `messages.SlotOffer` | start-to-close 5 s, at most 2 attempts |
| `book_slot` | `BookSlot` | `messages.BookingResult` | start-to-close 20 s, heartbeat 5 s, schedule-to-close 45 s |
| `release_booking` | `ReleaseBooking` | `ReleasedBooking` | start-to-close 30 s, default retries |

`book_slot` is the whole saga: hold in SQL, create at the rep's calendar, confirm; or release, try the next free rep,
and in the end answer `taken` with two other slots. Every step is in SQL before the next one starts, so the saga is
safe to run again from the top with the same `booking_id` (derive it from the update's id): after a crash it finds its
own hold, asks the calendar whether the appointment is there, and goes on. It answers with a `status`, never with an
error, for everything the callee can be told: `booked`, `taken`, `need_email`, `failed`. It raises only what a retry
may heal (database away). When it answers `failed` with a `booking_id`, or fails for good, answer the callee `failed`
and run `release_booking` in the background: it cancels what may have been created and frees the slot; a booking
already confirmed stays, and then `released` is False.

The lead is marked as booked by the attempt's outcome, not here: `BookingResult.status == "booked"` is the proof.
Run book_slot under one lock for each lead (an update handler may be entered twice).
"""

from activities.booking.models import BookSlot, FindOpenSlots, ReleaseBooking, ReleasedBooking

__all__ = ["BookSlot", "FindOpenSlots", "ReleaseBooking", "ReleasedBooking"]
