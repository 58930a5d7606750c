"""Tables that outlive leads and campaigns: suppressions' history, do-not-call registers, reassigned and wrong numbers,
kept evidence, and the audit log. None has a foreign key to a lead or a campaign.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def _at(*, default_now: bool = False) -> Any:
    server_default = func.clock_timestamp() if default_now else None
    return Column(DateTime(timezone=True), nullable=False, server_default=server_default)


class SuppressionEvent(SQLModel, table=True):
    """Everybody who ever asked that a number be suppressed, or lifted its suppression. `suppression` is what holds."""

    __tablename__ = "suppression_event"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    phone: str = Field(index=True)
    action: str  # domain.suppression.SuppressionAction
    source: str  # domain.suppression.SuppressionSource
    reason: str
    who: str
    reference: str = ""  # the attempt, the carrier's message or the list that it came from
    at: datetime = Field(default=None, sa_column=_at(default_now=True))


class RegisterCopy(SQLModel, table=True):
    """A copy of a do-not-call register. The newest copy of each is the current one; only its numbers are kept."""

    __tablename__ = "register_copy"
    __table_args__ = (
        Index("register_current", "jurisdiction", "name", unique=True, postgresql_where=text("is_current")),
    )
    id: str = Field(primary_key=True)
    key: int | None = Field(
        default=None, sa_column=Column(Integer, Identity(), nullable=False, unique=True)
    )  # short, for millions of rows
    jurisdiction: str  # US, US-FL, AU
    name: str
    is_internal: bool  # the operator's own list: does not count as the register that the law asks for
    copied_at: datetime = Field(sa_column=_at())  # when its keeper gave it out
    entries: int = 0
    is_current: bool = False
    loaded_by: str
    loaded_at: datetime = Field(default=None, sa_column=_at(default_now=True))


class RegisterNumber(SQLModel, table=True):
    """A number on a copy, as the integer of its E.164 digits. There may be millions: rows are short, without a foreign
    key, whose check would cost more than all the rest."""

    __tablename__ = "register_number"
    copy_key: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False, nullable=False))
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False, nullable=False))


class ReassignedAnswer(SQLModel, table=True):
    """What the reassigned numbers database said: was the number given up after the date that was asked about?"""

    __tablename__ = "reassigned_answer"
    phone: str = Field(primary_key=True)
    asked_about: date = Field(primary_key=True)  # when the number was last known to be the person's
    checked_on: date = Field(primary_key=True)  # when the database was asked
    answer: str  # domain.suppression.ReassignedWord


class WrongNumber(SQLModel, table=True):
    """A person who was found not to be at a number. Others at the number may be called."""

    __tablename__ = "wrong_number"
    phone: str = Field(primary_key=True)
    person: str = Field(primary_key=True)  # SHA-256 of what tells people at one number apart; never a name
    lead_id: str
    attempt_id: str | None = None
    at: datetime = Field(default=None, sa_column=_at(default_now=True))


class KeptEvidence(SQLModel, table=True):
    """What was played in a call whose transcript was erased: without the words that name a person."""

    __tablename__ = "kept_evidence"
    attempt_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    lines: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    text: str
    interrupted: bool
    started_at: datetime = Field(sa_column=_at())


class AuditEntry(SQLModel, table=True):
    """A decision, or a change by a person or a key. Append-only: a trigger refuses everything but inserts."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("audit_entry_at", "at"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    at: datetime = Field(default=None, sa_column=_at(default_now=True))
    kind: str = Field(index=True)
    who: str
    why: str = ""
    campaign_id: str | None = None
    lead_id: str | None = Field(default=None, index=True)
    attempt_id: str | None = None
    number_hash: str | None = Field(default=None, index=True)  # records.number_hash: keyed, never the number
    details: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'{}'::jsonb")))


class AuditSeal(SQLModel, table=True):
    """An entry's place in the chain: positions without a gap, each hash over the entry and the hash before it."""

    __tablename__ = "audit_seal"
    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False, nullable=False))
    entry_id: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    hash: str
