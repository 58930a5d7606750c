"""The operator's changes to the calling rules, and every rule book that was ever in force. Both are append-only."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from cadenza.records.columns import json_column


def _number() -> Any:
    return Column(BigInteger, primary_key=True, autoincrement=True)


def _at() -> Any:
    return Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


class RuleOverlayRow(SQLModel, table=True):
    """Changes made over the API: they lie over the file of CALLING_RULES. The newest row holds."""

    __tablename__ = "rule_overlay"
    id: int | None = Field(default=None, sa_column=_number())
    overlay: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True)
    )  # domain.rules.rule_book.RuleOverlay; null: withdrawn
    who: str
    why: str
    at: datetime = Field(default=None, sa_column=_at())


class RuleVersion(SQLModel, table=True):
    """A rule book that came into force: whole, for a later release may come with other standard rules. A book that
    comes back has a row again."""

    __tablename__ = "rule_version"
    id: int | None = Field(default=None, sa_column=_number())
    version: str = Field(index=True)
    in_force_at: datetime = Field(default=None, sa_column=_at())
    who: str
    why: str
    overlay_id: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    zone_data: str
    changes: list[str] = Field(sa_column=json_column("[]"))  # against the book before
    weakened: list[str] = Field(sa_column=json_column("[]"))  # rules of law that the book does not keep
    rules: dict[str, Any] = Field(sa_column=json_column("{}"))  # domain.rules.rule_book.RuleBook.content
