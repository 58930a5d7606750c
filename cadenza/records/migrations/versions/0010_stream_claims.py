"""How many media streams took a call up: its last word is the latest one's"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("stream_claims", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("attempt", "stream_claims")
