"""When the reps are free, asked of all calendars at once and within the patience of somebody on the phone.

Answers are kept for some seconds, and a question under way is shared, so that many calls at once do not hammer the
vendors. An answer that is a little older is given at once all the same, while the calendar is asked anew: nobody waits,
and who takes a time that has gone meanwhile is offered another. What comes too late still serves the next call.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.booking.calendar import Calendar, CalendarBusy, CalendarError, Diary, Window
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.outcomes import CalendarProvider

_log = logging.getLogger(__name__)

KEEP_SECONDS = 20.0
STALE_SECONDS = 120.0
_KEEP_FAILURE_SECONDS = 2.0

_Question = tuple[Diary, timedelta, timedelta, WeeklyHours]
"""Whose free times, for what length, how far ahead, within which hours. Not from when: that moves with the clock."""


@dataclass(eq=False)
class _Known:
    """What is known of one question."""

    starts: list[datetime] | None = None
    asked_at: float = 0.0  # monotonic; of `starts`
    asking: "asyncio.Task[list[datetime]] | None" = None
    busy_until: float = 0.0  # after a failure

    def is_younger(self, seconds: float, now: float) -> bool:
        return self.starts is not None and now - self.asked_at < seconds


@dataclass(frozen=True)
class FreeStarts:
    """By calendar; a calendar that failed or was too slow is only counted."""

    by_diary: Mapping[Diary, list[datetime]]
    silent: int


class Availability:
    """One for each process. `calendars` holds the providers that are set up."""

    def __init__(self, calendars: Mapping[CalendarProvider, Calendar]) -> None:
        self._calendars = calendars
        self._known: dict[_Question, _Known] = {}
        self._asking: set[asyncio.Task[list[datetime]]] = set()

    async def free_starts(self, diaries: Sequence[Diary], window: Window, patience: float) -> FreeStarts:
        """What is known, or has come after `patience` seconds at most. Some may lie before the window's start."""
        self._drop_old()
        asked = {diary: self._ask(diary, window) for diary in dict.fromkeys(diaries)}
        waited_for = [
            known.asking
            for known in asked.values()
            if known.asking is not None and not known.is_younger(STALE_SECONDS, time.monotonic())
        ]
        if waited_for:
            await asyncio.wait(waited_for, timeout=patience)
            await asyncio.sleep(0)  # what has come is noted then
        now = time.monotonic()
        answered = {
            diary: known.starts
            for diary, known in asked.items()
            if known.starts is not None and known.is_younger(STALE_SECONDS, now)
        }
        return FreeStarts(by_diary=answered, silent=len(asked) - len(answered))

    def forget(self, diary: Diary) -> None:
        """Ask this calendar anew before anything more of it is offered: it turned out otherwise."""
        for question in [question for question in self._known if question[0] == diary]:
            del self._known[question]

    def renew(self, diary: Diary) -> None:
        """Ask this calendar anew at the next question, which need not wait for it: we know what we changed."""
        for question, known in self._known.items():
            if question[0] == diary:
                known.asked_at = min(known.asked_at, time.monotonic() - KEEP_SECONDS)

    async def close(self) -> None:
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        self._known.clear()

    def _drop_old(self) -> None:
        now = time.monotonic()
        for question, known in list(self._known.items()):
            if known.asking is None and known.busy_until <= now and not known.is_younger(STALE_SECONDS, now):
                del self._known[question]

    def _ask(self, diary: Diary, window: Window) -> _Known:
        question = (diary, window.duration, window.ends_at - window.starts_at, window.hours)
        known = self._known.setdefault(question, _Known())
        now = time.monotonic()
        if known.asking is None and known.busy_until <= now and not known.is_younger(KEEP_SECONDS, now):
            known.asking = task = asyncio.create_task(self._calendars[diary.provider].free_starts(diary, window))
            self._asking.add(task)
            task.add_done_callback(lambda done: self._note(done, diary, known, now))
        return known

    def _note(self, done: "asyncio.Task[list[datetime]]", diary: Diary, known: _Known, asked_at: float) -> None:
        """A failure is kept for a moment only. Reads the exception, so that nobody warns of an unread one."""
        self._asking.discard(done)
        known.asking = None
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            known.starts, known.asked_at = done.result(), asked_at
            return
        code = error.code if isinstance(error, CalendarError) else type(error).__name__
        _log.warning("calendar gave no free times: provider=%s code=%s", diary.provider.value, code)
        known.busy_until = time.monotonic() + (
            error.retry_after if isinstance(error, CalendarBusy) else _KEEP_FAILURE_SECONDS
        )
