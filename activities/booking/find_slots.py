"""Two open slots for somebody who is on the phone."""

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from activities.booking.availability import Availability
from activities.booking.calendar import Window
from activities.booking.facts import BookingFacts, diary_of
from activities.booking.models import OfferReason
from cadenza.domain.messages import OfferedSlot, SlotOffer
from cadenza.domain.policy import BookingPlan
from cadenza.domain.preference import read_preference
from cadenza.domain.rotation import whose_turn
from cadenza.domain.slots import merge_free_starts, pick_two, spoken_slot
from cadenza.records.bookings import offered_starts, record_offers, rep_loads, taken_times
from cadenza.records.database import Database

PATIENCE_SECONDS = 2.0
"""For the calendars; with the database the answer is there in two and a half seconds."""


async def offer_two(
    database: Database,
    availability: Availability,
    facts: BookingFacts,
    attempt_id: str,
    preference: str,
    exclude: Collection[datetime],
) -> SlotOffer:
    """The offer, written down with its tokens. An empty one says why."""
    if facts.plan is None:
        return SlotOffer(reason=OfferReason.CAMPAIGN_BOOKS_NOTHING)
    if not facts.reps:
        return SlotOffer(reason=OfferReason.NOBODY_TO_BOOK)
    plan, reps = facts.plan, facts.reps
    duration = timedelta(minutes=plan.duration_minutes)
    window = _window(plan, facts.now)
    diaries = {rep.id: diary_of(rep, plan) for rep in reps.values()}
    answer = await availability.free_starts(list(diaries.values()), window, PATIENCE_SECONDS)
    earliest = facts.now + timedelta(minutes=plan.notice_minutes)
    free = {
        rep_id: [start for start in answer.by_diary.get(diary, ()) if start >= earliest and start not in exclude]
        for rep_id, diary in diaries.items()
    }
    async with database.transaction() as session:
        taken = await taken_times(session, list(reps.values()), window.starts_at, window.ends_at + duration)
        offered_before = await offered_starts(session, attempt_id)
        wish = read_preference(preference, facts.now.astimezone(ZoneInfo(facts.zones[0])).date())
        open_slots = merge_free_starts(free, taken, duration)
        turn = whose_turn(await rep_loads(session, list(reps.values())))
        fair = [slot for slot in open_slots if turn.intersection(slot.rep_ids)]
        chosen, as_wished = pick_two(fair, wish, facts.zones[0], offered_before)
        if len(chosen) < 2 or not as_wished:
            chosen, as_wished = pick_two(open_slots, wish, facts.zones[0], offered_before)
        rows = await record_offers(session, facts.lead.id, attempt_id, chosen, duration)
    if not rows:
        return SlotOffer(
            reason=OfferReason.CALENDARS_DO_NOT_ANSWER
            if answer.silent == len(set(diaries.values()))
            else OfferReason.NOTHING_OPEN
        )
    slots = [
        OfferedSlot(token=row.token, starts_at=row.starts_at, spoken=spoken_slot(row.starts_at, facts.zones))
        for row in rows
    ]
    return SlotOffer(slots=slots, reason="" if as_wished else OfferReason.NOT_AS_WISHED)


def _window(plan: BookingPlan, now: datetime) -> Window:
    """What is asked of the calendars. It starts at a round minute, so that calls near each other share the answer."""
    earliest = now + timedelta(minutes=plan.notice_minutes)
    start = earliest.replace(minute=earliest.minute // 5 * 5, second=0, microsecond=0) + timedelta(minutes=5)
    return Window(
        starts_at=start,
        ends_at=start + timedelta(days=plan.days_ahead),
        duration=timedelta(minutes=plan.duration_minutes),
        hours=plan.hours,
    )
