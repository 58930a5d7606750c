"""Suppressions with history, do-not-call registers, reassigned and wrong numbers, kept evidence, the audit log"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_JSONB = postgresql.JSONB(astext_type=sa.Text())


def _at(name: str, *, default_now: bool = False) -> sa.Column[datetime]:
    default = sa.text("clock_timestamp()") if default_now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=False)


def upgrade() -> None:
    op.add_column("suppression", sa.Column("who", sa.String(), server_default="", nullable=False))
    op.add_column("recording", sa.Column("erase_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "suppression_event",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        _at("at", default_now=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_suppression_event_phone"), "suppression_event", ["phone"], unique=False)
    op.execute(
        "insert into suppression_event (phone, action, source, reason, who, reference, at) "
        "select phone, 'suppressed', source, reason, '', coalesce(attempt_id, ''), created_at from suppression"
    )
    op.create_table(
        "register_copy",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("jurisdiction", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        _at("copied_at"),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("loaded_by", sa.String(), nullable=False),
        _at("loaded_at", default_now=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(
        "register_current",
        "register_copy",
        ["jurisdiction", "name"],
        unique=True,
        postgresql_where=sa.text("is_current"),
    )
    op.create_table(
        "register_number",
        sa.Column("copy_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("copy_key", "number"),
    )
    op.create_table(
        "reassigned_answer",
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("asked_about", sa.Date(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("phone", "asked_about", "checked_on"),
    )
    op.create_table(
        "wrong_number",
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.String(), nullable=True),
        _at("at", default_now=True),
        sa.PrimaryKeyConstraint("phone", "person"),
    )
    op.create_table(
        "kept_evidence",
        sa.Column("attempt_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("lines", _JSONB, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        _at("started_at"),
        sa.PrimaryKeyConstraint("attempt_id", "position"),
    )
    _create_audit_log()


def _create_audit_log() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        _at("at", default_now=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=True),
        sa.Column("lead_id", sa.String(), nullable=True),
        sa.Column("attempt_id", sa.String(), nullable=True),
        sa.Column("number_hash", sa.String(), nullable=True),
        sa.Column("details", _JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_entry_at", "audit_entry", ["at"], unique=False)
    for column in ("kind", "lead_id", "number_hash"):
        op.create_index(op.f(f"ix_audit_entry_{column}"), "audit_entry", [column], unique=False)
    op.create_table(
        "audit_seal",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("entry_id"),
    )
    op.execute(
        """
        create function refuse_audit_change() returns trigger language plpgsql as $$
        begin
            raise exception 'the audit log is append-only' using errcode = 'restrict_violation';
        end $$
        """
    )
    for table in ("audit_entry", "audit_seal"):
        op.execute(
            f"create trigger {table}_append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_audit_change()"
        )
    # An attempt's steps are told by the table itself, so that none is forgotten, whoever writes it.
    op.execute(
        """
        create function audit_attempt() returns trigger language plpgsql as $$
        begin
            insert into audit_entry (kind, who, why, campaign_id, lead_id, attempt_id, details)
            values ('attempt.' || case when tg_op = 'UPDATE' and new.outcome is distinct from old.outcome
                                       then 'ended' else new.state end,
                    'engine', '', new.campaign_id, new.lead_id, new.id,
                    jsonb_strip_nulls(jsonb_build_object('number', new.number, 'outcome', new.outcome,
                        'rule', new.refusal_rule, 'call_sid', new.call_sid)));
            return null;
        end $$
        """
    )
    op.execute(
        "create trigger attempt_reserved_audit after insert on attempt for each row execute function audit_attempt()"
    )
    op.execute(
        """
        create trigger attempt_changed_audit after update of state, outcome on attempt for each row
        when (old.outcome is distinct from new.outcome or (old.state is distinct from new.state
              and new.state in ('submitting', 'doubtful', 'placed', 'refused')))
        execute function audit_attempt()
        """
    )


def downgrade() -> None:
    op.execute("drop trigger attempt_changed_audit on attempt")
    op.execute("drop trigger attempt_reserved_audit on attempt")
    op.execute("drop function audit_attempt")
    for table in (
        "audit_seal", "audit_entry", "kept_evidence", "wrong_number", "reassigned_answer", "register_number",
        "register_copy", "suppression_event",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute("drop function refuse_audit_change")
    op.drop_column("recording", "erase_asked_at")
    op.drop_column("suppression", "who")
