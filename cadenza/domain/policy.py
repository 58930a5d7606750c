"""A campaign's numbers. Every one is a setting of the campaign; the defaults are cautious."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cadenza.domain.breakers import BreakerLimits
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.pacing import LEAST_CALLS_PER_SECOND
from cadenza.domain.transfers import MOST_TARGETS, TransferTarget

HOUR = 3600


class VoicemailRule(StrEnum):
    """On which attempt a message is left. Never more than once for each lead, whatever the rule."""

    LAST_ATTEMPT = "last_attempt"
    FIRST_MACHINE = "first_machine"
    NEVER = "never"


class CampaignPolicy(BaseModel):
    """How a campaign calls. Times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_attempts: Annotated[int, Field(ge=1, le=10, description="Calls to one lead at most, the first included")] = 3
    retry_gap_seconds: Annotated[
        int, Field(ge=1, description="Shortest time between two attempts that reached nobody")
    ] = 4 * HOUR
    retry_at_other_times_of_day: Annotated[
        bool,
        Field(description="Move a retry to a part of the day (morning, afternoon, evening) not yet tried"),
    ] = True
    learn_when_people_answer: Annotated[
        bool, Field(description="Of the parts of the day not yet tried, prefer the one at which more people answer")
    ] = True
    busy_gap_seconds: Annotated[int, Field(ge=1, description="Time before a busy number is tried again")] = 1200
    network_gap_seconds: Annotated[int, Field(ge=1, description="Time after a carrier fault")] = 120
    max_network_retries: Annotated[int, Field(ge=0, le=10, description="Carrier faults that do not count")] = 2
    max_calls_per_day: Annotated[
        int, Field(ge=1, le=10, description="Calls to one number in 24 hours, over all campaigns")
    ] = 3
    calling_hours: WeeklyHours = Field(default_factory=WeeklyHours.business, description="Called party's local time")
    ring_seconds: Annotated[int, Field(ge=15, le=600, description="Ringing before giving up (US TSR: at least 15)")] = (
        25
    )
    max_call_seconds: Annotated[int, Field(ge=30, le=3600, description="Hard limit of a call")] = 600
    wrap_up_seconds: Annotated[int, Field(ge=15, description="When the agent starts to close a long call")] = 420
    voicemail: VoicemailRule = VoicemailRule.LAST_ATTEMPT
    detect_machines: bool = True
    record_calls: Annotated[bool, Field(description="Dual-channel recording, announced in the disclosure")] = True
    record_where_all_must_consent: Annotated[
        bool,
        Field(
            description="Record, announced, also where the law wants every party's consent; false: calls to numbers "
            "that may be in such a place are not recorded"
        ),
    ] = True
    max_lines: Annotated[int | None, Field(ge=1, description="Lines this campaign may use at once")] = None
    calls_per_second: Annotated[
        float | None,
        Field(
            ge=LEAST_CALLS_PER_SECOND, le=100, description="New calls of this campaign a second; unset: the account's"
        ),
    ] = None
    priority: Annotated[int, Field(ge=1, le=5, description="1 is called first")] = 3
    lease_seconds: Annotated[int, Field(ge=5, le=600, description="Life of an admission that was not submitted")] = 30
    breakers: BreakerLimits = Field(default_factory=BreakerLimits, description="When it pauses by itself")
    opt_out_key: Annotated[
        str | None, Field(pattern=r"^[0-9*#]$", description="Key by which a callee is never called again; null: none")
    ] = "9"
    reprompt_seconds: Annotated[float, Field(gt=0, description="Silence before the agent asks again")] = 6.0
    speculative_replies: Annotated[
        bool, Field(description="Begin the model's answer while the callee pauses: sooner, for some more tokens")
    ] = True
    voice_id: str | None = Field(None, description="Synthesiser's voice; unset: the setting's")
    model: str | None = Field(None, description="Language model; unset: the setting's")
    language: str = Field("en", description="ISO 639-1")
    transfer_targets: Annotated[
        tuple[TransferTarget, ...],
        Field(max_length=MOST_TARGETS, description="Whom the agent may connect a callee to; empty: nobody"),
    ] = ()
    transfer_ring_seconds: Annotated[
        int, Field(ge=10, le=60, description="How long a target rings before the agent takes the call back")
    ] = 20
    max_transfer_seconds: Annotated[
        int, Field(ge=60, le=14_400, description="Hard limit of the talk with a target")
    ] = 1800

    @field_validator("transfer_targets")
    @classmethod
    def _no_target_twice(cls, value: tuple[TransferTarget, ...]) -> tuple[TransferTarget, ...]:
        ids = [target.id for target in value]
        if len(set(ids)) != len(ids):
            raise ValueError("two targets have the same id")
        return value

    @property
    def longest_call_seconds(self) -> int:
        """From the answer to the end, a talk with a target included: the carrier's limit."""
        return self.max_call_seconds + (self.max_transfer_seconds if self.transfer_targets else 0)

    def transfer_target(self, target_id: str) -> TransferTarget | None:
        return next((target for target in self.transfer_targets if target.id == target_id), None)


class BookingPlan(BaseModel):
    """What appointments a campaign books. The reps are listed apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = "Introductory call"
    duration_minutes: Annotated[int, Field(ge=5, le=240)] = 30
    days_ahead: Annotated[int, Field(ge=1, le=28, description="How far ahead slots are offered")] = 7
    hold_seconds: Annotated[int, Field(ge=30, le=1800, description="Life of a held slot")] = 300
    notice_minutes: Annotated[int, Field(ge=0, description="Shortest time from now to a slot")] = 120
    hours: WeeklyHours = Field(default_factory=WeeklyHours.business, description="Rep's local time; Teams only")
    time_zone: str = Field("America/New_York", description="Reps' zone where theirs is not known")
