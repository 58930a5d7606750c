"""The meetings in the emulated Calendly, and which starts are still offered. No I/O."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from rehearsal.calendly.booking_request import UTM_KEYS, BookingRequest
from rehearsal.calendly.directory import Directory, Rep
from rehearsal.calendly.errors import CalendlyError, invalid, not_found
from rehearsal.office_hours import HALF_HOUR

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass
class Meeting:
    """One scheduled event with its one invitee."""

    number: int
    event_id: str
    invitee_id: str
    rep: Rep
    starts_at: datetime
    made_at: datetime
    request: BookingRequest
    changed_at: datetime
    cancellation: dict[str, str | None] | None = None

    @property
    def is_active(self) -> bool:
        """Whether it stands."""
        return self.cancellation is None

    @property
    def ends_at(self) -> datetime:
        """Its end."""
        return self.starts_at + HALF_HOUR


@dataclass
class Ledger:
    """All meetings made, in order."""

    directory: Directory
    random: Random
    availability_share: float = 1.0
    _meetings: dict[str, Meeting] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget every meeting."""
        self._meetings.clear()

    # Slots

    def offered(self, rep: Rep, start: datetime, end: datetime, earliest: datetime) -> list[datetime]:
        """Starts that can be booked, from `start` up to but not including `end`, none before `earliest`."""
        return [
            moment
            for moment in self.directory.office_hours(rep).free(start, end)
            if moment >= earliest and not self._is_taken(rep, moment) and self._is_shown(rep, moment)
        ]

    def _is_shown(self, rep: Rep, moment: datetime) -> bool:
        return Random(f"{rep.user_id}:{moment.isoformat()}").random() < self.availability_share

    def _is_taken(self, rep: Rep, moment: datetime) -> bool:
        return any(
            one.is_active and one.rep is rep and one.starts_at < moment + HALF_HOUR and moment < one.ends_at
            for one in self._meetings.values()
        )

    # Changes

    def book(self, request: BookingRequest, now: datetime) -> Meeting:
        """Make a meeting. Raises CalendlyError (400), with `already_filled` where somebody has the slot."""
        rep, start = request.rep, request.starts_at
        if start <= now:
            raise invalid("start_time", "must be in the future")
        hours = self.directory.office_hours(rep)
        if not any(start in hours.half_hours(day) for day in hours.days(start, start)):
            raise invalid("start_time", "is not an available time")
        if hours.is_busy(start) or self._is_taken(rep, start):
            raise invalid("start_time", "This time slot is no longer available", "already_filled")
        return self._add(request, now)

    def take_by_stranger(self, rep: Rep, start: datetime, now: datetime) -> None:
        """Somebody else books the slot through the rep's page, unless it is taken already."""
        if not self._is_taken(rep, start):
            names = ("A Stranger", None, None)
            nothing = dict.fromkeys(UTM_KEYS)
            place = {"kind": rep.location_kind}
            self._add(
                BookingRequest(rep, start, *names, "stranger@elsewhere.test", rep.zone, None, place, [], nothing, []),
                now,
            )

    def cancel(self, meeting: Meeting, reason: str, now: datetime) -> dict[str, str | None]:
        """Call a meeting off. Raises CalendlyError (403) when it was called off before."""
        if not meeting.is_active:
            raise CalendlyError(403, message="Event is already canceled")
        meeting.cancellation = {
            "canceled_by": self.directory.reps[0].name,
            "reason": reason or None,
            "canceler_type": "host",
            "created_at": iso(now),
        }
        meeting.changed_at = now
        return meeting.cancellation

    def _add(self, request: BookingRequest, now: datetime) -> Meeting:
        meeting = Meeting(
            len(self._meetings), self._new_id(), self._new_id(), request.rep, request.starts_at, now, request, now
        )
        self._meetings[meeting.event_id] = meeting
        return meeting

    def _new_id(self) -> str:
        return "".join(self.random.choices(_ALPHABET, k=16))

    # Questions

    def find(self, event_id: str) -> Meeting:
        """The meeting with this event id. Raises CalendlyError (404)."""
        if event_id not in self._meetings:
            raise not_found()
        return self._meetings[event_id]

    def all(self) -> list[Meeting]:
        """Every meeting, cancelled ones too, by start."""
        return sorted(self._meetings.values(), key=lambda one: (one.starts_at, one.number))

    # Resources as Calendly shows them

    def event(self, meeting: Meeting) -> dict[str, Any]:
        """The Event resource."""
        directory, rep = self.directory, meeting.rep
        shown = {
            "uri": directory.uri("scheduled_events", meeting.event_id),
            "name": "30 Minute Meeting",
            "status": "active" if meeting.is_active else "canceled",
            "start_time": iso(meeting.starts_at),
            "end_time": iso(meeting.ends_at),
            "event_type": directory.event_type_uri(rep),
            "location": _place(meeting),
            "invitees_counter": {"total": 1, "active": int(meeting.is_active), "limit": 1},
            "created_at": iso(meeting.made_at),
            "updated_at": iso(meeting.changed_at),
            "event_memberships": [{"user": directory.user_uri(rep), "user_email": rep.email, "user_name": rep.name}],
            "event_guests": [
                {"email": guest, "created_at": iso(meeting.made_at), "updated_at": iso(meeting.made_at)}
                for guest in meeting.request.guests
            ],
            "calendar_event": {"kind": "google", "external_id": meeting.event_id.lower()},
        }
        return shown if meeting.cancellation is None else {**shown, "cancellation": meeting.cancellation}

    def invitee(self, meeting: Meeting) -> dict[str, Any]:
        """The Invitee resource."""
        event_uri = self.directory.uri("scheduled_events", meeting.event_id)
        request = meeting.request
        shown = {
            "uri": f"{event_uri}/invitees/{meeting.invitee_id}",
            "email": request.email,
            "first_name": request.first_name,
            "last_name": request.last_name,
            "name": request.name,
            "status": "active" if meeting.is_active else "canceled",
            "questions_and_answers": request.questions_and_answers,
            "timezone": request.timezone,
            "event": event_uri,
            "created_at": iso(meeting.made_at),
            "updated_at": iso(meeting.changed_at),
            "tracking": request.tracking,
            "text_reminder_number": request.text_reminder_number,
            "rescheduled": False,
            "old_invitee": None,
            "new_invitee": None,
            "cancel_url": f"https://calendly.com/cancellations/{meeting.invitee_id}",
            "reschedule_url": f"https://calendly.com/reschedulings/{meeting.invitee_id}",
            "routing_form_submission": None,
            "payment": None,
            "no_show": None,
            "reconfirmation": None,
            "scheduling_method": "api",
            "invitee_scheduled_by": self.directory.user_uri(self.directory.reps[0]),
        }
        return shown if meeting.cancellation is None else {**shown, "cancellation": meeting.cancellation}


def iso(moment: datetime) -> str:
    """An instant as Calendly writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _place(meeting: Meeting) -> dict[str, Any]:
    kind = meeting.request.location["kind"]
    match kind:
        case "outbound_call":
            return {"type": kind, "location": meeting.request.location.get("location")}
        case "zoom_conference":
            address = f"https://zoom.rehearsal.test/j/{meeting.event_id}"
            return {"type": kind, "status": "pushed", "join_url": address, "data": {"id": str(meeting.number)}}
        case _:
            address = f"https://calendly.com/events/{meeting.event_id}/google_meet"
            return {"type": kind, "status": "pushed", "join_url": address}


def earliest_start(now: datetime, notice_minutes: int) -> datetime:
    """The first moment that a slot may start at."""
    return now + timedelta(minutes=notice_minutes)
