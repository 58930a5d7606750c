"""Open times of an appointment: which two to offer. Pure; the clock is an argument, instants are UTC."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.preference import Preference, part_of_day
from cadenza.domain.spoken import spoken_moment

EARLIEST_LOCAL, LATEST_LOCAL = time(8), time(20)
"""Appointments outside these hours of the callee are offered only when there are no others."""


class OpenSlot(BaseModel):
    """A start, with the reps who are free for the whole appointment."""

    model_config = ConfigDict(frozen=True)

    starts_at: datetime
    rep_ids: tuple[str, ...]


class Busy(BaseModel):
    """A stretch that a rep's calendar has taken, from our own records."""

    model_config = ConfigDict(frozen=True)

    rep_id: str
    starts_at: datetime
    ends_at: datetime


def merge_free_starts(
    free: Mapping[str, Iterable[datetime]], taken: Iterable[Busy], duration: timedelta
) -> list[OpenSlot]:
    """The union of all reps' free starts, less what our own holds and bookings take; by time."""
    taken_by_rep: dict[str, list[Busy]] = {}
    for busy in taken:
        taken_by_rep.setdefault(busy.rep_id, []).append(busy)
    reps: dict[datetime, list[str]] = {}
    for rep_id in sorted(free):
        for start in free[rep_id]:
            overlapping = (b.starts_at < start + duration and start < b.ends_at for b in taken_by_rep.get(rep_id, ()))
            if not any(overlapping):
                reps.setdefault(start.astimezone(UTC), []).append(rep_id)
    return [OpenSlot(starts_at=start, rep_ids=tuple(reps[start])) for start in sorted(reps)]


def pick_two(
    slots: Sequence[OpenSlot], preference: Preference, zone: str, avoid: Collection[datetime] = ()
) -> tuple[list[OpenSlot], bool]:
    """Two slots to offer, and whether the wish was met (by the first at least).

    What suits the wish comes first, what was not offered before next, then the soonest. The second is on another day
    or in another part of the day than the first if there is such a one that suits as well.
    """
    place = ZoneInfo(zone)
    local = {slot.starts_at: slot.starts_at.astimezone(place) for slot in slots}
    decent = [slot for slot in slots if EARLIEST_LOCAL <= local[slot.starts_at].time() < LATEST_LOCAL]
    suiting = [slot for slot in slots if preference.suits(local[slot.starts_at])]
    suiting_decent = [slot for slot in suiting if slot in decent]
    suits = {slot.starts_at for slot in (suiting_decent or suiting)}

    def rank(slot: OpenSlot) -> tuple[bool, bool, datetime]:
        return (slot.starts_at not in suits, slot.starts_at in avoid, slot.starts_at)

    ranked = sorted(decent if decent and not suiting else (suiting_decent or suiting) + decent, key=rank)
    ranked = list({slot.starts_at: slot for slot in ranked or slots}.values())
    if not ranked:
        return [], False
    first = ranked[0]

    def differs(slot: OpenSlot) -> bool:
        one, other = local[first.starts_at], local[slot.starts_at]
        return one.date() != other.date() or part_of_day(one.time()) != part_of_day(other.time())

    others = ranked[1:]
    same_class = [slot for slot in others if rank(slot)[:2] == rank(first)[:2]]
    second = next((slot for slot in same_class if differs(slot)), None)
    second = second or (same_class[0] if same_class else next(iter(others), None))
    return [first] + ([second] if second else []), first.starts_at in suits


def grid(
    window_start: datetime, window_end: datetime, hours: WeeklyHours, zone: str, duration: timedelta, step: timedelta
) -> list[datetime]:
    """Starts on the rep's local clock within their weekly hours, such that the appointment ends in time. UTC."""
    place = ZoneInfo(zone)
    starts: set[datetime] = set()
    day = window_start.astimezone(place).date()
    while day <= window_end.astimezone(place).date():
        if opens := hours.on(day):
            end_day = day + timedelta(days=1) if opens.closes == time(0) else day
            closes = datetime.combine(end_day, opens.closes, tzinfo=place).astimezone(UTC)
            start = datetime.combine(day, opens.opens, tzinfo=place).astimezone(UTC)
            while start + duration <= closes:
                if window_start <= start and start + duration <= window_end:
                    starts.add(start)
                start += step
        day += timedelta(days=1)
    return sorted(starts)


def spoken_slot(starts_at: datetime, zones: Sequence[str]) -> str:
    """A start as it is said to the callee, in the first of the zones they may be in.

    The zone is named where the others would hear another time: "Tuesday the third of December at two thirty in the
    afternoon, New York time".
    """
    words = spoken_moment(starts_at, zones[0])
    offsets = {starts_at.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones}
    if len(offsets) == 1:
        return words
    return f"{words}, {zones[0].rsplit('/', 1)[-1].replace('_', ' ')} time"
