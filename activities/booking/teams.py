"""Microsoft Teams: appointments are events with an online meeting in the rep's own Outlook calendar, over Graph.

Graph takes overlapping events without a word, so the schedule is asked again right before the event is made. A repeated
POST is recognised by its `transactionId`, which is derived from the booking.
"""

import asyncio
import html
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from activities.booking.calendar import (
    Appointment,
    AppointmentRequest,
    CalendarError,
    CalendarRefused,
    Diary,
    SlotTaken,
    Window,
)
from activities.booking.graph_client import GraphClient, GraphHttpError, TokenSource
from cadenza.domain.slots import grid

_NAMESPACE = UUID("6f0c9d0e-6c58-4f0a-9b39-1f6f0f5d8a11")
_VIEW_MINUTES = 15
_GRID = timedelta(minutes=30)
_FREE = frozenset("04")  # free, working elsewhere
_MOST_REQUESTS_A_MAILBOX = 4  # Graph's limit for one application and one mailbox


class TeamsCalendar:
    def __init__(self, graph_url: str, tokens: TokenSource) -> None:
        self._graph = GraphClient(graph_url, tokens)
        self._mailboxes: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_MOST_REQUESTS_A_MAILBOX)
        )

    async def free_starts(self, diary: Diary, window: Window) -> list[datetime]:
        starts = grid(window.starts_at, window.ends_at, window.hours, diary.time_zone, window.duration, _GRID)
        if not starts:
            return []
        view_start = starts[0]
        view = await self._schedule(diary.calendar_ref, view_start, starts[-1] + window.duration)
        return [start for start in starts if _is_free(view, start - view_start, window.duration)]

    async def create(self, request: AppointmentRequest) -> Appointment:
        mailbox = request.diary.calendar_ref
        view = await self._schedule(mailbox, request.starts_at, request.ends_at)
        if not _is_free(view, timedelta(0), request.ends_at - request.starts_at):
            # What takes the time may be our own event, made by a POST whose answer was lost.
            if (ours := await self.find(request)) is not None:
                return ours
            raise SlotTaken
        try:
            async with self._mailboxes[mailbox]:
                event = await self._graph.change("POST", f"{_user(mailbox)}/events", json=_event(request))
        except GraphHttpError as error:
            if error.code == "ErrorDuplicateTransactionId" and (ours := await self.find(request)) is not None:
                return ours
            raise _refused(error) from error
        return _appointment(event)

    async def find(self, request: AppointmentRequest) -> Appointment | None:
        mailbox = request.diary.calendar_ref
        parameters = {
            "startDateTime": _local(request.starts_at),
            "endDateTime": _local(request.ends_at),
            "$select": "id,transactionId,isCancelled,onlineMeeting,webLink",
            "$top": "100",
        }
        try:
            async with self._mailboxes[mailbox]:
                answer = await self._graph.ask("GET", f"{_user(mailbox)}/calendarView", params=parameters)
        except GraphHttpError as error:
            raise _refused(error) from error
        wanted = transaction_id(request)
        for event in answer["value"]:
            if event.get("transactionId") == wanted and not event.get("isCancelled"):
                return _appointment(event)
        return None

    async def join_url(self, request: AppointmentRequest, external_id: str) -> str | None:
        path = f"{_user(request.diary.calendar_ref)}/events/{quote(external_id, safe='')}"
        try:
            event = await self._graph.ask("GET", path)
        except GraphHttpError as error:
            raise _refused(error) from error
        return _appointment(event).join_url

    async def cancel(self, request: AppointmentRequest, external_id: str, reason: str) -> None:
        mailbox = request.diary.calendar_ref
        path = f"{_user(mailbox)}/events/{quote(external_id, safe='')}/cancel"
        try:
            async with self._mailboxes[mailbox]:
                await self._graph.change("POST", path, json={"comment": reason})
        except GraphHttpError as error:
            if error.status != 404:
                raise _refused(error) from error

    async def close(self) -> None:
        await self._graph.close()

    async def _schedule(self, mailbox: str, start: datetime, end: datetime) -> str:
        """The availability view: a digit for each 15 minutes from `start`."""
        body = {
            "schedules": [mailbox],
            "startTime": {"dateTime": _local(start), "timeZone": "UTC"},
            "endTime": {"dateTime": _local(end), "timeZone": "UTC"},
            "availabilityViewInterval": _VIEW_MINUTES,
        }
        try:
            async with self._mailboxes[mailbox]:
                answer = await self._graph.ask("POST", f"{_user(mailbox)}/calendar/getSchedule", json=body)
        except GraphHttpError as error:
            raise _refused(error) from error
        schedule = answer["value"][0]
        if failure := schedule.get("error"):  # a mailbox's failure comes inside a 200
            raise CalendarRefused(f"getSchedule: {failure.get('responseCode', '')}")
        return str(schedule["availabilityView"])


def _appointment(event: dict[str, Any]) -> Appointment:
    """With its link, if Graph has made the meeting already: that may come a moment after the event."""
    join_url = (event.get("onlineMeeting") or {}).get("joinUrl")
    return Appointment(external_id=event["id"], join_url=join_url, cancel_url=None)


def transaction_id(request: AppointmentRequest) -> str:
    """The same for every try of one booking in one calendar, and another for the next rep's."""
    return str(uuid5(_NAMESPACE, f"{request.reference}|{request.diary.calendar_ref}|{_local(request.starts_at)}"))


def _event(request: AppointmentRequest) -> dict[str, Any]:
    lines = [
        f"With {html.escape(request.invitee_name)}" if request.invitee_name else "",
        f"of {html.escape(request.company)}" if request.company else "",
        f"Phone: {html.escape(request.invitee_phone)}" if request.invitee_phone else "",
    ]
    return {
        "subject": f"{request.title}: {request.invitee_name}" if request.invitee_name else request.title,
        "body": {"contentType": "HTML", "content": "<br>".join(line for line in lines if line)},
        "start": {"dateTime": _local(request.starts_at), "timeZone": "UTC"},
        "end": {"dateTime": _local(request.ends_at), "timeZone": "UTC"},
        "attendees": [
            {
                "emailAddress": {"address": request.invitee_email, "name": request.invitee_name},
                "type": "required",
            }
        ],
        "isOnlineMeeting": True,
        "onlineMeetingProvider": "teamsForBusiness",
        "allowNewTimeProposals": True,
        "transactionId": transaction_id(request),
    }


def _is_free(view: str, offset: timedelta, duration: timedelta) -> bool:
    """True when every stretch of the view that the appointment touches is free."""
    step = timedelta(minutes=_VIEW_MINUTES)
    first, end = offset // step, -(-(offset + duration) // step)
    stretch = view[first:end]
    return bool(stretch) and set(stretch) <= _FREE


def _refused(error: GraphHttpError) -> CalendarError:
    return CalendarRefused(f"{error.status} {error.code}".strip())


def _user(mailbox: str) -> str:
    return f"/users/{quote(mailbox, safe='@')}"


def _local(moment: datetime) -> str:
    """Graph's dateTime: without offset, in the zone named beside it (here always UTC)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
