"""Events: the request checked, and the resource as Graph shows it."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rehearsal.microsoft.errors import GraphError, invalid
from rehearsal.microsoft.mailboxes import Event, Mailbox, User
from rehearsal.microsoft.times import read_time, write_time

_MOST_ATTENDEES = 500
_LONGEST_SUBJECT = 255
_TAGS = re.compile(r"<[^>]+>")
_CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#users('{}')/events"


def read_event(body: Any) -> tuple[datetime, datetime]:
    """Start and end of an event in good form. Raises GraphError (400)."""
    if not isinstance(body, dict):
        raise invalid("Empty Payload. JSON content expected.", "RequestBodyRead")
    start, end = read_time("start", body.get("start")), read_time("end", body.get("end"))
    if end < start:
        raise invalid(
            "The end date of the event is earlier than its start date.", "ErrorCalendarEndDateIsEarlierThanStartDate"
        )
    attendees = body.get("attendees") or []
    if not isinstance(attendees, list) or len(attendees) > _MOST_ATTENDEES:
        raise invalid(f"An event takes at most {_MOST_ATTENDEES} attendees.", "ErrorPropertyValidationFailure")
    for one in attendees:
        address = one.get("emailAddress", {}).get("address") if isinstance(one, dict) else None
        if not isinstance(address, str) or "@" not in address:
            raise invalid("At least one recipient isn't valid.", "ErrorInvalidRecipients")
    provider = body.get("onlineMeetingProvider", "unknown")
    if provider not in {"unknown", "teamsForBusiness"}:
        raise invalid("The online meeting provider is not allowed in this calendar.", "ErrorPropertyValidationFailure")
    if len(str(body.get("subject") or "")) > _LONGEST_SUBJECT:
        raise invalid("The subject is too long.", "ErrorPropertyValidationFailure")
    return start, end


def repeated(mailbox: Mailbox, body: dict[str, Any]) -> Event | None:
    """The event that an earlier request with the same transaction id made.

    Raises GraphError (409) when that request said something else, or its event is gone.
    """
    transaction = body.get("transactionId")
    if not transaction or transaction not in mailbox.by_transaction:
        return None
    event = mailbox.events.get(mailbox.by_transaction[transaction])
    if event is not None and event.content == body:
        return event
    raise GraphError(
        409,
        "ErrorDuplicateTransactionId",
        "Your request can't be completed because the TransactionId was used for another event.",
    )


def event_resource(event: Event, user: User, zone_name: str, now: datetime) -> dict[str, Any]:
    """The event resource. The Teams link is null until the meeting was made."""
    content = event.content
    body = content.get("body") or {"contentType": "html", "content": ""}
    changed = event.changed_at or event.made_at
    is_online = bool(content.get("isOnlineMeeting"))
    link = None
    if is_online and event.meeting_from is not None and now >= event.meeting_from:
        link = f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{event.identifier[-24:]}%40thread.v2/0"
    return {
        "@odata.context": _CONTEXT.format(quote(user.address)) + "/$entity",
        "@odata.etag": f'W/"{int(changed.timestamp())}"',
        "id": event.identifier,
        "createdDateTime": _utc(event.made_at),
        "lastModifiedDateTime": _utc(changed),
        "changeKey": event.identifier[-16:],
        "categories": [],
        "transactionId": event.transaction_id,
        "originalStartTimeZone": (content.get("start") or {}).get("timeZone", "UTC"),
        "originalEndTimeZone": (content.get("end") or {}).get("timeZone", "UTC"),
        "iCalUId": "040000008200E00074C5B7101A82E008" + event.identifier[-32:].upper(),
        "reminderMinutesBeforeStart": 15,
        "isReminderOn": True,
        "hasAttachments": False,
        "subject": content.get("subject", ""),
        "bodyPreview": _TAGS.sub(" ", str(body.get("content", ""))).strip()[:255],
        "body": {"contentType": str(body.get("contentType", "html")).lower(), "content": body.get("content", "")},
        "importance": "normal",
        "sensitivity": "normal",
        "isAllDay": False,
        "isCancelled": False,
        "isOrganizer": True,
        "responseRequested": True,
        "seriesMasterId": None,
        "showAs": event.show_as,
        "type": "singleInstance",
        "webLink": f"https://outlook.office365.com/owa/?itemid={event.identifier}&exvsurl=1&path=/calendar/item",
        "isOnlineMeeting": is_online,
        "onlineMeetingProvider": content.get("onlineMeetingProvider", "unknown") if is_online else "unknown",
        "onlineMeetingUrl": None,
        "allowNewTimeProposals": bool(content.get("allowNewTimeProposals", True)),
        "recurrence": None,
        "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
        "start": write_time(event.starts_at, zone_name),
        "end": write_time(event.ends_at, zone_name),
        "location": {"displayName": "Microsoft Teams Meeting" if link else "", "locationType": "default"},
        "locations": [],
        "attendees": [_attendee(one) for one in content.get("attendees") or []],
        "organizer": {"emailAddress": {"name": user.name, "address": user.address}},
        "onlineMeeting": {"joinUrl": link} if link else None,
    }


def _attendee(given: dict[str, Any]) -> dict[str, Any]:
    address = given["emailAddress"]
    return {
        "type": given.get("type", "required"),
        "status": {"response": "none", "time": "0001-01-01T00:00:00Z"},
        "emailAddress": {"name": address.get("name") or address["address"], "address": address["address"]},
    }


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.0000000Z"
