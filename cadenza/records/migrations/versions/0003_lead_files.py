"""Lead files: uploads with progress and what their columns were taken for; several numbers, address, consent"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("upload", sa.Column("state", sa.String(), server_default="done", nullable=False))
    op.add_column("upload", sa.Column("dry_run", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("upload", sa.Column("kind", sa.String(), server_default="", nullable=False))
    op.add_column("upload", sa.Column("encoding", sa.String(), server_default="", nullable=False))
    op.add_column("upload", sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("upload", sa.Column("bytes_read", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("upload", sa.Column("columns", _JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False))
    op.add_column("upload", sa.Column("mapping", _JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False))
    op.add_column("upload", sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("update upload set finished_at = created_at")
    op.create_index(
        "upload_taken_once",
        "upload",
        ["campaign_id", "sha256"],
        unique=True,
        postgresql_where=sa.text("state = 'done' and not dry_run"),
    )
    op.add_column("row_error", sa.Column("cells", _JSONB, nullable=True))
    op.add_column("lead", sa.Column("phone_kind", sa.String(), server_default="phone", nullable=False))
    op.add_column("lead", sa.Column("extension", sa.String(), server_default="", nullable=False))
    op.add_column("lead", sa.Column("address", _JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False))
    op.add_column("lead", sa.Column("language", sa.String(), server_default="", nullable=False))
    op.create_table(
        "other_phone",
        sa.Column("lead_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("extension", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("zones", _JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lead_id", "position"),
    )
    op.create_index(op.f("ix_other_phone_phone"), "other_phone", ["phone"], unique=False)
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("proof", sa.String(), nullable=False),
        sa.Column("lead_id", sa.String(), nullable=True),
        sa.Column("upload_id", sa.String(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("phone", "lead_id", "upload_id"):
        op.create_index(op.f(f"ix_consent_{column}"), "consent", [column], unique=False)


def downgrade() -> None:
    op.drop_table("consent")
    op.drop_table("other_phone")
    for column in ("language", "address", "extension", "phone_kind"):
        op.drop_column("lead", column)
    op.drop_column("row_error", "cells")
    op.drop_index("upload_taken_once", "upload")
    for column in (
        "finished_at", "mapping", "columns", "bytes_read", "size_bytes", "encoding", "kind", "dry_run", "state",
    ):  # fmt: skip
        op.drop_column("upload", column)
