"""Leads, and why they were or were not called."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.calls import EXAMPLE_CALL, CallOut
from cadenza.domain.address import Address
from cadenza.domain.gate import Rule
from cadenza.domain.lead_columns import PhoneKind
from cadenza.domain.outcomes import LeadOutcome, LeadState
from cadenza.domain.stated_consent import ConsentKind

_EXAMPLE: dict[str, Any] = {
    "id": "ld_1bejv0k3gq9x2m4t6w8y",
    "campaign_id": "cp_1bejv0k3gq9x2m4t6w8y",
    "upload_id": "up_1bejv0k3gq9x2m4t6w8y",
    "row": 2,
    "phone": "+12125550146",
    "phone_kind": "mobile_phone",
    "extension": "",
    "name": "Ada Abbott",
    "first_name": "Ada",
    "email": "ada.abbott@example.com",
    "company": "Abbott & Co",
    "country": "US",
    "zones": ["America/New_York"],
    "address": {"street": "", "city": "New York", "state": "NY", "postal_code": "10001", "country": "US"},
    "language": "en",
    "custom": {"plan": "Gold"},
    "state": "waiting",
    "due_at": "2026-11-20T19:00:00Z",
    "next_step": "attempt 2 after no answer",
    "held_rule": None,
    "attempts_made": 1,
    "outcome": None,
    "outcome_reason": "",
    "final_at": None,
    "created_at": "2026-11-20T09:00:00Z",
}


_EXAMPLE_OTHER: dict[str, Any] = {
    "phone": "+12125550100",
    "kind": "work_phone",
    "extension": "12",
    "country": "US",
    "zones": ["America/New_York"],
}
_EXAMPLE_CONSENT: dict[str, Any] = {
    "kind": "express_written",
    "given_on": "2026-03-04",
    "source": "web form",
    "proof": "https://example.com/consents/1",
    "lead_id": _EXAMPLE["id"],
    "upload_id": _EXAMPLE["upload_id"],
    "row": 2,
    "recorded_at": "2026-11-20T09:00:00Z",
}


class LeadOut(BaseModel):
    """A lead: on its way with a next step and time, or final with one outcome."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]}, from_attributes=True)

    id: str
    campaign_id: str
    upload_id: str | None
    row: int | None = Field(description="Row of the file it came from")
    phone: str = Field(description="E.164; the number that is called first")
    phone_kind: PhoneKind
    extension: str = Field(description="Behind the number; empty: none")
    name: str
    first_name: str = Field(description="Said in the greeting; empty if it cannot be spoken")
    email: str
    company: str
    country: str
    zones: list[str] = Field(description="Every time zone the number may be in: a call must be allowed in all of them")
    address: Address
    language: str = Field(description="BCP 47; empty: not said")
    custom: dict[str, Any] = Field(description="Custom fields, by the names that scripts use")
    state: LeadState
    due_at: datetime | None = Field(description="When the next step happens; null when final")
    next_step: str = Field(description="What happens then, and why")
    held_rule: Rule | None = Field(
        description="Held for a person: the rule that misses a consent or a register's copy; asked again at `due_at`"
    )
    attempts_made: int
    outcome: LeadOutcome | None
    outcome_reason: str
    final_at: datetime | None
    created_at: datetime


class OtherPhoneOut(BaseModel):
    """A further number of the person. How they are used in dialling is not decided here."""

    model_config = ConfigDict(from_attributes=True)

    phone: str = Field(description="E.164")
    kind: PhoneKind
    extension: str
    country: str
    zones: list[str]


class ConsentOut(BaseModel):
    """A consent to be called, as a file stated it for this number."""

    model_config = ConfigDict(from_attributes=True)

    kind: ConsentKind
    given_on: date | None = Field(description="The day where the person gave it")
    source: str
    proof: str
    lead_id: str | None
    upload_id: str | None
    row: int | None
    recorded_at: datetime


class RefusalOut(BaseModel):
    """A "no" of the gate: why the lead was not called at that moment."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": 17,
                    "lead_id": _EXAMPLE["id"],
                    "attempt_id": None,
                    "stage": "admission",
                    "rule": "outside_legal_hours",
                    "reason": "US-FL allows calls 08:00 to 20:00 on Fridays; it is Friday 21:10 in America/New_York",
                    "jurisdiction": "US-FL",
                    "grade": "P",
                    "source": "SB 1120 (2021), s. 501.616(6)",
                    "rules_version": "2026-11-20-ffb6bede",
                    "next_at": "2026-11-21T14:00:00Z",
                    "at": "2026-11-20T23:40:00Z",
                }
            ]
        },
    )

    id: int
    lead_id: str
    attempt_id: str | None
    stage: str = Field(description="admission, before_post or answer")
    rule: Rule = Field(description="Stable id of the rule")
    reason: str
    jurisdiction: str = Field(description="Whose rule it is, such as US-FL; empty: not the law's")
    grade: str = Field(description="How sure the rule is: P, S, M, R or O (docs/rules.md)")
    source: str
    rules_version: str = Field(description="The rules it was refused under; equal versions are equal rules")
    next_at: datetime | None = Field(description="When the answer would be yes; null: never, or not known")
    at: datetime


class LeadDetail(LeadOut):
    """A lead with its further numbers, consents and calls, and the last refusals of the gate."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE,
                    "calls": [EXAMPLE_CALL],
                    "refusals": [],
                    "is_suppressed": False,
                    "other_phones": [_EXAMPLE_OTHER],
                    "consents": [_EXAMPLE_CONSENT],
                }
            ]
        },
    )

    calls: list[CallOut]
    refusals: list[RefusalOut]
    is_suppressed: bool
    other_phones: list[OtherPhoneOut] = Field(description="In the order in which they would be tried")
    consents: list[ConsentOut] = Field(description="Stated for the number, newest first")
