"""Offering and booking, the same for every provider, with the real SDKs against the emulated services.

Pins: "booked" is said only of what the calendar has, one slot is never given twice, and a lost reply never makes a
second appointment. The emulators share the tests' event loop: an SDK that blocked it would never get its answer.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cadenza.domain.messages import SlotOffer
from cadenza.domain.outcomes import BookingState
from cadenza.domain.slots import OpenSlot
from cadenza.records.bookings import hold_slot, record_offers
from tests.activities.booking.office import Office

pytestmark = [pytest.mark.servers, pytest.mark.waits(50)]


async def test_two_open_slots_are_offered_in_the_callees_words_and_zone(office: Office) -> None:
    await office.open(reps=2)
    lead = await office.lead(zones=["America/Chicago"])
    offer = await office.find(lead)
    first, second = offer.slots
    assert offer.reason == ""
    assert first.token != second.token and first.starts_at != second.starts_at
    local = first.starts_at.astimezone(ZoneInfo("America/Chicago"))
    assert first.spoken.startswith(f"{local:%A} the ")
    assert first.starts_at > datetime.now(UTC) + timedelta(minutes=130)


async def test_an_offered_slot_is_booked_and_the_calendar_has_it(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    result = await office.book(lead, slot.token)
    assert result.status == "booked"
    assert result.spoken == f"{slot.spoken} with Rep 0"
    (made,) = office.appointments()
    (booking,) = await office.house.bookings(lead)
    assert made.starts_at == slot.starts_at == booking.starts_at == result.starts_at
    assert made.email == "ann.lee@example.com"
    assert booking.id == result.booking_id
    assert booking.state == BookingState.CONFIRMED.value
    assert booking.external_id is not None and booking.external_id.endswith(made.external_id)


async def test_a_lost_reply_after_the_booking_was_made_leaves_one_appointment(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    office.fault(office.create, "lose_reply")
    assert (await office.book(lead, slot.token)).status == "booked"
    assert len(office.appointments()) == 1


async def test_a_request_lost_before_it_was_carried_out_is_made_once_more(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    office.fault(office.create, "cut_socket")
    assert (await office.book(lead, slot.token)).status == "booked"
    assert len(office.appointments()) == 1


async def test_a_server_error_is_a_doubt_that_looking_clears(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    office.fault(office.create, "status:503")
    office.fault(office.look, "status:503")
    assert (await office.book(lead, slot.token)).status == "booked"
    assert len(office.appointments()) == 1


async def test_a_crash_after_the_booking_was_made_is_healed_by_the_retry(office: Office) -> None:
    """The worker died between the calendar's answer and ours to SQL: Temporal runs the activity again."""
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    first = await office.book(lead, slot.token, booking_id="bk_crash")
    await office.house.run(
        "update booking set state = 'held', external_id = null, confirmed_at = null, "
        "hold_until = now() + interval '5 minutes'"
    )
    again = await office.book(lead, slot.token, booking_id="bk_crash", attempt=2)
    assert first.status == again.status == "booked"
    assert len(office.appointments()) == 1
    (booking,) = await office.house.bookings(lead)
    assert booking.state == BookingState.CONFIRMED.value and booking.external_id


async def test_doubt_that_cannot_be_cleared_is_not_called_a_booking_and_can_be_undone(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    office.fault(office.create, "lose_reply")
    office.fault(office.look, "status:503", count=2)
    result = await office.book(lead, slot.token, booking_id="bk_doubt")
    assert (result.status, result.booking_id) == ("failed", "bk_doubt")
    assert len(office.appointments()) == 1, "it was made, and nobody knows"
    assert await office.release("bk_doubt")
    assert office.appointments() == []
    (booking,) = await office.house.bookings(lead)
    assert booking.state == BookingState.CANCELLED.value
    assert (await office.book(lead, slot.token, booking_id="bk_doubt", attempt=2)).status != "booked"


async def test_a_new_try_clears_the_doubt_about_an_older_one_first(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    one, other = (await office.find(lead)).slots
    office.fault(office.create, "lose_reply")
    office.fault(office.look, "status:503", count=2)
    assert (await office.book(lead, one.token)).status == "failed"
    assert (await office.book(lead, other.token)).status == "booked"
    (made,) = office.appointments()
    assert made.starts_at == other.starts_at


async def test_a_slot_that_is_gone_everywhere_is_answered_with_two_others(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    office.a_stranger_takes_the_slot()
    result = await office.book(lead, slot.token)
    assert result.status == "taken"
    assert office.mine() == []
    assert len(result.slots) == 2
    assert slot.starts_at not in {one.starts_at for one in result.slots}
    assert (await office.book(lead, result.slots[0].token)).status == "booked"


async def test_two_leads_who_take_one_slot_at_once_get_one_appointment(office: Office) -> None:
    await office.open()
    leads = [await office.lead(email=f"lead{number}@example.com") for number in range(5)]
    offers = [await office.find(lead) for lead in leads]
    assert len({offer.slots[0].starts_at for offer in offers}) == 1
    results = await asyncio.gather(
        *(office.book(lead, offer.slots[0].token) for lead, offer in zip(leads, offers, strict=True))
    )
    assert sorted(result.status for result in results) == ["booked"] + ["taken"] * 4
    assert len(office.appointments()) == 1
    assert all(len(result.slots) == 2 for result in results if result.status == "taken")


async def test_an_appointment_whose_hold_was_lost_meanwhile_is_called_off(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    office.fault(office.create, "delay", seconds=1.0)
    booking = asyncio.create_task(office.book(lead, slot.token))
    while not await office.house.run("update booking set hold_until = now() - interval '1 second' returning id"):
        await asyncio.sleep(0.02)
    rival = await office.lead(email="rival@example.com")
    rivals_slot = (await office.house.run("select rep_ids, starts_at, ends_at from slot_offer limit 1"))[0]
    async with office.house.database.transaction() as session:
        opened = OpenSlot(starts_at=rivals_slot.starts_at, rep_ids=tuple(rivals_slot.rep_ids))
        (offer,) = await record_offers(session, rival, f"{rival}-1", [opened], timedelta(minutes=30))
    async with office.house.database.transaction() as session:
        hold = await hold_slot(
            session,
            booking_id="bk_rival",
            campaign_id=office.campaign_id,
            attempt_id=f"{rival}-1",
            offer=offer,
            hold_seconds=300,
        )
    assert hold.booking is not None
    result = await booking
    assert result.status == "taken"
    assert office.appointments() == []


async def test_an_address_is_asked_for_when_there_is_none(office: Office) -> None:
    await office.open()
    lead = await office.lead(email="")
    slot = (await office.find(lead)).slots[0]
    assert (await office.book(lead, slot.token)).status == "need_email"
    assert (await office.book(lead, slot.token, email="ann at example")).status == "need_email"
    assert (await office.book(lead, slot.token, email="ann@example.org")).status == "booked"
    assert len(office.mine("ann@example.org")) == 1
    assert await office.house.run("select email from lead") == [("ann@example.org",)]


async def test_a_lead_who_has_an_appointment_gets_the_same_again(office: Office) -> None:
    await office.open(reps=2)
    lead = await office.lead()
    one, other = (await office.find(lead)).slots
    first = await office.book(lead, one.token)
    second = await office.book(lead, other.token)
    assert (second.status, second.booking_id, second.spoken) == ("booked", first.booking_id, first.spoken)
    assert len(office.appointments()) == 1


async def test_a_token_of_another_lead_books_nothing(office: Office) -> None:
    await office.open()
    lead, stranger = await office.lead(), await office.lead()
    slot = (await office.find(lead)).slots[0]
    result = await office.book(stranger, slot.token)
    assert (result.status, result.reason) == ("failed", "unknown_slot")
    assert office.appointments() == []


async def test_a_limit_on_bookings_is_a_clear_failure_that_holds_nothing(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    slot = (await office.find(lead)).slots[0]
    office.fault(office.create, "rate_limit", seconds=30)
    result = await office.book(lead, slot.token)
    assert (result.status, result.reason, result.booking_id) == ("failed", "calendar_busy", None)
    (booking,) = await office.house.bookings(lead)
    assert booking.state == BookingState.RELEASED.value


async def test_slow_calendars_do_not_keep_the_callee_waiting(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    office.fault(office.ask, "delay", seconds=3.0)
    began = time.monotonic()
    offer = await office.find(lead)
    assert time.monotonic() - began < 2.5
    assert offer == SlotOffer(reason="calendars_do_not_answer")
    await asyncio.sleep(1.2)
    assert len((await office.find(lead)).slots) == 2, "the late answer was kept for the next question"


async def test_calendars_that_fail_are_asked_anew_after_a_moment(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    office.fault(office.ask, "status:503")
    assert await office.find(lead) == SlotOffer(reason="calendars_do_not_answer")
    await asyncio.sleep(2.1)
    assert len((await office.find(lead)).slots) == 2


async def test_many_calls_at_once_ask_each_calendar_once(office: Office) -> None:
    await office.open()
    leads = [await office.lead() for _ in range(15)]
    office.fault(office.ask, "delay", seconds=0.2, count=1)
    office.fault(office.ask, "status:500", count=None, skip=1)  # a second question would fail
    offers = await asyncio.gather(*(office.find(lead) for lead in leads))
    assert all(len(offer.slots) == 2 for offer in offers)


async def test_a_booked_slot_is_not_offered_to_anybody_else(office: Office) -> None:
    await office.open()
    one, other = await office.lead(), await office.lead()
    slot = (await office.find(one)).slots[0]
    await office.book(one, slot.token)
    assert slot.starts_at not in {later.starts_at for later in (await office.find(other)).slots}


async def test_asking_again_brings_other_slots_and_a_wish_is_honoured(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    first, second = await office.find(lead), await office.find(lead)
    assert not {one.starts_at for one in first.slots} & {one.starts_at for one in second.slots}
    wished = await office.find(lead, "Thursday afternoon")
    zone = ZoneInfo("America/New_York")
    assert all(one.starts_at.astimezone(zone).weekday() == 3 for one in wished.slots)
    assert all(one.starts_at.astimezone(zone).hour >= 12 for one in wished.slots)


async def test_releasing_what_is_confirmed_or_unknown_does_nothing(office: Office) -> None:
    await office.open()
    lead = await office.lead()
    result = await office.book(lead, (await office.find(lead)).slots[0].token)
    assert not await office.release(str(result.booking_id))
    assert not await office.release("bk_unknown")
    assert len(office.appointments()) == 1
