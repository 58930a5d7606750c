"""Twilio's callbacks, read: which of their fields count, what makes two of them the same, and what they mean. Pure."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from cadenza.domain.messages import CallProgressed, MachineDetected, VoicemailPlayed
from cadenza.domain.outcomes import AnsweredBy, CallStatus, MessageSource
from cadenza.domain.transfers import TransferState, state_of_dial


class EventKind(StrEnum):
    """Kinds of stored events."""

    ANSWER = "answer"
    STATUS = "status"
    MACHINE = "machine"
    RECORDING = "recording"
    STREAM = "stream"
    AFTER_STREAM = "after_stream"
    VOICEMAIL_PLAYED = "voicemail_played"
    TRANSFER = "transfer"  # how the call of a transfer's target goes on
    AFTER_TRANSFER = "after_transfer"  # how it ended


class RecordingReady(BaseModel):
    """The carrier finished a recording."""

    model_config = ConfigDict(frozen=True)

    sid: str
    url: str
    duration_seconds: int
    channels: int


class TargetAnswered(BaseModel):
    """The target of a transfer took the call."""

    model_config = ConfigDict(frozen=True)

    position: int
    call_sid: str


class StreamBroke(BaseModel):
    """A media stream ended against everybody's will, or never opened."""

    model_config = ConfigDict(frozen=True)

    stream_sid: str


class TransferEnded(BaseModel):
    """The carrier's last word on a target that it dialled."""

    model_config = ConfigDict(frozen=True)

    position: int
    state: TransferState
    call_sid: str
    talked_seconds: int | None


WorkflowEvent = (
    CallProgressed | MachineDetected | VoicemailPlayed | RecordingReady | StreamBroke | TargetAnswered | TransferEnded
)

DELIVERED_KINDS = frozenset(
    {
        EventKind.STATUS,
        EventKind.MACHINE,
        EventKind.RECORDING,
        EventKind.VOICEMAIL_PLAYED,
        EventKind.TRANSFER,
        EventKind.AFTER_TRANSFER,
    }
)
"""The others are kept for the record; nobody waits for them, but for a stream that broke."""

_BROKEN = "stream-error"

_KEPT = {
    EventKind.ANSWER: ("CallSid", "CallStatus", "AnsweredBy"),
    EventKind.STATUS: (
        "CallSid", "CallStatus", "SequenceNumber", "Timestamp", "CallDuration", "SipResponseCode", "ErrorCode",
        "AnsweredBy",
    ),
    EventKind.MACHINE: ("CallSid", "AnsweredBy", "MachineDetectionDuration"),
    EventKind.RECORDING: (
        "CallSid", "RecordingSid", "RecordingStatus", "RecordingUrl", "RecordingDuration", "RecordingChannels",
    ),
    EventKind.STREAM: ("CallSid", "StreamSid", "StreamEvent", "StreamError", "Timestamp"),
    EventKind.AFTER_STREAM: ("CallSid", "CallStatus"),
    EventKind.VOICEMAIL_PLAYED: ("CallSid", "CallStatus"),
    EventKind.TRANSFER: ("CallSid", "ParentCallSid", "CallStatus", "SequenceNumber", "CallDuration", "Transfer"),
    EventKind.AFTER_TRANSFER: (
        "CallSid", "CallStatus", "DialCallSid", "DialCallStatus", "DialCallDuration", "DialBridged", "Transfer",
    ),
}  # fmt: skip
"""Fields that are stored. Numbers and places of the callee are in the lead's row; they need no second home."""

_IDENTITY = {
    EventKind.ANSWER: ("CallSid",),
    EventKind.STATUS: ("CallSid", "SequenceNumber", "CallStatus"),
    EventKind.MACHINE: ("CallSid", "AnsweredBy"),
    EventKind.RECORDING: ("RecordingSid", "RecordingStatus"),
    EventKind.STREAM: ("StreamSid", "StreamEvent"),
    EventKind.AFTER_STREAM: ("CallSid",),
    EventKind.VOICEMAIL_PLAYED: ("CallSid",),
    EventKind.TRANSFER: ("CallSid", "CallStatus", "Transfer"),
    EventKind.AFTER_TRANSFER: ("CallSid", "Transfer"),
}


def is_delivered(kind: EventKind, form: Mapping[str, str]) -> bool:
    """Whether somebody waits for it."""
    return kind in DELIVERED_KINDS or (kind is EventKind.STREAM and form.get("StreamEvent") == _BROKEN)


def kept_fields(kind: EventKind, form: Mapping[str, str]) -> dict[str, str]:
    """The fields that are stored, cut to a sane length."""
    return {name: form[name].replace("\x00", "")[:1000] for name in _KEPT[kind] if name in form}


def fingerprint(kind: EventKind, attempt_id: str, form: Mapping[str, str], delivery: str = "") -> str:
    """Equal for repeats of the same callback. `delivery` tells visits apart where each one counts (after-stream)."""
    parts = [kind.value, attempt_id, *(form.get(name, "") for name in _IDENTITY[kind]), delivery]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()


def read_event(kind: str, attempt_id: str, call_sid: str, payload: Mapping[str, Any]) -> WorkflowEvent | None:
    """What the event means to the lead's workflow; None: nothing."""
    match kind:
        case EventKind.STATUS:
            return _status(attempt_id, call_sid, payload)
        case EventKind.MACHINE:
            verdict = answered_by(payload.get("AnsweredBy"))
            if verdict is None:
                return None
            return MachineDetected(
                attempt_id=attempt_id, call_sid=call_sid, answered_by=verdict, source=MessageSource.CARRIER
            )
        case EventKind.VOICEMAIL_PLAYED:
            return VoicemailPlayed(attempt_id=attempt_id)
        case EventKind.RECORDING if payload.get("RecordingStatus", "completed") == "completed":
            return _recording(payload)
        case EventKind.STREAM if payload.get("StreamEvent") == _BROKEN and payload.get("StreamSid"):
            return StreamBroke(stream_sid=str(payload["StreamSid"]))
        case EventKind.TRANSFER if payload.get("CallStatus") == CallStatus.IN_PROGRESS:
            return TargetAnswered(position=_whole(payload.get("Transfer")) or 0, call_sid=call_sid)
        case EventKind.AFTER_TRANSFER:
            return _transfer(payload)
    return None


def answered_by(value: Any) -> AnsweredBy | None:
    """Twilio's verdict; a word that it may invent later reads as unknown."""
    if not value:
        return None
    return AnsweredBy(value) if value in set(AnsweredBy) else AnsweredBy.UNKNOWN


def _status(attempt_id: str, call_sid: str, payload: Mapping[str, Any]) -> CallProgressed | None:
    status = payload.get("CallStatus")
    if status not in set(CallStatus):
        return None
    return CallProgressed(
        attempt_id=attempt_id,
        call_sid=call_sid,
        status=CallStatus(status),
        sequence=_whole(payload.get("SequenceNumber")) or 0,
        at=_instant(payload.get("Timestamp")),
        sip_code=_whole(payload.get("SipResponseCode")),
        duration_seconds=_whole(payload.get("CallDuration")),
    )


def _recording(payload: Mapping[str, Any]) -> RecordingReady | None:
    sid, url = payload.get("RecordingSid"), payload.get("RecordingUrl")
    if not sid or not url:
        return None
    return RecordingReady(
        sid=sid,
        url=url,
        duration_seconds=_whole(payload.get("RecordingDuration")) or 0,
        channels=_whole(payload.get("RecordingChannels")) or 1,
    )


def _transfer(payload: Mapping[str, Any]) -> TransferEnded:
    """Without a status (it was lost, and the fallback asks) it is not known what became of it."""
    bridged = str(payload.get("DialBridged", "true")).lower() != "false"
    return TransferEnded(
        position=_whole(payload.get("Transfer")) or 0,
        state=state_of_dial(str(payload.get("DialCallStatus", "")), bridged=bridged),
        call_sid=str(payload.get("DialCallSid", "")),
        talked_seconds=_whole(payload.get("DialCallDuration")),
    )


def _whole(value: Any) -> int | None:
    """A small whole number, or None for anything else: a strange field must not cost the event."""
    text = str(value or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _instant(value: Any) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(value))
    except (TypeError, ValueError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
