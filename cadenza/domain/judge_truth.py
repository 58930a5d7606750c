"""The carrier's own log, read as facts for the judge. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cadenza.domain.judge_facts import CalendarEntry, CarrierCall

Event = Mapping[str, Any]
"""One line of the carrier's log: `at` (ISO 8601), `kind`, and what it is about."""

HEARD_AFTER = timedelta(seconds=6)
"""From the first word of such a sentence on the line until it has been said, recognised and understood."""
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
                "asked_at": event.get("asked_at"),
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
            _ask_never_again(call, event["at"])
        case "redirected":
            call["redirected"] = True
        case "transfer_dialled":
            call |= {"dialled_targets": (*call.get("dialled_targets", ()), event["target"]), "broke_last_at": None}
        case "machine_detection":
            call["answered_by_machine"] = str(event["verdict"]).startswith("machine")
        case "heard":
            call["heard_turns"] = call.get("heard_turns", 0) + 1
        case "booking_heard":
            call.setdefault("heard_booked_at", event["at"])
        case "callback_taken":
            taken = f"{event['callback']}:{event['event']}"
            call["taken_callbacks"] = call.get("taken_callbacks", frozenset()) | {taken}
        case "voicemail" if event["text"] and call.get("redirected"):
            call["messages"] = (*call.get("messages", ()), event["text"])
        case "voicemail" if event["text"]:
            call["fragments"] = call.get("fragments", 0) + 1
        case "stream_ended" if event["why"] == "server_broke":
            call |= {"broken_streams": call.get("broken_streams", 0) + 1, "broke_last_at": event["at"]}
            _forget_what_nobody_heard(call, event["at"])
            call["stream_began_at"] = None
        case "stream_started":
            call |= {"broke_last_at": None, "stream_began_at": event["at"]}
            call.setdefault("talked_at", event["at"])


def _ask_never_again(call: dict[str, Any], at: str) -> None:
    if not call.get("stream_began_at"):
        call["asked_nobody"] = True
    elif not call.get("asked_never_again_at"):
        call["asked_never_again_at"] = at


def _forget_what_nobody_heard(call: dict[str, Any], broke_at: str) -> None:
    """The line broke in mid-sentence. Who says it again, on the next stream or in the next call, has asked then."""
    asked, began = call.get("asked_never_again_at"), call.get("stream_began_at")
    if not asked or not began or asked < began:
        return
    if datetime.fromisoformat(broke_at) - datetime.fromisoformat(asked) < HEARD_AFTER:
        call |= {"asked_never_again_at": None, "asked_nobody": True}


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
