"""Campaigns as they come in and go out."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl

from cadenza.domain.breakers import BreakerRule
from cadenza.domain.outcomes import CalendarProvider, CampaignState, LeadState
from cadenza.domain.phone import COUNTRIES, PhoneRefused, parse_phone
from cadenza.domain.policy import BookingPlan, CampaignPolicy
from cadenza.domain.script import Script

EXAMPLE_SCRIPT: dict[str, Any] = {
    "agent_name": "Ava",
    "agent_company": "Brightwater Solar",
    "purpose": "To offer a free, short call with a solar specialist.",
    "opening": "Hello {first_name}, do you have half a minute to hear how your neighbours lower their bills?",
    "facts": ["The introductory call is free and takes thirty minutes."],
    "objections": [
        {
            "id": "price",
            "heard": "It is too expensive.",
            "phrases": ["too expensive", "no budget"],
            "answer": "I understand. The call is free, and you get a written offer before you decide anything.",
        }
    ],
}
EXAMPLE_REP: dict[str, Any] = {
    "name": "Dana Reyes",
    "email": "dana.reyes@example.com",
    "provider": "calendly",
    "calendar_ref": "https://api.calendly.com/event_types/AAAAAAAAAAAAAAAA",
    "time_zone": "America/New_York",
}
EXAMPLE_CAMPAIGN: dict[str, Any] = {
    "name": "Rooftop solar, spring",
    "default_country": "US",
    "script": EXAMPLE_SCRIPT,
    "policy": {
        "max_attempts": 3,
        "max_lines": 5,
        "transfer_targets": [{"id": "sales", "label": "our sales team", "phone": "+12025550142"}],
    },
    "booking": {"title": "Solar introduction", "duration_minutes": 30},
    "reps": [EXAMPLE_REP],
}
EXAMPLE_ANSWER: dict[str, Any] = {
    "id": "cp_1bejv0k3gq9x2m4t6w8y",
    "name": "Rooftop solar, spring",
    "state": "draft",
    "state_reason": "",
    "paused_rule": None,
    "default_country": "US",
    "caller_id": "+12025550199",
    "script": Script.model_validate(EXAMPLE_SCRIPT).model_dump(mode="json"),
    "policy": CampaignPolicy.model_validate(EXAMPLE_CAMPAIGN["policy"]).model_dump(mode="json"),
    "booking": BookingPlan.model_validate(EXAMPLE_CAMPAIGN["booking"]).model_dump(mode="json"),
    "reps": [{"id": "rp_1bejv0k3gq9x2m4t6w8z", **EXAMPLE_REP, "weight": 1.0, "active": True}],
    "webhook_url": None,
    "leads": {"new": 412},
    "created_at": "2026-11-20T09:00:00Z",
    "started_at": None,
    "ended_at": None,
}


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("is not a time zone; use an IANA name such as America/New_York")
    return value


def _known_country(value: str) -> str:
    code = value.upper()
    if code not in COUNTRIES:
        raise ValueError("is not a country; use an ISO 3166 code such as US or AU")
    return code


def _dialable(value: str) -> str:
    if not value:
        return value
    try:
        return parse_phone(value, "ZZ").e164
    except PhoneRefused as refusal:
        raise ValueError(f"{refusal.message} {refusal.fix}") from None


TimeZoneName = Annotated[str, AfterValidator(_known_zone)]
CountryCode = Annotated[str, AfterValidator(_known_country), Field(min_length=2, max_length=2)]
CallerId = Annotated[str, AfterValidator(_dialable)]


class RepIn(BaseModel):
    """A person whose calendar is booked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE_REP]})

    name: str = Field(min_length=1, max_length=100, description="Said to the callee: 'with Dana Reyes'")
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)
    provider: CalendarProvider = Field(description="Where the rep's appointments are kept")
    calendar_ref: str = Field(
        min_length=1, max_length=500, description="Calendly: URI of the event type. Teams: user id or principal name"
    )
    time_zone: TimeZoneName = Field(description="IANA name")
    weight: float = Field(1.0, gt=0, le=100, description="2 gets twice as many appointments as 1")


class RepOut(BaseModel):
    """A rep of a campaign."""

    id: str
    name: str
    email: str
    provider: CalendarProvider
    calendar_ref: str
    time_zone: str
    weight: float
    active: bool = Field(description="False: left out of the campaign since; kept for the appointments made")


class CampaignIn(BaseModel):
    """A new campaign. It begins as a draft and calls nobody until it is started."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE_CAMPAIGN]})

    name: str = Field(min_length=1, max_length=200)
    script: Script
    policy: CampaignPolicy = Field(default_factory=CampaignPolicy, description="Left out: cautious defaults")
    booking: BookingPlan | None = Field(None, description="Left out: no appointments are booked")
    reps: list[RepIn] = Field(default_factory=list, max_length=200)
    default_country: CountryCode = Field("US", description="Country of numbers without + (ISO 3166)")
    caller_id: CallerId = Field("", description="Number shown to the callee, E.164; empty: the account's")
    webhook_url: HttpUrl | None = Field(
        None,
        max_length=2000,
        description="Gets each lead's final outcome as signed JSON (WEBHOOK_SECRET); a public address",
    )


class CampaignPatch(BaseModel):
    """Changes to a draft or paused campaign. What is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Rooftop solar, summer", "policy": {"max_lines": 10}}]}
    )

    name: str | None = Field(None, min_length=1, max_length=200)
    script: Script | None = Field(None, description="Replaces the whole script")
    policy: dict[str, Any] | None = Field(None, description="Changes the named settings; the others stay")
    booking: BookingPlan | None = None
    reps: list[RepIn] | None = Field(None, max_length=200, description="The whole list; who is left out is not booked")
    default_country: CountryCode | None = None
    caller_id: CallerId | None = None
    webhook_url: HttpUrl | None = None


class CampaignOut(BaseModel):
    """A campaign."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ANSWER]})

    id: str
    name: str
    state: CampaignState
    state_reason: str = Field(description="For people")
    paused_rule: BreakerRule | None = Field(description="The rule that paused it; unset: a person, or nobody")
    default_country: str
    caller_id: str
    script: Script
    policy: CampaignPolicy
    booking: BookingPlan | None
    reps: list[RepOut]
    webhook_url: str | None
    leads: dict[LeadState, int] = Field(description="Leads by state; states without leads are left out")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
