"""What the judge is told: the carrier's truth, the records and the workflows, each as plain facts. Pure.

The three tell the same story from three sides and know nothing of each other; the judge compares them.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict

from cadenza.domain.policy import CampaignPolicy

Event = Mapping[str, Any]
"""One line of the carrier's log: `at` (ISO 8601), `kind`, and what it is about."""

_NEVER_AGAIN = re.compile(r"off your list|don't call (me|us) again|never call", re.IGNORECASE)


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class CarrierCall(_Fact):
    """One call as the carrier saw it. `attempt_id` is what its answer address named when it was asked for."""

    call_sid: str
    number: str
    placed_at: datetime
    attempt_id: str | None = None
    dialled_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    talked_at: datetime | None = None
    """When its first media stream began: from then on it is a conversation."""
    ended_at: datetime | None = None
    ended_by: str = ""
    asked_never_again_at: datetime | None = None
    broken_streams: int = 0
    broke_last_at: datetime | None = None
    """Set if the last media stream broke and none followed it."""
    messages: tuple[str, ...] = ()
    """What a mailbox kept, if it kept anything."""

    @property
    def rang_at(self) -> datetime | None:
        """When the called line was alerted, or told busy or unknown; None if it never was."""
        return self.ringing_at or self.answered_at


class CalendarEntry(_Fact):
    """An appointment that is in a calendar. `reference` is the booking's id, as it was sent along."""

    event: str
    calendar: str
    starts_at: datetime
    reference: str | None


class StopKind(StrEnum):
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Stop(_Fact):
    """A campaign was told to ring nobody: from the API's yes (`at`) until `until` (None: for ever)."""

    kind: StopKind
    at: datetime
    until: datetime | None = None


class CampaignFact(_Fact):
    id: str
    policy: CampaignPolicy
    uploaded: int
    stops: tuple[Stop, ...] = ()


class LeadFact(_Fact):
    id: str
    campaign_id: str
    phone: str
    zones: tuple[str, ...]
    state: str
    outcome: str | None = None
    final_at: datetime | None = None


class AttemptFact(_Fact):
    id: str
    lead_id: str
    campaign_id: str
    phone: str
    state: str
    outcome: str | None = None
    call_sid: str | None = None


class BookingFact(_Fact):
    id: str
    lead_id: str
    calendar_ref: str
    starts_at: datetime
    ends_at: datetime
    state: str
    external_id: str | None = None


class SuppressionFact(_Fact):
    phone: str
    created_at: datetime


class WorkflowFact(_Fact):
    """A lead's workflow at the end: Temporal's status word, and the outcome it shows."""

    lead_id: str
    status: str
    outcome: str | None = None


class Evidence(_Fact):
    """Everything that is judged, collected after the end."""

    calls: tuple[CarrierCall, ...] = ()
    calendar: tuple[CalendarEntry, ...] = ()
    campaigns: tuple[CampaignFact, ...] = ()
    leads: tuple[LeadFact, ...] = ()
    attempts: tuple[AttemptFact, ...] = ()
    bookings: tuple[BookingFact, ...] = ()
    suppressions: tuple[SuppressionFact, ...] = ()
    workflows: tuple[WorkflowFact, ...] = ()


def read_calls(events: Iterable[Event]) -> tuple[CarrierCall, ...]:
    """The carrier's log, oldest first, as calls in the order in which they were placed."""
    calls: dict[str, dict[str, Any]] = {}
    for event in events:
        sid = event.get("call_sid")
        if event["kind"] == "placed":
            calls[str(sid)] = {
                "call_sid": sid,
                "number": event["to"],
                "placed_at": event["at"],
                "attempt_id": attempt_in(event.get("answer_url") or ""),
            }
        elif sid in calls:
            _tell(calls[str(sid)], event)
    return tuple(CarrierCall.model_validate(call) for call in calls.values())


def _tell(call: dict[str, Any], event: Event) -> None:
    match event["kind"]:
        case "dialled" | "ringing" | "answered" as kind:
            call.setdefault(f"{kind}_at", event["at"])
        case "ended":
            call |= {"ended_at": event["at"], "ended_by": event.get("by") or ""}
        case "said" if _NEVER_AGAIN.search(event["text"]):
            call.setdefault("asked_never_again_at", event["at"])
        case "voicemail" if event["text"]:
            call["messages"] = (*call.get("messages", ()), event["text"])
        case "stream_ended" if event["why"] == "server_broke":
            call |= {"broken_streams": call.get("broken_streams", 0) + 1, "broke_last_at": event["at"]}
        case "stream_started":
            call["broke_last_at"] = None
            call.setdefault("talked_at", event["at"])


def attempt_in(address: str) -> str | None:
    """The attempt that a callback address names."""
    named = parse_qs(urlsplit(address).query).get("attempt")
    return named[-1] if named else None


def read_calendar(events: Iterable[Event]) -> tuple[CalendarEntry, ...]:
    """What is in the calendars after all that was made and cancelled."""
    entries: dict[str, CalendarEntry] = {}
    for event in events:
        if event["kind"] == "booking_made":
            entries[event["event"]] = CalendarEntry(
                event=event["event"],
                calendar=event["calendar"],
                starts_at=event["starts_at"],
                reference=event.get("reference"),
            )
        elif event["kind"] == "booking_cancelled":
            entries.pop(event["event"], None)
    return tuple(entries.values())
