"""Facts that come in while a call goes on; promises in a call that nobody approved; times in rendered speech"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_call_note_attempt_id"), "call_note", ["attempt_id"], unique=False)

    op.add_column(
        "attempt",
        sa.Column(
            "unapproved_promises",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.add_column("rendered_audio", sa.Column("characters", sa.String(), server_default="", nullable=False))
    op.add_column(
        "rendered_audio",
        sa.Column(
            "ends_ms",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )


def downgrade() -> None:
    for column in ("ends_ms", "characters"):
        op.drop_column("rendered_audio", column)
    op.drop_column("attempt", "unapproved_promises")
    op.drop_table("call_note")
