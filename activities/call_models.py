"""What goes into the calling activities and comes out. No names, no numbers: these are kept in workflow histories."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from cadenza.domain.call_result import Submission
from cadenza.domain.outcomes import AttemptOutcome, CallStatus, LeadOutcome
from cadenza.domain.retry import NextStep


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class AttemptRef(_Model):
    """The attempt that an activity is about; everything else is read from SQL."""

    attempt_id: str


class PlacedCall(_Model):
    """What became of the attempt's one POST."""

    submission: Submission
    call_sid: str = ""
    reason: str = ""
    rule: str = Field("", description="The gate's rule or the carrier's code that said no")


class EndCall(_Model):
    attempt_id: str
    only_before_answer: bool = Field(
        False, description="Call off what does not ring yet; leave a ringing phone and a talk alone"
    )
    even_ringing: bool = Field(False, description="With it: stop a ringing phone, too; leave a talk alone")


class CarrierWord(_Model):
    """The carrier's status of a call; None: it does not know the call."""

    status: CallStatus | None
    call_sid: str = ""
    duration_seconds: int | None = None


class DropResult(StrEnum):
    """What became of leaving the message."""

    PLAYING = "playing"
    NOT_ALLOWED = "not_allowed"  # this lead has had its message
    CALL_OVER = "call_over"


class DroppedVoicemail(_Model):
    result: DropResult


class RescueResult(StrEnum):
    """How a call stood whose media stream had broken."""

    TAKEN_UP = "taken_up"  # the carrier went on by itself: a bridge has it, or a person
    OVER = "over"
    SENT_ON = "sent_on"  # it had stayed where it was; the carrier was told to ask what comes next


class RescuedCall(_Model):
    result: RescueResult


class StoppedRecording(_Model):
    was_recorded: bool


class AttemptRecord(_Model):
    """What SQL holds about an attempt: the words whose signals may have been lost."""

    conversation_outcome: AttemptOutcome | None = None
    callback_at: datetime | None = None
    voicemail_played: bool = False
    carrier_status: CallStatus | None = None
    sip_code: int | None = None


class RecordedOutcome(_Model):
    """What comes after an attempt; `has_webhook`: the customer's system wants to hear of the lead's end."""

    step: NextStep
    has_webhook: bool = False


class ClosedLead(_Model):
    """The outcome that the lead has from now on."""

    outcome: LeadOutcome
    has_webhook: bool = False


class FinishLead(_Model):
    lead_id: str
    outcome: LeadOutcome
    reason: str


class LeadRef(_Model):
    lead_id: str
