"""The tables. Data only: queries live in the modules beside this one, rules in `cadenza.domain`.

Times are UTC and come from the database's clock where they order or fence anything.
"""

from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import INT8RANGE, JSONB, ExcludeConstraint, Range
from sqlmodel import Field, SQLModel

from cadenza.domain.lead_columns import PhoneKind
from cadenza.domain.outcomes import BookingState, CampaignState, LeadState, UploadState
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


class Rep(SQLModel, table=True):
    """A person whose calendar is booked."""

    __tablename__ = "rep"
    id: str = Field(primary_key=True)
    campaign_id: str = Field(sa_column=key("campaign.id"))
    name: str
    email: str
    provider: str  # domain.outcomes.CalendarProvider
    calendar_ref: str  # Calendly: the event type's URI; Teams: the user's id or principal name
    time_zone: str
    weight: float = 1.0
    active: bool = True


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


class Transfer(SQLModel, table=True):
    """A callee who was to be connected to a person of ours. Written before anything is said or dialled."""

    __tablename__ = "transfer"
    attempt_id: str = Field(
        sa_column=Column(ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    position: int = Field(primary_key=True)  # of the tool call in the journal
    target_id: str
    phone: str  # the target's, as the campaign had it
    state: str  # domain.transfers.TransferState
    asked_at: datetime = Field(default=None, sa_column=when(default_now=True))
    visit: str = ""  # the carrier's request that was given the number
    dialled_at: datetime | None = Field(default=None, sa_column=when())
    answered_at: datetime | None = Field(default=None, sa_column=when())
    ended_at: datetime | None = Field(default=None, sa_column=when())
    dial_call_sid: str | None = None
    talked_seconds: int | None = None


class CallEvent(SQLModel, table=True):
    """A webhook as it came in: stored before it is acted on, then delivered until the workflow has it."""

    __tablename__ = "call_event"
    __table_args__ = (Index("call_event_undelivered", "received_at", postgresql_where=text("delivered_at is null")),)
    id: int | None = Field(default=None, primary_key=True)
    attempt_id: str = Field(index=True)  # no foreign key: an event may name an attempt we do not know
    kind: str  # status, machine, recording, stream, voicemail_played
    fingerprint: str = Field(unique=True)  # duplicates are stored once
    call_sid: str = ""
    payload: dict[str, Any] = Field(default_factory=dict, sa_column=json_column("{}"))
    received_at: datetime = Field(default=None, sa_column=when(default_now=True))
    delivered_at: datetime | None = Field(default=None, sa_column=when())


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


class CallNote(SQLModel, table=True):
    """A fact that came in from our own side while the call went on."""

    __tablename__ = "call_note"
    id: int | None = Field(default=None, primary_key=True)
    attempt_id: str = Field(sa_column=key("attempt.id"))
    text: str
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))


class Turn(SQLModel, table=True):
    """The journal of a conversation: a row for each thing said, heard or done, as it happens."""

    __tablename__ = "turn"
    __table_args__ = (UniqueConstraint("attempt_id", "position", name="turn_attempt_position"),)
    id: int | None = Field(default=None, primary_key=True)
    attempt_id: str = Field(sa_column=key("attempt.id", index=False))
    position: int
    speaker: str  # domain.outcomes.Speaker
    text: str  # what was heard: for the agent, the words that were really played
    generated: str = ""  # for the agent: what it meant to say
    interrupted: bool = False
    tool: str | None = None
    tool_call_id: str | None = None
    payload: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    started_at: datetime = Field(default=None, sa_column=when(default_now=True))
    latency: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))  # stages in ms


class SlotOfferRow(SQLModel, table=True):
    """A slot that was offered in a call; its token is the only way to book it."""

    __tablename__ = "slot_offer"
    token: str = Field(primary_key=True)
    lead_id: str = Field(sa_column=key("lead.id"))
    attempt_id: str
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    rep_ids: list[str] = Field(default_factory=list, sa_column=json_column("[]"))
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))


class Booking(SQLModel, table=True):
    """An appointment. No calendar holds two that overlap."""

    __tablename__ = "booking"
    __table_args__ = (
        ExcludeConstraint(
            ("span", "&&"), using="gist", where=text("state in ('held', 'confirmed')"), name="booking_overlap"
        ),
    )
    model_config = ConfigDict(arbitrary_types_allowed=True)  # type: ignore[assignment]
    id: str = Field(primary_key=True)
    campaign_id: str = Field(sa_column=key("campaign.id"))
    lead_id: str = Field(sa_column=key("lead.id"))
    attempt_id: str
    rep_id: str = Field(sa_column=key("rep.id"))
    calendar_ref: str  # the rep's calendar: one person may be a rep of several campaigns
    provider: str
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # The rep's calendar and the minutes taken as one integer range (`records.booking_span`): lets core PostgreSQL,
    # without the btree_gist extension, refuse two appointments that overlap in one calendar.
    span: Range[int] = Field(sa_column=Column(INT8RANGE, nullable=False))
    state: str = BookingState.HELD.value
    hold_until: datetime | None = Field(default=None, sa_column=when())
    external_id: str | None = None
    join_url: str | None = None
    cancel_url: str | None = None
    failure: str = ""
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))
    confirmed_at: datetime | None = Field(default=None, sa_column=when())


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


class Recording(SQLModel, table=True):
    __tablename__ = "recording"
    sid: str = Field(primary_key=True)
    attempt_id: str = Field(sa_column=key("attempt.id"))
    source_url: str
    duration_seconds: int = 0
    channels: int = 2
    path: str | None = None  # below the data folder; null until fetched
    size_bytes: int | None = None
    fetched_at: datetime | None = Field(default=None, sa_column=when())
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))
    erase_asked_at: datetime | None = Field(default=None, sa_column=when())  # by a person: goes whatever its age
