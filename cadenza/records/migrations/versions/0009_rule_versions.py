"""The operator's changes to the calling rules, and the rule books that were in force"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_JSONB = postgresql.JSONB(astext_type=sa.Text())
_NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "rule_overlay",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("overlay", _JSONB, nullable=True),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rule_version",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("in_force_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("overlay_id", sa.BigInteger(), nullable=True),
        sa.Column("zone_data", sa.String(), nullable=False),
        sa.Column("changes", _JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("weakened", _JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("rules", _JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_rule_version_version"), "rule_version", ["version"], unique=False)
    op.execute(
        """
        create function refuse_rule_change() returns trigger language plpgsql as $$
        begin
            raise exception 'what rules were in force is append-only' using errcode = 'restrict_violation';
        end $$
        """
    )
    for table in ("rule_overlay", "rule_version"):
        op.execute(
            f"create trigger {table}_append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_rule_change()"
        )


def downgrade() -> None:
    op.drop_table("rule_version")
    op.drop_table("rule_overlay")
    op.execute("drop function refuse_rule_change")
