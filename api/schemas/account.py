"""The telephony account as it goes out."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.breakers import BreakerOut
from cadenza.domain.breakers import BreakerRule

_ACCOUNT: dict[str, Any] = {
    "id": "AC00000000000000000000000000000001",
    "calls_per_second": 1.0,
    "max_lines": 20,
    "lines_in_use": 3,
    "paused_reason": "the carrier refuses our calls (code 20003)",
    "paused_rule": "carrier_refuses",
    "waiting_reason": "",
    "breaker": {
        "state": "open",
        "rule": "carrier_refuses",
        "reason": "the carrier refuses our calls (code 20003)",
        "since": "2026-11-20T15:00:08Z",
        "probe_at": None,
    },
}


class AccountOut(BaseModel):
    """What the dialer may use, and why it does not call if it does not."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_ACCOUNT]})

    id: str
    calls_per_second: float
    max_lines: int
    lines_in_use: int = Field(description="Attempts that hold a line now")
    paused_reason: str | None = Field(description="Unset while the account may call")
    paused_rule: BreakerRule | None = Field(description="The rule that paused it; unset: a person, or nobody")
    waiting_reason: str = Field(description="What stood in the way of more calls half a second ago, if anything did")
    breaker: BreakerOut | None = Field(description="Unset while its breaker is closed")


class PauseIn(BaseModel):
    """Why nobody is to be called."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "caller ID under review"}]})

    reason: str = Field("paused by a user", min_length=1, max_length=200)
