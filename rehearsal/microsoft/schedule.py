"""`getSchedule`: the availability view and the items of each mailbox."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from rehearsal.microsoft.errors import GraphError, invalid
from rehearsal.microsoft.mailboxes import Event, Mailbox
from rehearsal.microsoft.times import read_time, windows_name, write_time

_MOST_SCHEDULES = 20
_LONGEST = timedelta(days=42)
_STATUS_DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4"}
_WEEK = ["monday", "tuesday", "wednesday", "thursday", "friday"]


class ScheduleRequest:
    """A body in good form. Raises GraphError (400) otherwise."""

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise invalid("Empty Payload. JSON content expected.", "RequestBodyRead")
        schedules = body.get("schedules")
        if not isinstance(schedules, list) or not schedules or not all(isinstance(one, str) for one in schedules):
            raise invalid("The property 'schedules' is required.", "ErrorInvalidRequest")
        if len(schedules) > _MOST_SCHEDULES:
            raise invalid(f"At most {_MOST_SCHEDULES} mailboxes can be asked for.", "ErrorTooManyMailboxes")
        self.schedules: list[str] = schedules
        self.start = read_time("startTime", body.get("startTime"))
        self.end = read_time("endTime", body.get("endTime"))
        if self.end <= self.start:
            raise invalid("The end time must be later than the start time.", "ErrorInvalidTimeRange")
        if self.end - self.start >= _LONGEST:
            raise invalid("The requested time window is too long.", "ErrorTimeRangeTooLarge")
        minutes = body.get("availabilityViewInterval", 30)
        if not isinstance(minutes, int) or not 5 <= minutes <= 1440:
            raise invalid("availabilityViewInterval must be from 5 to 1440.", "ErrorInvalidMergedFreeBusyInterval")
        self.interval = timedelta(minutes=minutes)


def schedule_answer(request: ScheduleRequest, find: Callable[[str], Mailbox], zone_name: str) -> dict[str, Any]:
    """The whole answer. A mailbox that does not exist is an error inside of it, not of the request."""
    value = []
    for address in request.schedules:
        try:
            value.append(_of_mailbox(address, find(address), request, zone_name))
        except GraphError:
            message = f"Unable to resolve e-mail address {address} to an Active Directory object."
            failure = {"message": message, "responseCode": "ErrorMailRecipientNotFound"}
            value.append({"scheduleId": address, "availabilityView": "", "scheduleItems": [], "error": failure})
    return {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Collection(microsoft.graph.scheduleInformation)",
        "value": value,
    }


def _of_mailbox(address: str, mailbox: Mailbox, request: ScheduleRequest, zone_name: str) -> dict[str, Any]:
    events = mailbox.between(request.start, request.end)
    hours = mailbox.hours
    return {
        "scheduleId": address,
        "availabilityView": availability_view(events, request.start, request.end, request.interval),
        "scheduleItems": [_item(event, zone_name) for event in events],
        "workingHours": {
            "daysOfWeek": _WEEK,
            "startTime": f"{hours.opens:%H:%M:%S}.0000000",
            "endTime": f"{hours.closes:%H:%M:%S}.0000000",
            "timeZone": {"name": windows_name(mailbox.user.zone)},
        },
    }


def availability_view(events: list[Event], start: datetime, end: datetime, interval: timedelta) -> str:
    """One digit for each interval from `start`: the strongest status of what touches it."""
    view = ""
    while start < end:
        touching = [one for one in events if one.starts_at < start + interval and start < one.ends_at]
        digits = {_STATUS_DIGITS.get(one.show_as, "0") for one in touching} or {"0"}
        # Out of office is stronger than busy, and working elsewhere is as good as free.
        view += max(digits, key="04123".index)
        start += interval
    return view


def _item(event: Event, zone_name: str) -> dict[str, Any]:
    return {
        "isPrivate": False,
        "status": event.show_as,
        "subject": event.content.get("subject", ""),
        "location": "",
        "isMeeting": bool(event.content.get("attendees")) or event.is_seeded,
        "isRecurring": False,
        "isException": False,
        "isReminderSet": True,
        "start": write_time(event.starts_at, zone_name),
        "end": write_time(event.ends_at, zone_name),
    }
