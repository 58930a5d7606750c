"""The body of `POST /invitees`, checked as Calendly checks it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from rehearsal.calendly.directory import Directory, Rep
from rehearsal.calendly.errors import CalendlyError, invalid

UTM_KEYS = ("utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_MOST_GUESTS = 10
_ZONES = frozenset(available_timezones())


@dataclass(frozen=True)
class BookingRequest:
    """A request in good form; whether the slot is free is another question."""

    rep: Rep
    starts_at: datetime
    name: str
    first_name: str | None
    last_name: str | None
    email: str
    timezone: str
    text_reminder_number: str | None
    location: dict[str, str]
    questions_and_answers: list[dict[str, Any]]
    tracking: dict[str, str | None]
    guests: list[str]


def read_booking(body: Any, directory: Directory) -> BookingRequest:
    """Check everything but the slot. Raises CalendlyError: 400 with the parameter's name, 404 for the event type."""
    if not isinstance(body, dict):
        raise CalendlyError(400)
    if not isinstance(body.get("event_type"), str):
        raise invalid("event_type", "is missing")
    rep = directory.rep_of_event_type(body["event_type"])
    starts_at = read_instant("start_time", body.get("start_time"))
    invitee = body.get("invitee")
    if not isinstance(invitee, dict):
        raise invalid("invitee", "is missing")
    name, first, last = _names(invitee)
    email = invitee.get("email")
    if not isinstance(email, str) or not _EMAIL.fullmatch(email):
        raise invalid("invitee.email", "is not a valid email address")
    zone = invitee.get("timezone")
    if zone not in _ZONES:
        raise invalid("invitee.timezone", "is not a valid time zone")
    reminder = invitee.get("text_reminder_number")
    if reminder is not None and not _E164.fullmatch(str(reminder)):
        raise invalid("invitee.text_reminder_number", "is not a valid phone number")
    return BookingRequest(
        rep,
        starts_at,
        name,
        first,
        last,
        email,
        str(zone),
        reminder,
        _location(body.get("location"), rep),
        _answers(body.get("questions_and_answers"), rep),
        _tracking(body.get("tracking")),
        _guests(body.get("event_guests")),
    )


def read_instant(parameter: str, given: Any) -> datetime:
    """An instant in UTC. Raises CalendlyError (400)."""
    if not isinstance(given, str) or not given:
        raise invalid(parameter, "is missing")
    try:
        instant = datetime.fromisoformat(given)
    except ValueError:
        raise invalid(parameter, "is not a valid date-time") from None
    if instant.tzinfo is None:
        raise invalid(parameter, "must be in UTC")
    return instant.astimezone(UTC)


def _names(invitee: dict[str, Any]) -> tuple[str, str | None, str | None]:
    first, last, name = (invitee.get(key) or None for key in ("first_name", "last_name", "name"))
    if name:
        return str(name), None, None
    if not first:
        raise invalid("invitee.name", "name or first_name is required")
    return " ".join(part for part in (first, last) if part), first, last


def _location(given: Any, rep: Rep) -> dict[str, str]:
    """Needed where the invitee's own number is the place; elsewhere the host's choice stands."""
    if given is None:
        if rep.location_kind == "outbound_call":
            raise invalid("location", "is required for this event type")
        return {"kind": rep.location_kind}
    if not isinstance(given, dict) or given.get("kind") != rep.location_kind:
        raise invalid("location.kind", "is not a location of this event type")
    if rep.location_kind == "outbound_call":
        if not _E164.fullmatch(str(given.get("location") or "")):
            raise invalid("location.location", "must be a phone number")
        return {"kind": rep.location_kind, "location": str(given["location"])}
    return {"kind": rep.location_kind}


def _answers(given: Any, rep: Rep) -> list[dict[str, Any]]:
    answers = given or []
    if not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
        raise invalid("questions_and_answers", "must be a list")
    known = {question["name"] for question in rep.questions}
    answered = set()
    for one in answers:
        if one.get("question") not in known:
            raise invalid("questions_and_answers", "does not match a question of the event type")
        if one.get("answer"):
            answered.add(one["question"])
    for question in rep.questions:
        if question["required"] and question["name"] not in answered:
            raise invalid("questions_and_answers", "a required question is not answered")
    return [
        {"question": one["question"], "answer": str(one.get("answer") or ""), "position": int(one.get("position") or 0)}
        for one in answers
    ]


def _tracking(given: Any) -> dict[str, str | None]:
    if given is None:
        return dict.fromkeys(UTM_KEYS)
    if not isinstance(given, dict) or set(given) != set(UTM_KEYS):
        raise invalid("tracking", "must hold all of " + ", ".join(UTM_KEYS))
    return {key: None if given[key] is None else str(given[key]) for key in UTM_KEYS}


def _guests(given: Any) -> list[str]:
    guests = given or []
    if not isinstance(guests, list) or not all(isinstance(one, str) and _EMAIL.fullmatch(one) for one in guests):
        raise invalid("event_guests", "must be email addresses")
    if len(guests) > _MOST_GUESTS:
        raise invalid("event_guests", f"cannot be more than {_MOST_GUESTS}")
    return guests
