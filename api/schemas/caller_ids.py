"""Caller IDs as they come in and go out."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.campaigns import CountryCode
from cadenza.domain.caller_ids import DEFAULT_DAILY_CAP, CallerIdState, RestRule, wilson_interval
from cadenza.records.caller_ids import CallerIdHealth

_CALLER_ID: dict[str, Any] = {
    "phone": "+12025550199",
    "campaign_id": None,
    "state": "active",
    "may_call": False,
    "daily_cap": 100,
    "calls_today": 41,
    "health": {
        "calls": 412,
        "answered_by_person": 29,
        "carrier_faults": 1,
        "answer_rate": 0.0704,
        "answer_rate_low": 0.0494,
        "answer_rate_high": 0.0993,
    },
    "rests_until": "2026-11-23T15:00:00Z",
    "rest_rule": "low_answers",
    "rest_reason": "29 of its 412 calls were answered, 310 of the others' 2060",
    "added_at": "2026-11-01T09:00:00Z",
}


class CallerIdIn(BaseModel):
    """A number that you own or have verified at the carrier."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"phone": "+12025550199"}]})

    phone: str = Field(min_length=1, max_length=40, description="E.164, or as dialled in `country`")
    country: CountryCode = "US"
    campaign_id: str | None = Field(
        None, max_length=40, description="For this campaign alone; unset: for all that have no numbers of their own"
    )
    daily_cap: int = Field(DEFAULT_DAILY_CAP, ge=1, le=10_000, description="Calls in 24 hours at most")


class CallerIdChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "paused"}]})

    state: CallerIdState | None = Field(None, description="`active` also ends a rest")
    daily_cap: int | None = Field(None, ge=1, le=10_000)


class CallerIdHealthOut(BaseModel):
    """Its calls of the last 7 days, of those since it was added or last rested."""

    calls: int
    answered_by_person: int
    carrier_faults: int
    answer_rate: float | None = Field(description="Unset without calls")
    answer_rate_low: float | None = Field(description="Lower end of the 95 % interval (Wilson)")
    answer_rate_high: float | None


class CallerIdOut(BaseModel):
    """A number of a pool, how much it calls and how it does."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CALLER_ID]})

    phone: str
    campaign_id: str | None = Field(
        None, description="Unset: shared by all campaigns that have no numbers of their own"
    )
    state: CallerIdState
    may_call: bool = Field(description="Active, not resting, and below its daily cap")
    daily_cap: int
    calls_today: int = Field(description="In the last 24 hours")
    health: CallerIdHealthOut
    rests_until: datetime | None = Field(description="It is not used before; an instant in the past: it rested")
    rest_rule: RestRule | None
    rest_reason: str
    added_at: datetime


def caller_id_out(one: CallerIdHealth) -> CallerIdOut:
    calls = one.calls
    low, high = wilson_interval(calls.answered, calls.made) if calls.made else (None, None)
    return CallerIdOut(
        phone=one.row.phone,
        campaign_id=one.row.campaign_id,
        state=CallerIdState(one.row.state),
        may_call=one.may_call and one.calls_today < one.row.daily_cap,
        daily_cap=one.row.daily_cap,
        calls_today=one.calls_today,
        health=CallerIdHealthOut(
            calls=calls.made,
            answered_by_person=calls.answered,
            carrier_faults=calls.faults,
            answer_rate=_rounded(calls.answer_rate),
            answer_rate_low=_rounded(low),
            answer_rate_high=_rounded(high),
        ),
        rests_until=one.row.rests_until,
        rest_rule=RestRule(one.row.rest_rule) if one.row.rest_rule else None,
        rest_reason=one.row.rest_reason,
        added_at=one.row.added_at,
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
