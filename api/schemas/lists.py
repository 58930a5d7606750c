"""Suppressions, appointments and API keys."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.campaigns import CountryCode
from cadenza.domain.outcomes import BookingState, CalendarProvider

_SUPPRESSION: dict[str, Any] = {
    "phone": "+12125550123",
    "reason": "asked in a call",
    "source": "call",
    "who": "callee",
    "attempt_id": "ld_1bejv0k3gq9x2m4t6w8y-1",
    "created_at": "2026-11-20T15:01:40Z",
}
_KEY: dict[str, Any] = {
    "id": "ak_1bejv0k3gq9x2m4t6w8y",
    "name": "CRM",
    "prefix": "cdz_Ab3dEf",
    "created_at": "2026-11-20T09:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
}


class SuppressionIn(BaseModel):
    """A number that must never be called again."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"phone": "+12125550123", "reason": "asked by e-mail"}]}
    )

    phone: str = Field(description="E.164, or as written in `country`")
    country: CountryCode = Field("US", description="Country of a number without +")
    reason: str = Field("added over the API", max_length=200)


class SuppressionOut(BaseModel):
    """A suppressed number: no campaign calls it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_SUPPRESSION]})

    phone: str
    reason: str
    source: str = Field(description="call, keypad, reply, api, list or erasure: the first; the history has all")
    who: str = Field(description="callee, or the key")
    attempt_id: str | None = Field(description="The call in which it was asked")
    created_at: datetime


class AppointmentOut(BaseModel):
    """An appointment, or a slot held while the call goes on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "bk_1bejv0k3gq9x2m4t6w8y",
                    "campaign_id": "cp_1bejv0k3gq9x2m4t6w8y",
                    "lead_id": "ld_1bejv0k3gq9x2m4t6w8y",
                    "call_id": "ld_1bejv0k3gq9x2m4t6w8y-1",
                    "rep": "Dana Reyes",
                    "rep_id": "rp_1bejv0k3gq9x2m4t6w8z",
                    "provider": "calendly",
                    "time_zone": "America/New_York",
                    "starts_at": "2026-11-24T19:30:00Z",
                    "ends_at": "2026-11-24T20:00:00Z",
                    "state": "confirmed",
                    "join_url": None,
                    "created_at": "2026-11-20T15:01:20Z",
                    "confirmed_at": "2026-11-20T15:01:22Z",
                }
            ]
        }
    )

    id: str
    campaign_id: str
    lead_id: str
    call_id: str
    rep: str
    rep_id: str
    provider: CalendarProvider
    time_zone: str = Field(description="The rep's")
    starts_at: datetime
    ends_at: datetime
    state: BookingState
    join_url: str | None
    created_at: datetime
    confirmed_at: datetime | None


KeyName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class ApiKeyIn(BaseModel):
    """A new key."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "CRM"}]})

    name: KeyName = Field(description="Who or what uses it")


class ApiKeyOut(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_KEY]})

    id: str
    name: str
    prefix: str = Field(description="First characters, to tell keys apart")
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute")
    revoked_at: datetime | None


class ApiKeyMade(ApiKeyOut):
    """A new key. The secret is shown this once."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={"examples": [{**_KEY, "key": "cdz_" + "x" * 43}]},
    )

    key: str = Field(description="Send it as `Authorization: Bearer cdz_...`")
