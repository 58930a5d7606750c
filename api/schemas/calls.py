"""Calls (attempts), what was said in them, and what they took."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cadenza.domain.outcomes import AttemptOutcome, AttemptState, CallStatus, Speaker
from cadenza.domain.reporting import Cost
from cadenza.domain.transfers import TransferState

EXAMPLE_CALL: dict[str, Any] = {
    "id": "ld_1bejv0k3gq9x2m4t6w8y-1",
    "lead_id": "ld_1bejv0k3gq9x2m4t6w8y",
    "campaign_id": "cp_1bejv0k3gq9x2m4t6w8y",
    "number": 1,
    "state": "ended",
    "phone": "+12125550146",
    "from_number": "+12025550199",
    "call_sid": "CA00000000000000000000000000000001",
    "carrier_status": "completed",
    "answered_by": "human",
    "outcome": "booked",
    "outcome_reason": "",
    "refusal_rule": None,
    "callback_at": None,
    "reserved_at": "2026-11-20T15:00:00Z",
    "submitted_at": "2026-11-20T15:00:01Z",
    "ringing_at": "2026-11-20T15:00:02Z",
    "answered_at": "2026-11-20T15:00:08Z",
    "ended_at": "2026-11-20T15:01:40Z",
    "duration_seconds": 92,
    "disclosure_heard": True,
    "voicemail_played_at": None,
}
_EXAMPLE_DETAIL: dict[str, Any] = {
    **EXAMPLE_CALL,
    "reply_latency": [{"stage": "heard", "count": 6, "p50": 780.0, "p90": 940.0, "p95": 1010.0, "p99": 1100.0,
                       "took_p50": 25.0, "took_p95": 40.0}],
    "cost": {
        "telephony": 0.028, "machine_detection": 0.0075, "listening": 0.0115, "thinking": 0.0021, "speaking": 0.031,
        "total": 0.0801,
    },
    "has_recording": True,
    "transfers": [
        {
            "target_id": "sales", "state": "no_answer", "asked_at": "2026-11-20T15:00:52Z",
            "dialled_at": "2026-11-20T15:00:55Z", "answered_at": None, "ended_at": "2026-11-20T15:01:16Z",
            "talked_seconds": None,
        }
    ],
    "summary": None,
    "unapproved_promises": [
        {"quote": "You save forty percent.", "why": "not among the approved claims: 40 percent", "found_by": "rule"}
    ],
}  # fmt: skip


class CallOut(BaseModel):
    """One attempt to reach a lead. Attempts that the gate refused are listed too: nobody was rung by them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_CALL]}, from_attributes=True)

    id: str = Field(description="{lead}-{number}")
    lead_id: str
    campaign_id: str
    number: int
    state: AttemptState
    phone: str = Field(description="Called number, E.164")
    from_number: str
    call_sid: str | None = Field(description="The carrier's id")
    carrier_status: CallStatus | None
    answered_by: str | None
    outcome: AttemptOutcome | None
    outcome_reason: str
    refusal_rule: str | None = Field(description="Rule of the gate, or the carrier's error code")
    callback_at: datetime | None = Field(description="Promised to the callee")
    reserved_at: datetime
    submitted_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    duration_seconds: int | None
    disclosure_heard: bool = Field(description="The words 'I am an AI, this call is recorded' were played to their end")
    voicemail_played_at: datetime | None


class StageLatencyOut(BaseModel):
    """How long callees waited, in milliseconds after they stopped speaking."""

    model_config = ConfigDict(from_attributes=True)

    stage: str = Field(
        description="transcript (end of turn), first_token (of the model), first_sentence, first_voice (the "
        "synthesiser's first byte), first_audio (first frame sent) or heard; each counts from the end of speech"
    )
    count: int = Field(description="Replies measured")
    p50: float
    p90: float
    p95: float
    p99: float
    took_p50: float = Field(description="Of it since the stage before, reply by reply")
    took_p95: float


class UnapprovedPromiseOut(BaseModel):
    """Something the agent said that no fact, approved answer or fixed text of the campaign holds."""

    quote: str = Field(description="The agent's words, as they were heard")
    why: str
    found_by: str = Field(
        description="`rule`: by its shape (a sum, a share, a guarantee); `model`: judged after the call"
    )


class TransferOut(BaseModel):
    """A callee who was to be connected to a person of the campaign's `policy.transfer_targets`."""

    model_config = ConfigDict(from_attributes=True)

    target_id: str
    state: TransferState
    asked_at: datetime
    dialled_at: datetime | None = Field(description="When the carrier was given the number; it is given once")
    answered_at: datetime | None
    ended_at: datetime | None
    talked_seconds: int | None = Field(description="As the carrier counts")


class CallDetail(CallOut):
    """A call with its latency and cost."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_DETAIL]}, from_attributes=True)

    reply_latency: list[StageLatencyOut]
    cost: Cost
    has_recording: bool
    transfers: list[TransferOut]
    summary: dict[str, Any] | None
    unapproved_promises: list[UnapprovedPromiseOut]


class TurnOut(BaseModel):
    """A turn of the conversation."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    speaker: Speaker
    text: str = Field(description="What was heard: for the agent, the words that were really played")
    interrupted: bool = Field(description="The callee spoke over it")
    tool: str | None = Field(description="For tool turns: what the agent did")
    started_at: datetime
    latency: dict[str, Any] | None = Field(description="Milliseconds by stage")


class NoteIn(BaseModel):
    """A fact for a call that is going on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "The customer opened our offer a minute ago. Setup is free today."}]},
    )

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] = Field(
        description="One fact or a few, in plain sentences. The agent may state them as it does the script's facts"
    )


class NoteOut(BaseModel):
    """A fact that was taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": 41, "call_id": EXAMPLE_CALL["id"]}]})

    id: int
    call_id: str


class TranscriptOut(BaseModel):
    """A conversation."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "call_id": EXAMPLE_CALL["id"],
                    "turns": [
                        {
                            "position": 1,
                            "speaker": "agent",
                            "text": "Hi, this is Ava, an AI assistant calling for Brightwater Solar.",
                            "interrupted": False,
                            "tool": None,
                            "started_at": "2026-11-20T15:00:08Z",
                            "latency": None,
                        }
                    ],
                }
            ]
        }
    )

    call_id: str
    turns: list[TurnOut]
