"""A call as the carrier knows it: what was asked for, and how far it is. Plain data."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.twilio.line import Line
    from rehearsal.twilio.recording import Recording


class CallStatus(Enum):
    """States of the REST resource."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        """Whether nothing can happen any more."""
        return self not in {CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS}


class MachineDetection(Enum):
    """Modes of answering-machine detection."""

    ENABLE = "Enable"
    DETECT_MESSAGE_END = "DetectMessageEnd"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a document or callback goes."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """Machine detection of one call; times in milliseconds, as in Twilio's parameters."""

    mode: MachineDetection
    asynchronous: bool = False
    callback: Address | None = None
    timeout: int = 30_000
    speech_threshold: int = 2400
    speech_end_threshold: int = 1200
    silence_timeout: int = 5000


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """How a call is recorded from its answer on."""

    channels: int = 1
    callback: Address | None = None
    events: frozenset[str] = frozenset({"completed"})


@dataclass(slots=True)
class CallRequest:
    """The checked parameters of a call creation. `warnings` are codes that do not refuse the call."""

    to: str
    from_: str
    answer: Address | None
    twiml: str | None
    fallback: Address | None = None
    status_callback: Address | None = None
    status_events: frozenset[str] = frozenset({"completed"})
    timeout: int = 60
    time_limit: int = 14_400
    send_digits: str = ""
    detection: DetectionSettings | None = None
    recording: RecordingSettings | None = None
    warnings: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Instructions:
    """What the call is to do next: fetch a document, or run one given in the request."""

    address: Address | None
    twiml: str | None
    fields: dict[str, str] = field(default_factory=dict)
    """What the fetch tells besides the call's usual fields."""


@dataclass
class Call:
    """One call of the account."""

    sid: str
    account_sid: str
    request: CallRequest
    created: datetime
    updated: datetime
    status: CallStatus = CallStatus.QUEUED
    queue_milliseconds: int = 0
    visible_from: float = 0.0
    """Monotonic second from which the list shows the call (reads are eventually consistent)."""
    started: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    answered_by: str | None = None
    sip_response: int | None = None
    sequence: int = 0
    """Number of the next status callback."""
    dialled: bool = False
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    ended_by: str = ""
    redirect: Instructions | None = None
    redirected: asyncio.Event = field(default_factory=asyncio.Event)
    line: "Line | None" = None
    recordings: "list[Recording]" = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    stream_sid: str | None = None

    @property
    def to(self) -> str:
        """The called number."""
        return self.request.to

    @property
    def seconds(self) -> int:
        """Length from answer to end, in whole seconds; 0 when it was never answered."""
        if self.answered is None or self.ended is None:
            return 0
        return round((self.ended - self.answered).total_seconds())

    def end(self, by: str) -> None:
        """Ask for the end; the first one who asks is the one who ended it."""
        if not self.ending.is_set():
            self.ended_by = by
            self.ending.set()
