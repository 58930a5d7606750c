"""The tables. Data only: queries live in the modules beside this one, rules in `cadenza.domain`.

Times are UTC and come from the database's clock where they order or fence anything.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from cadenza.domain.lead_columns import PhoneKind
from cadenza.domain.outcomes import CampaignState, LeadState, UploadState
from cadenza.records.columns import json_column, key, outliving_key, text_column, when


class ApiKey(SQLModel, table=True):
    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    name: str
    prefix: str  # the first characters, so that a person can tell keys apart
    key_hash: str = Field(unique=True)  # SHA-256 of a 256-bit random key: nothing to brute-force
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))
    last_used_at: datetime | None = Field(default=None, sa_column=when())
    revoked_at: datetime | None = Field(default=None, sa_column=when())


class Account(SQLModel, table=True):
    """A telephony account: what the dialer may use. One row each; admission locks it."""

    __tablename__ = "account"
    id: str = Field(primary_key=True)
    calls_per_second: float
    max_lines: int
    paused_reason: str | None = None
    last_tick_at: datetime | None = Field(default=None, sa_column=when())
    tokens: float = Field(default=0.0)  # calls-per-second budget left over from the last tick
    paused_rule: str | None = None  # domain.breakers.BreakerRule; null: a person paused it, or nobody
    breakers: dict[str, Any] = Field(default_factory=dict, sa_column=json_column("{}"))  # domain.breakers.BreakerLimits
    waiting_reason: str = Field(default="", sa_column=text_column())  # what stood in the last tick's way
    caller_id: str = Field(default="", sa_column=text_column())  # the setting's: of campaigns that name none
    paces: dict[str, Any] = Field(default_factory=dict, sa_column=json_column("{}"))  # records.campaign_paces


class CallerIdRow(SQLModel, table=True):
    """A number that calls are made from, in a pool: of one campaign, or of all that have none of their own."""

    __tablename__ = "caller_id"
    phone: str = Field(primary_key=True)  # E.164
    account_id: str = Field(sa_column=key("account.id", cascade=False))
    campaign_id: str | None = Field(default=None, sa_column=key("campaign.id", nullable=True))
    state: str  # domain.caller_ids.CallerIdState
    daily_cap: int
    rests_until: datetime | None = Field(default=None, sa_column=when())
    rest_rule: str | None = None  # domain.caller_ids.RestRule
    rest_reason: str = ""
    counts_from: datetime = Field(default=None, sa_column=when(default_now=True))  # calls before say nothing of it
    added_at: datetime = Field(default=None, sa_column=when(default_now=True))


class Campaign(SQLModel, table=True):
    __tablename__ = "campaign"
    id: str = Field(primary_key=True)
    account_id: str = Field(sa_column=key("account.id", cascade=False))
    name: str
    state: str = Field(default=CampaignState.DRAFT.value, index=True)
    state_reason: str = ""
    script: dict[str, Any] = Field(default_factory=dict, sa_column=json_column("{}"))  # domain.script.Script
    policy: dict[str, Any] = Field(default_factory=dict, sa_column=json_column("{}"))  # domain.policy.CampaignPolicy
    booking: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )  # domain.policy.BookingPlan
    default_country: str = "US"
    caller_id: str = ""  # E.164; empty: the account's number
    webhook_url: str | None = None
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))
    started_at: datetime | None = Field(default=None, sa_column=when())
    ended_at: datetime | None = Field(default=None, sa_column=when())
    paused_rule: str | None = None  # domain.breakers.BreakerRule; null: a person paused it, or nobody


class Upload(SQLModel, table=True):
    """A lead file that was sent. Its leads and findings are written in one transaction, with state `done`."""

    __tablename__ = "upload"
    __table_args__ = (
        Index(
            "upload_taken_once",
            "campaign_id",
            "sha256",
            unique=True,
            postgresql_where=text("state = 'done' and not dry_run"),
        ),
    )
    id: str = Field(primary_key=True)
    campaign_id: str = Field(sa_column=key("campaign.id"))
    file_name: str
    sha256: str  # of the file's bytes and of how they were read
    state: str = Field(default=UploadState.DONE.value, sa_column_kwargs={"server_default": UploadState.DONE.value})
    dry_run: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    kind: str = Field(default="", sa_column_kwargs={"server_default": ""})  # domain.file_form.FileKind
    encoding: str = Field(default="", sa_column_kwargs={"server_default": ""})
    size_bytes: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    bytes_read: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    columns: list[str] = Field(default_factory=list, sa_column=json_column("[]"))
    mapping: dict[str, str] = Field(default_factory=dict, sa_column=json_column("{}"))  # what each column was taken for
    rows: int
    accepted: int
    rejected: int
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))
    finished_at: datetime | None = Field(default=None, sa_column=when())


class RowError(SQLModel, table=True):
    """Why a row of an upload was not taken, or a warning about one that was."""

    __tablename__ = "row_error"
    id: int | None = Field(default=None, primary_key=True)
    upload_id: str = Field(sa_column=key("upload.id"))
    row: int
    column: str
    value: str
    code: str
    message: str
    fix: str
    cells: list[str] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )  # the row itself where it was not taken


class Lead(SQLModel, table=True):
    __tablename__ = "lead"
    __table_args__ = (
        UniqueConstraint("campaign_id", "phone", name="lead_campaign_phone"),
        # In the order in which admission takes them: callbacks first, then who is due longest
        Index(
            "lead_turn", "campaign_id", "is_callback", "due_at", "id", postgresql_where=text("state in ('new', 'due')")
        ),
        Index("lead_held", "held_rule", postgresql_where=text("held_rule is not null")),
        Index("lead_closing", "campaign_id", postgresql_where=text("close_as is not null and state <> 'final'")),
        Index("lead_state", "campaign_id", "state"),
        Index("lead_phone", "phone"),
        Index("lead_asleep", "due_at", postgresql_where=text("state = 'waiting'")),
    )
    id: str = Field(primary_key=True)
    campaign_id: str = Field(sa_column=key("campaign.id", index=False))
    upload_id: str | None = Field(default=None, sa_column=key("upload.id", nullable=True, index=False))
    row: int | None = None
    phone: str  # the number that is called first; others are in `other_phone`
    phone_kind: str = Field(
        default=PhoneKind.PHONE.value, sa_column_kwargs={"server_default": PhoneKind.PHONE.value}
    )  # domain.lead_columns.PhoneKind
    extension: str = Field(default="", sa_column_kwargs={"server_default": ""})
    name: str = ""
    first_name: str = ""
    email: str = ""
    company: str = ""
    country: str = ""
    zones: list[str] = Field(default_factory=list, sa_column=json_column("[]"))  # every zone the number may be in
    said_zone: str = Field(default="", sa_column_kwargs={"server_default": ""})  # IANA: the row's own
    address: dict[str, str] = Field(default_factory=dict, sa_column=json_column("{}"))  # domain.address.Address
    language: str = Field(default="", sa_column_kwargs={"server_default": ""})  # BCP 47
    custom: dict[str, Any] = Field(default_factory=dict, sa_column=json_column("{}"))
    state: str = LeadState.NEW.value
    due_at: datetime | None = Field(default=None, sa_column=when())  # next step's time; null when final
    next_step: str = "first call"  # for people: what happens at due_at
    is_callback: bool = False  # promised callbacks go first
    held_rule: str | None = None  # domain.gate.Rule that only a person can satisfy; asked again at due_at
    attempts_made: int = 0
    workflow_started: bool = False
    close_as: str | None = None  # LeadOutcome: asked to end after what is under way
    close_sent_at: datetime | None = Field(default=None, sa_column=when())
    voicemail_attempt_id: str | None = None  # set once, before the message is played: never two messages
    outcome: str | None = None  # domain.outcomes.LeadOutcome
    outcome_reason: str = ""
    final_at: datetime | None = Field(default=None, sa_column=when())
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))


class OtherPhoneRow(SQLModel, table=True):
    """A further number of a lead, in the order in which it would be tried."""

    __tablename__ = "other_phone"
    lead_id: str = Field(
        sa_column=Column(ForeignKey("lead.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )  # fmt: skip
    position: int = Field(primary_key=True)  # 1, 2, ...: after the lead's own number
    phone: str = Field(index=True)
    kind: str  # domain.lead_columns.PhoneKind
    extension: str = ""
    country: str = ""
    zones: list[str] = Field(default_factory=list, sa_column=json_column("[]"))


class ConsentRow(SQLModel, table=True):
    """A consent to be called as it was stated, by number. Evidence: it outlives the lead and the upload."""

    __tablename__ = "consent"
    id: int | None = Field(default=None, primary_key=True)
    phone: str = Field(index=True)
    kind: str  # domain.stated_consent.ConsentKind
    given_on: date | None = None
    source: str = ""
    proof: str = ""
    lead_id: str | None = Field(default=None, sa_column=outliving_key("lead.id"))
    upload_id: str | None = Field(default=None, sa_column=outliving_key("upload.id"))
    row: int | None = None
    recorded_at: datetime = Field(default=None, sa_column=when(default_now=True))


class Attempt(SQLModel, table=True):
    """One attempt to reach a lead; written before anything is sent (write-ahead), with a lease that fences."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("lead_id", "number", name="attempt_lead_number"),
        Index(
            "attempt_open",
            "account_id",
            postgresql_where=text(
                "state in ('reserved', 'submitting', 'doubtful', 'placed', 'ringing', 'in_progress')"
            ),
        ),
        Index("attempt_call_sid", "call_sid"),
        Index("attempt_phone_started", "phone", "submitted_at"),
        Index("attempt_campaign", "campaign_id", "reserved_at"),
        Index("attempt_caller", "from_number", "reserved_at"),
        Index("attempt_tally", "campaign_id", "ended_at", postgresql_where=text("tally is not null")),
        Index(
            "attempt_person",
            "campaign_id",
            "ended_at",
            postgresql_include=["tally", "outcome"],
            postgresql_where=text("tally in ('person', 'abandoned')"),
        ),
        Index(
            "attempt_unrecorded",
            "account_id",
            postgresql_where=text("outcome is null and state in ('ended', 'refused', 'lapsed')"),
        ),
    )
    id: str = Field(primary_key=True)  # {lead}-{number}
    lead_id: str = Field(sa_column=key("lead.id", index=False))
    campaign_id: str = Field(sa_column=key("campaign.id", index=False))
    account_id: str = Field(sa_column=key("account.id", index=False, cascade=False))
    number: int  # 1, 2, ...: reservations, those that were never submitted included
    phone: str
    from_number: str
    state: str
    leaves_voicemail: bool = False
    reserved_at: datetime = Field(default=None, sa_column=when(default_now=True))
    lease_until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    announced_at: datetime | None = Field(default=None, sa_column=when())  # the workflow was told
    submitted_at: datetime | None = Field(default=None, sa_column=when())
    call_sid: str | None = None
    carrier_status: str | None = None
    sequence: int = -1  # highest carrier sequence number seen
    ringing_at: datetime | None = Field(default=None, sa_column=when())
    answered_at: datetime | None = Field(default=None, sa_column=when())
    ended_at: datetime | None = Field(default=None, sa_column=when())
    answered_by: str | None = None
    sip_code: int | None = None
    duration_seconds: int | None = None
    outcome: str | None = None  # domain.outcomes.AttemptOutcome
    outcome_reason: str = ""
    conversation_outcome: str | None = None  # the bridge's word, written before it signals
    callback_at: datetime | None = Field(default=None, sa_column=when())
    refusal_rule: str | None = None  # domain.gate.Rule, or the carrier's error code
    bridge_id: str | None = None
    stream_claims: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    conversation_over: bool = False  # the bridge finished: the verb after <Connect> hangs up
    disclosure_heard: bool = False
    voicemail_played_at: datetime | None = Field(default=None, sa_column=when())
    listening_seconds: float = 0.0
    tokens: int = 0
    characters_spoken: int = 0
    summary: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    unapproved_promises: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=json_column("[]")
    )  # quote, why, found_by
    agent_heard_at: datetime | None = Field(default=None, sa_column=when())  # the callee heard our first sound
    tally: str | None = None  # domain.tally.Tally: how it counts for the breakers; null: it does not


class AnswerHour(SQLModel, table=True):
    """Calls of a campaign that rang in an hour of the callees' week, and those that a person answered."""

    __tablename__ = "answer_hour"
    campaign_id: str = Field(
        sa_column=Column(ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    weekday: int = Field(primary_key=True)  # 0 is Monday
    hour: int = Field(primary_key=True)
    rung: int
    answered: int


class GateRefusal(SQLModel, table=True):
    """Every "no" of the gate, so that a person can see why a lead was not called."""

    __tablename__ = "gate_refusal"
    id: int | None = Field(default=None, primary_key=True)
    lead_id: str = Field(sa_column=key("lead.id"))
    attempt_id: str | None = None
    stage: str  # admission, before_post, answer
    rule: str
    reason: str
    jurisdiction: str = Field(default="", sa_column=text_column())  # these three: of the law's rule, else empty
    grade: str = Field(default="", sa_column=text_column())
    source: str = Field(default="", sa_column=text_column())
    rules_version: str = Field(default="", sa_column=text_column())
    next_at: datetime | None = Field(default=None, sa_column=when())
    at: datetime = Field(default=None, sa_column=when(default_now=True))


class Suppression(SQLModel, table=True):
    """A number that is never called again, by any campaign. Outlives the lead."""

    __tablename__ = "suppression"
    phone: str = Field(primary_key=True)
    reason: str
    source: str  # domain.suppression.SuppressionSource
    attempt_id: str | None = None
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))
    who: str = Field(default="", sa_column=text_column())  # key:ak_..., callee, operator


class RenderedAudio(SQLModel, table=True):
    """Speech rendered before it is needed: greeting, voicemail, approved answers. mu-law, 8 kHz, no header."""

    __tablename__ = "rendered_audio"
    key: str = Field(primary_key=True)  # SHA-256 of voice, model and text
    voice_id: str
    text: str
    audio: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    characters: str = ""  # as they were spoken; empty: their times are not known
    ends_ms: list[int] = Field(default_factory=list, sa_column=json_column("[]"))  # when each is over
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))
