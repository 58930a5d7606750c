"""Circuit breakers as they go out."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cadenza.domain.breakers import Breaker, BreakerRule, BreakerState

EXAMPLE_BREAKER: dict[str, Any] = {
    "state": "open",
    "rule": "carrier_faults",
    "reason": "6 of 8 attempts that ended in the last 120 s failed at the carrier (limit: 50%, at least 5)",
    "since": "2026-11-20T15:00:08Z",
    "probe_at": "2026-11-20T15:01:08Z",
}


class BreakerOut(BaseModel):
    """Why calling stopped by itself, and how it goes on."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE_BREAKER]})

    state: BreakerState = Field(description="open: nobody is called; probing: one call goes out, to see")
    rule: BreakerRule
    reason: str = Field(description="For people, with the numbers")
    since: datetime
    probe_at: datetime | None = Field(description="When one call is tried; null: it waits for a person to resume it")


def breaker_out(breaker: Breaker) -> BreakerOut | None:
    """None while it is closed."""
    return None if breaker.state is BreakerState.CLOSED else BreakerOut.model_validate(breaker)
