"""Suppressions from lists, registers, evidence, the audit log, and what a person may ask for."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.campaigns import CountryCode
from api.schemas.lists import SuppressionOut
from cadenza.domain.row_problem import RowCode

_EVENT: dict[str, Any] = {
    "action": "suppressed",
    "source": "call",
    "reason": "asked in a call",
    "who": "callee",
    "reference": "ld_1bejv0k3gq9x2m4t6w8y-1",
    "at": "2026-11-20T15:01:40Z",
}
_FINDING: dict[str, Any] = {
    "row": 3,
    "column": "Phone",
    "value": "n/a",
    "code": "not_a_number",
    "message": "This is not a phone number.",
    "fix": "Write the digits of one number, for example +12125550123.",
}
_REGISTER: dict[str, Any] = {
    "id": "rc_1bejv0k3gq9x2m4t6w8y",
    "jurisdiction": "US",
    "name": "national",
    "is_internal": False,
    "copied_at": "2026-11-15T00:00:00Z",
    "entries": 1000000,
    "is_current": True,
    "loaded_by": "key:ak_1bejv0k3gq9x2m4t6w8y",
    "loaded_at": "2026-11-16T08:00:00Z",
}
_AUDIT: dict[str, Any] = {
    "id": 1041,
    "at": "2026-11-20T15:01:40.120000Z",
    "kind": "gate.refused",
    "who": "gate",
    "why": "the number is on the suppression list",
    "campaign_id": None,
    "lead_id": "ld_1bejv0k3gq9x2m4t6w8y",
    "attempt_id": None,
    "number_hash": None,
    "details": {"stage": "admission", "rule": "suppressed", "is_final": True},
    "position": 1040,
    "hash": "9f" * 32,
}
_HEAD = "1040:" + "9f" * 32
_EVIDENCE: dict[str, Any] = {
    "call_id": "ld_1bejv0k3gq9x2m4t6w8y-1",
    "number": 1,
    "submitted_at": "2026-11-20T15:00:58Z",
    "ringing_at": "2026-11-20T15:01:00Z",
    "answered_at": "2026-11-20T15:01:10Z",
    "ended_at": "2026-11-20T15:02:10Z",
    "outcome": "not_interested",
    "disclosure_heard": True,
    "recording_announced": True,
    "voicemail_played_at": None,
    "recordings": 1,
    "rules_version": "2026-11-20-1a2b3c4d",
    "transcript_erased": False,
    "played": [
        {
            "at": "2026-11-20T15:01:10Z",
            "lines": ["disclosure", "opening"],
            "heard": "Hi, this is Ava, an AI assistant calling for Acme. This call is recorded. Is this Ada?",
            "was_cut": False,
        }
    ],
}
_CONSENT: dict[str, Any] = {
    "kind": "express_written",
    "given_on": "2026-10-01",
    "source": "web form",
    "proof": "form 17, 203.0.113.9",
    "recorded_at": "2026-11-19T09:00:00Z",
}


def _example(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(from_attributes=True, json_schema_extra={"examples": list(examples)})


class SuppressionsIn(BaseModel):
    """Numbers that must never be called again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"phones": ["+12125550123", "+12125550124"], "reason": "asked by letter"}]},
    )

    phones: list[Annotated[str, Field(max_length=100)]] = Field(
        min_length=1, max_length=1000, description="E.164, or as written in `country`"
    )
    country: CountryCode = Field("US", description="Country of numbers without +")
    reason: str = Field("added over the API", max_length=200)


class SuppressionsOut(BaseModel):
    """What became of them."""

    model_config = _example({"numbers": 2, "new": 1})

    numbers: int = Field(description="Different numbers that are suppressed now")
    new: int = Field(description="Those that were not suppressed before")


class SuppressionEventOut(BaseModel):
    """Somebody asked for a suppression, or lifted it."""

    model_config = _example(_EVENT)

    action: str = Field(description="suppressed or lifted")
    source: str = Field(description="call, keypad, reply, api, list or erasure")
    reason: str
    who: str = Field(description="callee, or the key")
    reference: str = Field(description="The call, the carrier's message or the list that it came from")
    at: datetime


class SuppressionDetail(BaseModel):
    """A number, whether it is suppressed now, and everything that was asked, newest first."""

    model_config = _example({"phone": "+12125550123", "is_suppressed": True, "suppression": None, "events": [_EVENT]})

    phone: str
    is_suppressed: bool
    suppression: SuppressionOut | None
    events: list[SuppressionEventOut]


class ListFinding(BaseModel):
    """Why a row, or one number of it, was not taken."""

    model_config = _example(_FINDING)

    row: int
    column: str
    value: str
    code: RowCode
    message: str
    fix: str


class ListOut(BaseModel):
    """What became of a list of numbers."""

    model_config = _example(
        {
            "id": "sl_1bejv0k3gq9x2m4t6w8y",
            "rows": 120,
            "numbers": 119,
            "new": 100,
            "rejected": 1,
            "findings": [_FINDING],
        }
    )

    id: str
    rows: int = Field(description="Rows that are not blank")
    numbers: int = Field(description="Numbers that were taken")
    new: int = Field(description="Those that were not there before")
    rejected: int = Field(description="Rows of which no number was taken")
    findings: list[ListFinding] = Field(description="The first thousand")


class RegisterOut(BaseModel):
    """A copy of a do-not-call register."""

    model_config = _example(_REGISTER)

    id: str
    jurisdiction: str
    name: str
    is_internal: bool = Field(description="The operator's own list: it is not the register that the law asks for")
    copied_at: AwareDatetime = Field(description="When its keeper gave it out: its age counts from here")
    entries: int
    is_current: bool
    loaded_by: str
    loaded_at: datetime


class PlayedOut(BaseModel):
    """An utterance that held one of the sentences."""

    model_config = _example(_EVIDENCE["played"][0])

    at: datetime
    lines: list[str] = Field(description="Fixed sentences in it: disclosure, opening, i_am_an_ai, removed, ...")
    heard: str = Field(description="The words that were played, by the carrier's marks")
    was_cut: bool = Field(description="Some of its words were not played")


class CallEvidenceOut(BaseModel):
    """What was played in a call, when, and whether it was heard."""

    model_config = _example(_EVIDENCE)

    call_id: str
    number: int
    submitted_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    disclosure_heard: bool = Field(description="Played to its end: the carrier sent the mark behind it back")
    recording_announced: bool = Field(description="Words about the recording were heard")
    voicemail_played_at: datetime | None
    recordings: int
    rules_version: str | None = Field(
        None, description="The calling rules under which it was dialled: GET /v1/rules/versions/{version}"
    )
    transcript_erased: bool = Field(description="Only these sentences are left; names in them were replaced")
    played: list[PlayedOut]


class ConsentEvidence(BaseModel):
    """A consent that was stated for the number, and its proof."""

    model_config = _example(_CONSENT)

    kind: str
    given_on: Any = Field(description="Day; null if it was not stated")
    source: str
    proof: str
    recorded_at: datetime


class EvidenceOut(BaseModel):
    """What can be shown for a lead."""

    model_config = _example(
        {
            "lead_id": "ld_1bejv0k3gq9x2m4t6w8y",
            "campaign_id": "cp_1bejv0k3gq9x2m4t6w8y",
            "calls": [_EVIDENCE],
            "consents": [_CONSENT],
            "suppressions": [_EVENT],
        }
    )

    lead_id: str
    campaign_id: str
    calls: list[CallEvidenceOut]
    consents: list[ConsentEvidence] = Field(description="Of the number, newest first")
    suppressions: list[SuppressionEventOut] = Field(description="Of the number, newest first")


class AuditEntryOut(BaseModel):
    """An entry of the audit log; `position` and `hash` are null until it is sealed, about a second later."""

    model_config = _example(_AUDIT)

    id: int
    at: datetime
    kind: str
    who: str = Field(description="key:ID, callee, gate or engine")
    why: str
    campaign_id: str | None
    lead_id: str | None
    attempt_id: str | None
    number_hash: str | None = Field(description="Keyed hash of the number it is about; never the number")
    details: dict[str, Any]
    position: int | None
    hash: str | None


class AuditVerdict(BaseModel):
    """Whether the log is as it was written. Note the head elsewhere: only it shows a log that was cut at its end."""

    model_config = _example(
        {"is_intact": True, "head": _HEAD, "broken_at": None, "entry_id": None, "reason": "",
         "number_key_changed_at": None}
    )  # fmt: skip

    is_intact: bool
    head: str = Field(description="POSITION:HASH of the last entry that is as it was written")
    broken_at: int | None = Field(description="Position of the first bad entry")
    entry_id: int | None
    reason: str
    number_key_changed_at: datetime | None = Field(
        None,
        description="When the key of numbers' hashes became another; the chain needs no key, but entries from before "
        "are not found by their number",
    )


class PersonIn(BaseModel):
    """A number."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"phone": "+12125550123"}]})

    phone: str = Field(max_length=100, description="E.164, or as written in `country`")
    country: CountryCode = Field("US", description="Country of a number without +")


class PersonExport(BaseModel):
    """All that is known of a number, over all campaigns, table by table."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"phone": "+12125550123", "leads": [], "calls": []}]}
    )

    phone: str


class EraseIn(PersonIn):
    """Whose data are to be erased, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"phone": "+12125550123", "reason": "asked by e-mail, ticket 4711"}]},
    )

    reason: str = Field(min_length=1, max_length=200, description="Kept in the audit log: no name here")
    suppress: bool = Field(True, description="Also never call the number again; else the next upload may bring it back")


class ErasedOut(BaseModel):
    """What was removed, what was kept and why."""

    model_config = _example(
        {
            "is_complete": True,
            "leads": 1,
            "closed_leads": 1,
            "transcript_rows": 14,
            "recordings": 1,
            "upload_rows": 0,
            "calls_under_way": 0,
            "suppressed": True,
            "kept": {"consents": "proof of consent"},
        }
    )

    is_complete: bool = Field(description="False while calls are under way: erase again after them")
    leads: int = Field(description="Leads whose name, e-mail, company, address and custom fields were removed")
    closed_leads: int
    transcript_rows: int
    recordings: int = Field(description="To be deleted now, here and at the carrier, by a workflow")
    upload_rows: int = Field(description="Rejected rows of uploads that held the number")
    calls_under_way: int
    suppressed: bool
    kept: dict[str, str] = Field(description="What stays, and why")
