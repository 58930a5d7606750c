"""Kinds of columns that the tables share."""

from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, String, func, text
from sqlalchemy.dialects.postgresql import JSONB


def when(*, default_now: bool = False, index: bool = False) -> Any:
    server_default = func.now() if default_now else None
    return Column(DateTime(timezone=True), nullable=not default_now, server_default=server_default, index=index)


def json_column(default: str) -> Any:
    return Column(JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))


def text_column() -> Any:
    """For a column that came later: rows that were there, and statements that do not name it, get an empty text."""
    return Column(String, nullable=False, server_default="")


def key(target: str, *, nullable: bool = False, index: bool = True, cascade: bool = True) -> Any:
    return Column(ForeignKey(target, ondelete="CASCADE" if cascade else None), nullable=nullable, index=index)


def outliving_key(target: str) -> Any:
    """The row stays when what it names is deleted."""
    return Column(ForeignKey(target, ondelete="SET NULL"), nullable=True, index=True)
