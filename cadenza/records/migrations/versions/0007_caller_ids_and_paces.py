"""Caller-ID pools, what is left of campaigns' own calls per second, and when people answer"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("caller_id", sa.String(), server_default="", nullable=False))
    op.add_column(
        "account",
        sa.Column(
            "paces",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
    )
    op.create_table(
        "caller_id",
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("daily_cap", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rest_rule", sa.String(), nullable=True),
        sa.Column("rest_reason", sa.String(), nullable=False),
        sa.Column("counts_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("phone"),
    )
    op.create_index(op.f("ix_caller_id_account_id"), "caller_id", ["account_id"], unique=False)
    op.create_index(op.f("ix_caller_id_campaign_id"), "caller_id", ["campaign_id"], unique=False)
    op.create_table(
        "answer_hour",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("weekday", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("campaign_id", "weekday", "hour"),
    )
    op.create_index("attempt_caller", "attempt", ["from_number", "reserved_at"], unique=False)


def downgrade() -> None:
    op.drop_index("attempt_caller", table_name="attempt")
    op.drop_table("answer_hour")
    op.drop_table("caller_id")
    op.drop_column("account", "paces")
    op.drop_column("account", "caller_id")
