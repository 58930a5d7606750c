"""What is known of the reps' free times, and when a calendar is asked again."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from activities.booking import availability
from activities.booking.availability import Availability, FreeStarts
from activities.booking.calendar import (
    Appointment,
    AppointmentRequest,
    CalendarBusy,
    CalendarError,
    CalendarUnreachable,
    Diary,
    Window,
)
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.outcomes import CalendarProvider

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DIARY = Diary(provider=CalendarProvider.CALENDLY, calendar_ref="dana", time_zone="UTC")


class Dana:
    """A calendar that answers with how often it was asked, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails_with: CalendarError | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def free_starts(self, diary: Diary, window: Window) -> list[datetime]:
        self.asked += 1
        number = self.asked
        await self.may_answer.wait()
        if self.fails_with is not None:
            raise self.fails_with
        return [NOW + timedelta(hours=number)]

    async def create(self, request: AppointmentRequest) -> Appointment:
        raise NotImplementedError

    async def find(self, request: AppointmentRequest) -> Appointment | None:
        raise NotImplementedError

    async def join_url(self, request: AppointmentRequest, external_id: str) -> str | None:
        raise NotImplementedError

    async def cancel(self, request: AppointmentRequest, external_id: str, reason: str) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        return


class Desk:
    """Asks as an offer does."""

    def __init__(self) -> None:
        self.dana = Dana()
        self.availability = Availability({CalendarProvider.CALENDLY: self.dana})

    async def ask(self, *, later: timedelta = timedelta(0), patience: float = 0.2) -> FreeStarts:
        window = Window(
            starts_at=NOW + later,
            ends_at=NOW + later + timedelta(days=14),
            duration=timedelta(minutes=30),
            hours=WeeklyHours(),
        )
        return await self.availability.free_starts([DIARY], window, patience)

    async def answer(self, **more: timedelta) -> int | None:
        """Which of Dana's answers is given; None: none."""
        found = (await self.ask(**more)).by_diary.get(DIARY)
        return None if found is None else (found[0] - NOW) // timedelta(hours=1)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_fresh_answer_serves_everybody_also_when_the_clock_has_moved(desk: Desk) -> None:
    assert [await desk.answer(), await desk.answer(), await desk.answer(later=timedelta(minutes=5))] == [1, 1, 1]


async def test_callers_at_the_same_time_share_one_question(desk: Desk) -> None:
    assert await asyncio.gather(*(desk.answer() for _ in range(5))) == [1] * 5
    assert desk.dana.asked == 1


async def test_an_older_answer_is_given_at_once_and_the_calendar_asked_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.answer()
    monkeypatch.setattr(availability, "KEEP_SECONDS", 0.0)
    desk.dana.may_answer.clear()
    assert await asyncio.wait_for(desk.answer(), 0.1) == 1
    desk.dana.may_answer.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await desk.answer() == 2


async def test_an_old_answer_is_waited_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.answer()
    monkeypatch.setattr(availability, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(availability, "STALE_SECONDS", 0.0)
    desk.dana.may_answer.clear()
    answer = await desk.ask(patience=0.05)
    assert (answer.by_diary, answer.silent) == ({}, 1)


async def test_what_came_too_late_serves_the_next(desk: Desk) -> None:
    desk.dana.may_answer.clear()
    assert (await desk.ask(patience=0.01)).silent == 1
    desk.dana.may_answer.set()
    assert await desk.answer() == 1


async def test_a_calendar_that_turned_out_otherwise_is_asked_before_anything_is_offered(desk: Desk) -> None:
    await desk.answer()
    desk.availability.forget(DIARY)
    assert await desk.answer() == 2


async def test_our_own_change_makes_nobody_wait(desk: Desk) -> None:
    await desk.answer()
    desk.availability.renew(DIARY)
    assert await desk.answer() == 1
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await desk.answer() == 2


@pytest.mark.parametrize("error", [CalendarUnreachable(), CalendarBusy(retry_after=30.0)])
async def test_a_failure_is_not_hammered_and_what_was_known_before_serves(
    desk: Desk, error: CalendarError, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.answer()
    monkeypatch.setattr(availability, "KEEP_SECONDS", 0.0)
    desk.dana.fails_with = error
    for _ in range(3):
        assert await desk.answer() == 1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert desk.dana.asked == 2


async def test_a_calendar_that_never_answered_is_silent_for_a_moment(desk: Desk) -> None:
    desk.dana.fails_with = CalendarUnreachable()
    assert [await desk.answer(), await desk.answer()] == [None, None]
    assert desk.dana.asked == 1
