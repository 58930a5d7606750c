"""Reports and live views of campaigns."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.breakers import BreakerOut
from api.schemas.calls import StageLatencyOut
from api.schemas.lists import AppointmentOut
from cadenza.domain.answer_hours import PartOfDay
from cadenza.domain.outcomes import AttemptOutcome, AttemptState, CampaignState, LeadOutcome, LeadState
from cadenza.domain.reporting import Cost, Rate, ReplyTime
from cadenza.domain.row_problem import RowCode


class UnfinishedLead(BaseModel):
    """A lead without a final outcome."""

    lead_id: str
    state: LeadState
    next_step: str
    due_at: datetime | None


class CallUnderWay(BaseModel):
    """A call that holds a line now."""

    call_id: str
    lead_id: str
    number: int
    state: AttemptState
    carrier_status: str | None
    answered_by: str | None
    since: datetime


class NextDue(BaseModel):
    """What happens next, if nothing is under way."""

    lead_id: str
    at: datetime
    step: str


class CampaignProgress(BaseModel):
    """The campaign as it is now. Cheap: ask every second if you like."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "cp_1bejv0k3gq9x2m4t6w8y",
                    "name": "Rooftop solar, spring",
                    "state": "running",
                    "state_reason": "",
                    "leads": 42,
                    "finished": 17,
                    "lead_states": {"calling": 5, "waiting": 20, "final": 17},
                    "outcomes": {"booked": 6, "not_interested": 5, "voicemail_left": 6},
                    "call_outcomes": {"booked": 6, "no_answer": 9},
                    "under_way": [
                        {
                            "call_id": "ld_1bejv0k3gq9x2m4t6w8y-1",
                            "lead_id": "ld_1bejv0k3gq9x2m4t6w8y",
                            "number": 1,
                            "state": "in_progress",
                            "carrier_status": "in-progress",
                            "answered_by": "human",
                            "since": "2026-11-20T15:00:08Z",
                        }
                    ],
                    "next_due": {
                        "lead_id": "ld_1bejv0k3gq9x2m4t6w8z",
                        "at": "2026-11-20T15:00:20Z",
                        "step": "attempt 2 after no answer",
                    },
                    "held": {"no_consent": 12},
                    "dialer_paused_reason": None,
                    "dialer_waiting_reason": "",
                    "breaker": None,
                }
            ]
        }
    )

    id: str
    name: str
    state: CampaignState
    state_reason: str
    leads: int
    finished: int = Field(description="Leads with their final outcome")
    lead_states: dict[LeadState, int]
    outcomes: dict[LeadOutcome, int] = Field(description="Finished leads by outcome")
    call_outcomes: dict[AttemptOutcome, int] = Field(description="Ended calls by outcome")
    under_way: list[CallUnderWay] = Field(description="At most 50")
    next_due: NextDue | None
    held: dict[str, int] = Field(description="Leads that wait for a person, by the rule that asks for what they lack")
    dialer_paused_reason: str | None = Field(description="Why the account does not call, if it does not")
    dialer_waiting_reason: str = Field(description="What stood in the way of more calls half a second ago, if it did")
    breaker: BreakerOut | None = Field(description="Why the campaign paused by itself; unset: it did not")


class AttemptFigures(BaseModel):
    """Calls by outcome. Refused, withdrawn and lapsed ones rang nobody; they are not dials."""

    dials: int
    outcomes: dict[AttemptOutcome, int]
    answered: int
    conversations: int = Field(description="Two turns of the callee, or thirty seconds with a person")
    retries: int = Field(description="Dials to a lead that had been dialled before")
    callbacks: int = Field(description="Retries that had been promised")
    under_way: int
    disclosures_heard: int
    unapproved_promises: int = Field(description="Calls in which the agent promised what nobody approved; see them")


class VoicemailFigures(BaseModel):
    """Messages left: the carrier came back after playing them to the end."""

    left: int
    leads: int = Field(description="Leads whose outcome it is")


class RowErrorSummary(BaseModel):
    """Findings of one kind in the campaign's files."""

    code: RowCode
    severity: str
    count: int
    message: str
    fix: str
    rows: list[int] = Field(description="The first 20")


class UploadFigures(BaseModel):
    """All files of the campaign."""

    files: int
    rows: int
    accepted: int
    rejected: int
    findings: list[RowErrorSummary]


class CostReport(BaseModel):
    """An estimate in US dollars from usage and the prices in the settings."""

    currency: str = "USD"
    total: Cost
    per_dial: float | None
    per_conversation: float | None
    per_appointment: float | None
    telephony_minutes: int
    tokens: int
    characters_spoken: int


class AnswersOut(BaseModel):
    """Calls that rang, and the share that a person answered, with its 95 % interval (Wilson)."""

    rung: int
    answered: int
    share: float
    low: float
    high: float


class AnswerHourOut(AnswersOut):
    """An hour of the callee's week."""

    weekday: int = Field(ge=0, le=6, description="0 is Monday")
    hour: int = Field(ge=0, le=23, description="By the callee's clock")


class AnswerHours(BaseModel):
    """When people answer. Hours and parts of the day with fewer than 30 calls are left out: their shares would be
    chance."""

    hours: list[AnswerHourOut]
    parts: dict[PartOfDay, AnswersOut] = Field(description="What retries are planned by; see docs/pacing.md")


EXAMPLE_REPORT: dict[str, Any] = {
    "id": "cp_1bejv0k3gq9x2m4t6w8y",
    "name": "Rooftop solar, spring",
    "state": "completed",
    "started_at": "2026-11-20T15:00:00Z",
    "ended_at": "2026-11-20T15:02:50Z",
    "leads": 38,
    "lead_states": {"final": 38},
    "outcomes": {"booked": 14, "voicemail_left": 4, "not_interested": 4},
    "attempts": {
        "dials": 71, "outcomes": {"booked": 14, "no_answer": 18}, "answered": 51, "conversations": 25, "retries": 33,
        "callbacks": 2, "under_way": 0, "disclosures_heard": 34,
        "unapproved_promises": 0,
    },
    "rates": {"answered": {"count": 51, "of": 71, "of_what": "dials", "share": 0.7183}},
    "appointments": [],
    "voicemails": {"left": 4, "leads": 4},
    "uploads": {"files": 1, "rows": 43, "accepted": 38, "rejected": 5, "findings": []},
    "reply_latency": [
        {
            "stage": "heard", "count": 130, "p50": 780.0, "p90": 940.0, "p95": 1010.0, "p99": 1300.0,
            "took_p50": 25.0, "took_p95": 40.0,
        }
    ],
    "reply_time": {"count": 130, "p50": 780.0, "p95": 1010.0, "goal_p50": 900.0, "goal_p95": 1500.0, "met": True},
    "cost": {
        "currency": "USD",
        "total": {
            "telephony": 0.9, "machine_detection": 0.38, "listening": 0.2, "thinking": 0.05, "speaking": 0.4,
            "total": 1.93,
        },
        "per_dial": 0.0272, "per_conversation": 0.0772, "per_appointment": 0.1379,
        "telephony_minutes": 64, "tokens": 83000, "characters_spoken": 8000,
    },
    "answer_hours": {
        "hours": [
            {"weekday": 0, "hour": 17, "rung": 40, "answered": 9, "share": 0.225, "low": 0.1229, "high": 0.3750}
        ],
        "parts": {"evening": {"rung": 44, "answered": 10, "share": 0.2273, "low": 0.1283, "high": 0.3699}},
    },
    "refusals": {"outside_hours": 3},
    "without_final_outcome": [],
    "unfinished": 0,
}  # fmt: skip


class CampaignReport(BaseModel):
    """What a campaign did."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_REPORT]})

    id: str
    name: str
    state: CampaignState
    started_at: datetime | None
    ended_at: datetime | None
    leads: int
    lead_states: dict[LeadState, int]
    outcomes: dict[LeadOutcome, int]
    attempts: AttemptFigures
    rates: dict[str, Rate] = Field(description="Each with what it is a share of")
    appointments: list[AppointmentOut]
    voicemails: VoicemailFigures
    uploads: UploadFigures
    reply_latency: list[StageLatencyOut]
    reply_time: ReplyTime = Field(description="Replies as they were heard, beside the goals")
    cost: CostReport
    answer_hours: AnswerHours
    refusals: dict[str, int] = Field(description='How often each rule of the gate said "not now"')
    without_final_outcome: list[UnfinishedLead] = Field(description="At most 100; empty when the campaign is over")
    unfinished: int
