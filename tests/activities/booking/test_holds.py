"""Holding a slot in SQL. Pins: one slot of one calendar is never held twice, rotation is fair whoever comes at once,
and a repeated request finds what the first one made."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from cadenza.domain.outcomes import BookingState
from cadenza.domain.slots import OpenSlot
from cadenza.records import bookings
from cadenza.records.booking_tables import Booking, SlotOfferRow
from cadenza.records.bookings import Hold
from tests.activities.house import House

pytestmark = pytest.mark.servers
HALF_HOUR = timedelta(minutes=30)
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)


class Desk:
    """Offers and holds in one campaign."""

    def __init__(self, house: House, campaign_id: str) -> None:
        self.house = house
        self.campaign_id = campaign_id

    async def offer(self, reps: list[str], start: datetime = START, lead_id: str | None = None) -> SlotOfferRow:
        lead_id = lead_id or await self.house.lead(self.campaign_id)
        async with self.house.database.transaction() as session:
            slot = OpenSlot(starts_at=start, rep_ids=tuple(reps))
            return (await bookings.record_offers(session, lead_id, f"{lead_id}-1", [slot], HALF_HOUR))[0]

    async def hold(self, offer: SlotOfferRow, booking_id: str = "", seconds: int = 300, **more: list[str]) -> Hold:
        async with self.house.database.transaction() as session:
            return await bookings.hold_slot(
                session, booking_id=booking_id or f"bk_{offer.token}", campaign_id=self.campaign_id,
                attempt_id=offer.attempt_id, offer=offer, hold_seconds=seconds, **more,
            )  # fmt: skip

    async def confirm(self, hold: Hold) -> bool:
        assert hold.booking is not None
        async with self.house.database.transaction() as session:
            return await bookings.confirm(session, hold.booking.id, "external", None, None)

    async def release(self, hold: Hold, **more: bool) -> bool:
        assert hold.booking is not None
        async with self.house.database.transaction() as session:
            return await bookings.release(session, hold.booking.id, "test", **more)


@pytest.fixture
async def desk(house: House) -> Desk:
    return Desk(house, await house.campaign())


def the(hold: Hold) -> Booking:
    assert hold.booking is not None
    return hold.booking


async def test_twenty_at_once_for_the_one_slot_of_one_rep_give_one_hold(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    offers = [await desk.offer([rep]) for _ in range(20)]
    holds = await asyncio.gather(*(desk.hold(offer) for offer in offers))
    assert sum(hold.booking is not None for hold in holds) == 1


async def test_overlapping_slots_of_one_calendar_exclude_each_other_across_campaigns(desk: Desk) -> None:
    other = Desk(desk.house, await desk.house.campaign())
    desks = [desk, other] * 8
    reps = {one.campaign_id: await desk.house.rep(one.campaign_id, "shared calendar") for one in (desk, other)}
    offers = [
        await one.offer([reps[one.campaign_id]], START + timedelta(minutes=15 * (number % 2)))
        for number, one in enumerate(desks)
    ]
    holds = await asyncio.gather(*(one.hold(offer) for one, offer in zip(desks, offers, strict=True)))
    assert sum(hold.booking is not None for hold in holds) == 1


async def test_a_second_caller_gets_the_next_rep_of_the_slot(desk: Desk) -> None:
    reps = [await desk.house.rep(desk.campaign_id, f"calendar-{number}") for number in range(3)]
    holds = await asyncio.gather(*[desk.hold(await desk.offer(reps)) for _ in range(3)])
    assert {the(hold).rep_id for hold in holds} == set(reps)
    assert (await desk.hold(await desk.offer(reps))) == Hold()


async def test_rotation_is_fair_over_a_hundred_bookings_made_at_once(desk: Desk) -> None:
    reps = [await desk.house.rep(desk.campaign_id, f"calendar-{number}") for number in range(4)]
    offers = [await desk.offer(reps, START + HALF_HOUR * number) for number in range(100)]
    gate = asyncio.Semaphore(10)

    async def book(offer: SlotOfferRow) -> str:
        async with gate:
            hold = await desk.hold(offer)
            assert await desk.confirm(hold)
            return the(hold).rep_id

    assert Counter(await asyncio.gather(*map(book, offers))) == dict.fromkeys(reps, 25)


async def test_rotation_follows_the_weights(desk: Desk) -> None:
    heavy = await desk.house.rep(desk.campaign_id, "calendar-1", weight=3.0)
    light = await desk.house.rep(desk.campaign_id, "calendar-2", weight=1.0)
    given = Counter(
        [the(await desk.hold(await desk.offer([heavy, light], START + HALF_HOUR * n))).rep_id for n in range(40)]
    )
    assert given == {heavy: 30, light: 10}


async def test_a_released_booking_does_not_count_for_rotation(desk: Desk) -> None:
    first, second = [await desk.house.rep(desk.campaign_id, f"calendar-{number}") for number in range(2)]
    hold = await desk.hold(await desk.offer([first, second]))
    await desk.release(hold)
    again = await desk.hold(await desk.offer([first, second], START + HALF_HOUR))
    assert the(again).rep_id == the(hold).rep_id == min(first, second)


async def test_inactive_reps_and_those_excluded_are_not_chosen(desk: Desk) -> None:
    away = await desk.house.rep(desk.campaign_id, "calendar-1", active=False)
    refused, free = [await desk.house.rep(desk.campaign_id, f"calendar-{number}") for number in (2, 3)]
    hold = await desk.hold(await desk.offer([away, refused, free]), exclude=[refused])
    assert the(hold).rep_id == free


async def test_the_same_booking_id_finds_its_own_hold_and_knows_that_it_is_not_fresh(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    offer = await desk.offer([rep])
    first, again = await desk.hold(offer), await desk.hold(offer)
    assert first.fresh and not again.fresh
    assert the(first).id == the(again).id
    assert len(await desk.house.bookings()) == 1


async def test_the_same_booking_id_finds_its_confirmed_booking(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    offer = await desk.offer([rep])
    hold = await desk.hold(offer)
    assert await desk.confirm(hold)
    assert await desk.confirm(hold), "confirming twice is harmless"
    again = await desk.hold(offer)
    assert again.already is not None and again.already.id == the(hold).id


async def test_a_lead_has_one_booking_in_a_campaign(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    first = await desk.offer([rep])
    hold = await desk.hold(first)
    second = await desk.offer([rep], START + HALF_HOUR, lead_id=first.lead_id)
    unfinished = await desk.hold(second)
    assert unfinished.unfinished is not None and unfinished.unfinished.id == the(hold).id
    await desk.confirm(hold)
    already = await desk.hold(second)
    assert already.already is not None and already.already.id == the(hold).id


async def test_a_hold_that_lapsed_frees_the_slot_for_others(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    lapsed = await desk.hold(await desk.offer([rep]), seconds=-1)
    hold = await desk.hold(await desk.offer([rep]))
    assert the(hold).rep_id == rep
    assert not await desk.confirm(lapsed), "what lapsed cannot be confirmed: the slot may be somebody else's"


async def test_a_lapsed_hold_of_this_booking_must_be_looked_into_first(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    offer = await desk.offer([rep])
    lapsed = await desk.hold(offer, seconds=-1)
    again = await desk.hold(offer)
    assert again.unfinished is not None and again.unfinished.id == the(lapsed).id
    await desk.release(lapsed)
    assert (await desk.hold(offer)).booking is not None


async def test_a_booking_given_up_for_good_is_not_brought_back_by_a_late_retry(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    offer = await desk.offer([rep])
    hold = await desk.hold(offer)
    await desk.release(hold, for_good=True)
    assert await desk.hold(offer) == Hold()
    assert not await desk.confirm(hold)


async def test_a_confirmed_booking_is_never_released(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    hold = await desk.hold(await desk.offer([rep]))
    await desk.confirm(hold)
    assert not await desk.release(hold, for_good=True)
    (booking,) = await desk.house.bookings()
    assert booking.state == BookingState.CONFIRMED.value


async def test_a_token_opens_only_its_own_leads_slot(desk: Desk) -> None:
    rep = await desk.house.rep(desk.campaign_id, "calendar-1")
    offer, stranger = await desk.offer([rep]), await desk.house.lead(desk.campaign_id)
    async with desk.house.database.transaction() as session:
        assert await bookings.find_offer(session, offer.token, stranger) is None
        assert await bookings.find_offer(session, offer.token, offer.lead_id) is not None
        assert await bookings.offered_starts(session, offer.attempt_id) == {START}


async def test_taken_times_are_those_of_the_calendar_whoever_booked(desk: Desk) -> None:
    other = await desk.house.campaign()
    mine, theirs = [await desk.house.rep(campaign, "shared") for campaign in (desk.campaign_id, other)]
    await desk.hold(await desk.offer([mine]))
    async with desk.house.database.transaction() as session:
        reps = await bookings.active_reps(session, other)
        (taken,) = await bookings.taken_times(session, reps, START - HALF_HOUR, START + HALF_HOUR * 2)
    assert (taken.rep_id, taken.starts_at) == (theirs, START)
