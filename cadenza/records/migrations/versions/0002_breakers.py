"""Circuit breakers, the recogniser's refusals, what the sweeper found"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("paused_rule", sa.String(), nullable=True))
    op.add_column(
        "account",
        sa.Column(
            "breakers", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
    )
    op.add_column("account", sa.Column("waiting_reason", sa.String(), server_default="", nullable=False))
    op.add_column("campaign", sa.Column("paused_rule", sa.String(), nullable=True))
    op.add_column("bridge_node", sa.Column("listening_refusal", sa.String(), nullable=True))
    op.add_column("attempt", sa.Column("agent_heard_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempt", sa.Column("tally", sa.String(), nullable=True))
    op.create_index(
        "attempt_tally",
        "attempt",
        ["campaign_id", "ended_at"],
        unique=False,
        postgresql_where=sa.text("tally is not null"),
    )
    op.create_index(
        "attempt_person",
        "attempt",
        ["campaign_id", "ended_at"],
        unique=False,
        postgresql_include=["tally", "outcome"],
        postgresql_where=sa.text("tally in ('person', 'abandoned')"),
    )
    op.create_index(
        "attempt_unrecorded",
        "attempt",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("outcome is null and state in ('ended', 'refused', 'lapsed')"),
    )
    op.create_index(
        "lead_asleep",
        "lead",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "breaker",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_probes", sa.Integer(), nullable=False),
        sa.Column("probe_attempt_id", sa.String(), nullable=True),
        sa.Column("reset_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_breaker_account_id"), "breaker", ["account_id"], unique=False)
    op.create_table(
        "breaker_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("breaker_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_breaker_event_breaker_id"), "breaker_event", ["breaker_id"], unique=False)
    op.create_table(
        "swept",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    for table in ("swept", "breaker_event", "breaker"):
        op.drop_table(table)
    op.drop_index("lead_asleep", table_name="lead")
    for index in ("attempt_unrecorded", "attempt_person", "attempt_tally"):
        op.drop_index(index, table_name="attempt")
    for table, column in (
        ("attempt", "tally"),
        ("attempt", "agent_heard_at"),
        ("bridge_node", "listening_refusal"),
        ("campaign", "paused_rule"),
        ("account", "waiting_reason"),
        ("account", "breakers"),
        ("account", "paused_rule"),
    ):
        op.drop_column(table, column)
