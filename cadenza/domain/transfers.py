"""Connecting a callee to a person: whom a campaign names for it, and where one transfer is. Pure.

The model may name a target by its id and nothing else: no number is ever dialled because somebody said it.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cadenza.domain.calling_hours import WeeklyHours, is_open, next_open
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.phone import PhoneRefused, parse_phone

MOST_TARGETS = 20
MOST_TRANSFERS = 2
"""In one call: who could not be reached twice is called back."""


class IfUnanswered(StrEnum):
    """What the agent offers when nobody at the target takes the call."""

    CALLBACK = "callback"
    APPOINTMENT = "appointment"


class TransferTarget(BaseModel):
    """Somebody that a callee may be connected to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
    label: Annotated[  # its length beside the pattern: counted within it, it takes 20 ms of each process's start
        str,
        Field(
            pattern=r"^[\w .,'\u2019&-]+$",
            min_length=2,
            max_length=60,
            description="Said: 'I'm connecting you to our sales team now'",
        ),
    ]
    phone: Annotated[str, Field(max_length=40, description="E.164, with + and country code")]
    hours: WeeklyHours | None = Field(None, description="When somebody is there; null: always")
    time_zone: Annotated[str, Field(description="IANA name: the hours' zone")] = "America/New_York"
    if_unanswered: Annotated[IfUnanswered, Field(description="What is offered when nobody takes the call")] = (
        IfUnanswered.CALLBACK
    )

    @field_validator("phone")
    @classmethod
    def _may_be_dialled(cls, value: str) -> str:
        try:
            number = parse_phone(value, "ZZ")
        except PhoneRefused as refusal:
            raise ValueError(f"{refusal.message} {refusal.fix}") from None
        if number.extension:
            raise ValueError("An extension cannot be dialled here. Give a number that rings the person directly.")
        return number.e164

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not a time zone; use an IANA name such as America/New_York")
        return value

    def is_there(self, at: datetime) -> bool:
        return self.hours is None or is_open(self.hours, at, [self.time_zone])

    def there_from(self, at: datetime) -> datetime | None:
        """From when on somebody is there, UTC; None: within two weeks never."""
        return at if self.hours is None else next_open(self.hours, at, [self.time_zone])


class TransferState(StrEnum):
    """Where a transfer is. Only `dialling` rings somebody, and there is one way into it."""

    ASKED = "asked"  # the agent says that it connects; nothing is dialled
    READY = "ready"  # that was heard: the bridge leaves the line to the carrier
    DIALLING = "dialling"  # the carrier was given the number
    ANSWERED = "answered"  # callee and target talk
    COMPLETED = "completed"  # they talked
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    UNKNOWN = "unknown"  # the carrier was given the number, and never told what became of it
    CALLED_OFF = "called_off"  # the callee changed their mind before it was dialled

    @property
    def is_unanswered(self) -> bool:
        return self in {self.NO_ANSWER, self.BUSY, self.FAILED}

    @property
    def is_over(self) -> bool:
        return self not in {self.ASKED, self.READY, self.DIALLING, self.ANSWERED}


_DIAL_STATUS = {
    "completed": TransferState.COMPLETED,
    "answered": TransferState.COMPLETED,
    "no-answer": TransferState.NO_ANSWER,
    "busy": TransferState.BUSY,
    "failed": TransferState.FAILED,
    "canceled": TransferState.NO_ANSWER,
}


def state_of_dial(status: str, *, bridged: bool = True) -> TransferState:
    """The carrier's last word for a dialled target. `bridged`: callee and target were put together."""
    state = _DIAL_STATUS.get(status, TransferState.UNKNOWN)
    return TransferState.NO_ANSWER if state is TransferState.COMPLETED and not bridged else state


def outcome_of_transfers(states: Sequence[TransferState]) -> AttemptOutcome | None:
    """What the transfers alone say of a call that no bridge had the last word on; None: nothing."""
    if {TransferState.ANSWERED, TransferState.COMPLETED} & set(states):
        return AttemptOutcome.TRANSFERRED
    return AttemptOutcome.INTERESTED if states else None
