"""When the reps are free, asked of all calendars at once and within the patience of somebody on the phone.

Answers are kept for some seconds, and a question under way is shared, so that many calls at once do not hammer the
vendors. What comes too late still fills the cache for the next call.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.booking.calendar import Calendar, CalendarBusy, CalendarError, Diary, Window
from cadenza.domain.outcomes import CalendarProvider

_log = logging.getLogger(__name__)

KEEP_SECONDS = 20.0
_KEEP_FAILURE_SECONDS = 2.0


@dataclass
class _Answer:
    asking: "asyncio.Task[list[datetime]]"
    keep_until: float


@dataclass(frozen=True)
class FreeStarts:
    """By calendar; a calendar that failed or was too slow is only counted."""

    by_diary: Mapping[Diary, list[datetime]]
    silent: int


class Availability:
    """One for each process. `calendars` holds the providers that are set up."""

    def __init__(self, calendars: Mapping[CalendarProvider, Calendar]) -> None:
        self._calendars = calendars
        self._answers: dict[tuple[Diary, Window], _Answer] = {}

    async def free_starts(self, diaries: Sequence[Diary], window: Window, patience: float) -> FreeStarts:
        """What has come after `patience` seconds at most."""
        asked = {diary: self._ask(diary, window) for diary in dict.fromkeys(diaries)}
        if asked:
            await asyncio.wait(asked.values(), timeout=patience)
        answered = {diary: task.result() for diary, task in asked.items() if task.done() and task.exception() is None}
        return FreeStarts(by_diary=answered, silent=len(asked) - len(answered))

    def forget(self, diary: Diary) -> None:
        """Ask this calendar anew next time: it turned out otherwise."""
        for key in [key for key in self._answers if key[0] == diary]:
            del self._answers[key]

    async def close(self) -> None:
        tasks = [answer.asking for answer in self._answers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._answers.clear()

    def _ask(self, diary: Diary, window: Window) -> "asyncio.Task[list[datetime]]":
        now = time.monotonic()
        self._answers = {
            key: answer for key, answer in self._answers.items() if not answer.asking.done() or answer.keep_until > now
        }
        known = self._answers.get((diary, window))
        if known is None:
            task = asyncio.create_task(self._calendars[diary.provider].free_starts(diary, window))
            known = self._answers[(diary, window)] = _Answer(task, now + KEEP_SECONDS)
            task.add_done_callback(lambda done: self._note(done, diary, window))
        return known.asking

    def _note(self, done: "asyncio.Task[list[datetime]]", diary: Diary, window: Window) -> None:
        """A failure is kept for a moment only. Reads the exception, so that nobody warns of an unread one."""
        if done.cancelled() or (error := done.exception()) is None:
            return
        code = error.code if isinstance(error, CalendarError) else type(error).__name__
        _log.warning("calendar gave no free times: provider=%s code=%s", diary.provider.value, code)
        wait = error.retry_after if isinstance(error, CalendarBusy) else _KEEP_FAILURE_SECONDS
        if (answer := self._answers.get((diary, window))) and answer.asking is done:
            answer.keep_until = time.monotonic() + wait
