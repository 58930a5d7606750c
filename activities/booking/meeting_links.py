"""The links of meetings, looked up when the booking stands: nobody waits for them on the phone.

Where the process dies first, the record stays without the link; the callee has it in the calendar's own invitation.
"""

import asyncio
import logging
from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError

from activities.booking.calendar import AppointmentRequest, Calendar, CalendarError
from cadenza.domain.outcomes import CalendarProvider
from cadenza.records.bookings import note_join_url
from cadenza.records.database import Database

_log = logging.getLogger(__name__)

_LOOK_AFTER_SECONDS = (0.0, 1.0, 5.0)
"""Graph may make the meeting a moment after the event; a calendar may be busy."""
_CLOSING_SECONDS = 5.0


class MeetingLinks:
    """One for each process."""

    def __init__(self, database: Database, calendars: Mapping[CalendarProvider, Calendar]) -> None:
        self._database = database
        self._calendars = calendars
        self._looking: set[asyncio.Task[None]] = set()

    def look_up_soon(self, request: AppointmentRequest, external_id: str) -> None:
        """Note the link of a confirmed booking, in the background."""
        task = asyncio.create_task(self._look_up(request, external_id))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def close(self) -> None:
        """Let the last ones be found."""
        if self._looking:
            await asyncio.wait(self._looking, timeout=_CLOSING_SECONDS)
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    async def _look_up(self, request: AppointmentRequest, external_id: str) -> None:
        for wait in _LOOK_AFTER_SECONDS:
            await asyncio.sleep(wait)
            try:
                join_url = await self._calendars[request.diary.provider].join_url(request, external_id)
                if join_url is not None:
                    async with self._database.transaction() as session:
                        await note_join_url(session, request.reference, join_url)
                    return
            except (CalendarError, SQLAlchemyError, OSError) as error:
                _log.warning("booking %s has no link yet: %s", request.reference, type(error).__name__)
