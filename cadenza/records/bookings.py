"""Slots offered, held and booked.

A hold is made under one advisory lock for each campaign, so that rotation counts see each other; the table's exclusion
constraint keeps two campaigns that share a calendar apart. Times come from the database's clock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import randbelow

from sqlalchemy import ColumnElement, and_, func, or_, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import BookingState
from cadenza.domain.rotation import RepLoad, choose_rep
from cadenza.domain.slots import Busy, OpenSlot
from cadenza.records.booking_span import booking_span
from cadenza.records.booking_tables import Booking, Rep, SlotOfferRow

ROTATION_DAYS = 30
HOLD_LAPSED = "hold_lapsed"
TOKEN_DIGITS = 15
"""Of an offer's token, which a model writes while somebody waits: it writes three digits at once, of random letters one
or two."""


@dataclass(frozen=True)
class Hold:
    """What came of asking for a slot. Exactly one of the three is set, or none: nobody is free any more."""

    booking: Booking | None = None
    fresh: bool = False  # made just now: nothing can have been sent to a calendar yet
    already: Booking | None = None  # the lead's confirmed appointment
    unfinished: Booking | None = None  # an earlier booking of this lead that was not brought to an end


async def active_reps(session: AsyncSession, campaign_id: str) -> list[Rep]:
    found = await session.exec(select(Rep).where(Rep.campaign_id == campaign_id, col(Rep.active)).order_by(Rep.id))
    return list(found.all())


async def taken_times(session: AsyncSession, reps: Sequence[Rep], start: datetime, end: datetime) -> list[Busy]:
    """Live holds and bookings in these reps' calendars, whichever campaign made them."""
    found = await session.exec(
        select(Booking).where(
            _takes_time(),
            col(Booking.calendar_ref).in_([rep.calendar_ref for rep in reps]),
            Booking.starts_at < end,
            Booking.ends_at > start,
        )
    )
    rows = found.all()
    return [
        Busy(rep_id=rep.id, starts_at=row.starts_at, ends_at=row.ends_at)
        for row in rows
        for rep in reps
        if rep.calendar_ref == row.calendar_ref
    ]


async def record_offers(
    session: AsyncSession, lead_id: str, attempt_id: str, slots: Sequence[OpenSlot], duration: timedelta
) -> list[SlotOfferRow]:
    """Write down what is offered. The random tokens are the only way to book."""
    rows = [
        SlotOfferRow(
            token=f"s{randbelow(10**TOKEN_DIGITS):0{TOKEN_DIGITS}d}",
            lead_id=lead_id,
            attempt_id=attempt_id,
            starts_at=slot.starts_at,
            ends_at=slot.starts_at + duration,
            rep_ids=list(slot.rep_ids),
        )
        for slot in slots
    ]
    session.add_all(rows)
    await session.flush()
    return rows


async def offered_starts(session: AsyncSession, attempt_id: str) -> set[datetime]:
    found = await session.exec(select(SlotOfferRow.starts_at).where(SlotOfferRow.attempt_id == attempt_id))
    return set(found.all())


async def find_offer(session: AsyncSession, token: str, lead_id: str) -> SlotOfferRow | None:
    """The offer behind a token, if it was made to this lead."""
    found = await session.exec(select(SlotOfferRow).where(SlotOfferRow.token == token, SlotOfferRow.lead_id == lead_id))
    return found.first()


async def find_booking(session: AsyncSession, booking_id: str) -> Booking | None:
    return await session.get(Booking, booking_id)


async def confirmed_booking(session: AsyncSession, lead_id: str) -> Booking | None:
    """The lead's appointment, if there is one."""
    found = await session.exec(
        select(Booking).where(Booking.lead_id == lead_id, Booking.state == BookingState.CONFIRMED.value)
    )
    return found.first()


async def hold_slot(
    session: AsyncSession,
    *,
    booking_id: str,
    campaign_id: str,
    attempt_id: str,
    offer: SlotOfferRow,
    hold_seconds: int,
    exclude: Collection[str] = (),
) -> Hold:
    """Hold the offered slot for the free rep whose turn it is. Safe to repeat: finds the hold of this booking id.

    `exclude` names reps whose calendar said no. Call it in a transaction of its own and keep that short: other
    bookings of the campaign wait for it.
    """
    await session.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"book:{campaign_id}"}
    )
    await _release_lapsed(session, offer)
    own = await session.get(Booking, booking_id, populate_existing=True)
    if own is not None and own.state == BookingState.CONFIRMED.value:
        return Hold(already=own)
    others = await session.exec(
        select(Booking).where(
            Booking.lead_id == offer.lead_id,
            Booking.id != booking_id,
            col(Booking.state).in_([BookingState.HELD.value, BookingState.CONFIRMED.value]),
        )
    )
    for other in others.all():
        if other.state == BookingState.CONFIRMED.value:
            return Hold(already=other)
        return Hold(unfinished=other)
    if own is not None and own.state == BookingState.HELD.value:
        await _extend(session, own, hold_seconds)
        return Hold(booking=own)
    if own is not None and own.state == BookingState.RELEASED.value and own.failure == HOLD_LAPSED:
        return Hold(unfinished=own)  # nobody knows what became of it
    if own is not None and own.state == BookingState.CANCELLED.value:
        return Hold()  # given up by the workflow: a late retry must not bring it back
    return await _hold_for_next(session, own, booking_id, campaign_id, attempt_id, offer, hold_seconds, set(exclude))


async def confirm(
    session: AsyncSession, booking_id: str, external_id: str, join_url: str | None, cancel_url: str | None
) -> bool:
    """The calendar has it: the booking is real. False when the hold is no longer ours: cancel at the calendar then."""
    changed = await session.execute(
        update(Booking)
        .where(
            col(Booking.id) == booking_id,
            col(Booking.state).in_([BookingState.HELD.value, BookingState.CONFIRMED.value]),
        )
        .values(
            state=BookingState.CONFIRMED.value,
            external_id=external_id,
            join_url=join_url or col(Booking.join_url),
            cancel_url=cancel_url,
            failure="",
            hold_until=None,
            confirmed_at=func.coalesce(col(Booking.confirmed_at), func.now()),
        )
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


async def note_join_url(session: AsyncSession, booking_id: str, join_url: str) -> None:
    """The link of a booking's meeting, which came after the booking."""
    await session.execute(update(Booking).where(col(Booking.id) == booking_id).values(join_url=join_url))


async def release(session: AsyncSession, booking_id: str, failure: str, *, for_good: bool = False) -> bool:
    """Free a held slot; `failure` is a code. `for_good` forbids that a late retry holds it again. Never frees a
    confirmed one."""
    end = BookingState.CANCELLED if for_good else BookingState.RELEASED
    changed = await session.execute(
        update(Booking)
        .where(
            col(Booking.id) == booking_id,
            col(Booking.state).in_([BookingState.HELD.value, BookingState.RELEASED.value]),
        )
        .values(state=end.value, failure=failure, hold_until=None)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


async def remember_email(session: AsyncSession, lead_id: str, email: str) -> None:
    """The address that the callee gave is the lead's from now on."""
    await session.execute(
        text("update lead set email = :email where id = :lead and email <> :email"), {"email": email, "lead": lead_id}
    )


def _takes_time() -> ColumnElement[bool]:
    """Confirmed, or held and not lapsed."""
    return or_(
        col(Booking.state) == BookingState.CONFIRMED.value,
        and_(col(Booking.state) == BookingState.HELD.value, col(Booking.hold_until) > func.now()),
    )


async def _release_lapsed(session: AsyncSession, offer: SlotOfferRow) -> None:
    """Holds that ran out in the calendars asked for: the constraint counts them until they are released."""
    await session.execute(
        text(
            "update booking set state = 'released', failure = :lapsed where state = 'held' and hold_until < now() "
            "and calendar_ref in (select calendar_ref from rep where id = any(:reps))"
        ),
        {"reps": offer.rep_ids, "lapsed": HOLD_LAPSED},
    )


async def _extend(session: AsyncSession, booking: Booking, hold_seconds: int) -> None:
    await session.execute(
        text("update booking set hold_until = now() + make_interval(secs => :seconds) where id = :id"),
        {"seconds": hold_seconds, "id": booking.id},
    )


async def _hold_for_next(
    session: AsyncSession,
    own: Booking | None,
    booking_id: str,
    campaign_id: str,
    attempt_id: str,
    offer: SlotOfferRow,
    hold_seconds: int,
    exclude: set[str],
) -> Hold:
    reps = [rep for rep in await active_reps(session, campaign_id) if rep.id in offer.rep_ids and rep.id not in exclude]
    taken = {busy.rep_id for busy in await taken_times(session, reps, offer.starts_at, offer.ends_at)}
    free = {rep.id: rep for rep in reps if rep.id not in taken}
    loads = await rep_loads(session, list(free.values()))
    while (chosen := choose_rep([load for load in loads if load.rep_id in free])) is not None:
        rep = free.pop(chosen)
        now = (await session.execute(text("select now()"))).scalar_one()
        fields = {
            "rep_id": rep.id,
            "calendar_ref": rep.calendar_ref,
            "provider": rep.provider,
            "starts_at": offer.starts_at,
            "ends_at": offer.ends_at,
            "span": booking_span(rep.calendar_ref, offer.starts_at, offer.ends_at),
            "state": BookingState.HELD.value,
            "hold_until": now + timedelta(seconds=hold_seconds),
            "external_id": None,
            "failure": "",
        }
        try:
            async with session.begin_nested():
                if own is None:
                    booking = Booking(
                        id=booking_id,
                        campaign_id=campaign_id,
                        lead_id=offer.lead_id,
                        attempt_id=attempt_id,
                        **fields,
                    )
                    session.add(booking)
                else:
                    booking = own
                    booking.sqlmodel_update(fields)
                await session.flush()
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", "") != "23P01":  # exclusion_violation: another campaign was faster
                raise
            own = await session.get(Booking, booking_id, populate_existing=True)
            continue
        return Hold(booking=booking, fresh=own is None)
    return Hold()


async def rep_loads(session: AsyncSession, reps: Sequence[Rep]) -> list[RepLoad]:
    """What each rep got in the last 30 days. Released and cancelled ones do not count."""
    counted = await session.exec(
        select(Booking.rep_id, func.count(), func.max(Booking.created_at))
        .where(
            _takes_time(),
            col(Booking.rep_id).in_([rep.id for rep in reps]),
            col(Booking.created_at) > func.now() - timedelta(days=ROTATION_DAYS),
        )
        .group_by(Booking.rep_id)
    )
    rows = {rep_id: (booked, last) for rep_id, booked, last in counted.all()}
    return [
        RepLoad(
            rep_id=rep.id,
            weight=rep.weight,
            booked=rows[rep.id][0] if rep.id in rows else 0,
            last_booked_at=rows[rep.id][1] if rep.id in rows else None,
        )
        for rep in reps
    ]
