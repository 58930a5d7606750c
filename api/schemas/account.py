"""The telephony account as it goes out."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_ACCOUNT: dict[str, Any] = {
    "id": "AC00000000000000000000000000000001",
    "calls_per_second": 1.0,
    "max_lines": 20,
    "lines_in_use": 3,
    "paused_reason": "the carrier refuses our calls (code 20003)",
}


class AccountOut(BaseModel):
    """What the dialer may use, and why it does not call if it does not."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_ACCOUNT]})

    id: str
    calls_per_second: float
    max_lines: int
    lines_in_use: int = Field(description="Attempts that hold a line now")
    paused_reason: str | None = Field(description="Unset while the account may call")


class PauseIn(BaseModel):
    """Why nobody is to be called."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "caller ID under review"}]})

    reason: str = Field("paused by a user", min_length=1, max_length=200)
