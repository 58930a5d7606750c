"""The carrier's own log, read as facts for the judge. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cadenza.domain.judge_facts import CalendarEntry, CarrierCall

Event = Mapping[str, Any]
"""One line of the carrier's log: `at` (ISO 8601), `kind`, and what it is about."""

_NEVER_AGAIN = re.compile(r"off your list|don't call (me|us) again|never call", re.IGNORECASE)


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
        case "heard":
            call["heard_turns"] = call.get("heard_turns", 0) + 1
        case "booking_heard":
            call.setdefault("heard_booked_at", event["at"])
        case "callback_taken":
            taken = f"{event['callback']}:{event['event']}"
            call["taken_callbacks"] = call.get("taken_callbacks", frozenset()) | {taken}
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
