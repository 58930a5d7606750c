"""What happens in a call and around it: webhooks, the journal, transfers, recordings."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from cadenza.records.columns import json_column, key, when


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
