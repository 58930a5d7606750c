"""Calling rules: refusals with the law's rule, leads held for a person, a row's own zone, the index of turns"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CALLABLE_NOW = sa.text("state in ('new', 'due')")
_EVIDENCE = ("jurisdiction", "grade", "source", "rules_version")


def upgrade() -> None:
    for column in _EVIDENCE:
        op.add_column("gate_refusal", sa.Column(column, sa.String(), server_default="", nullable=False))
    op.add_column("lead", sa.Column("held_rule", sa.String(), nullable=True))
    op.add_column("lead", sa.Column("said_zone", sa.String(), server_default="", nullable=False))
    # Until now a row's own zone stood alone in `zones`; one that the number says as well changes nothing.
    op.execute(
        "update lead set said_zone = zones ->> 0 "
        "where jsonb_array_length(zones) = 1 and coalesce(address ->> 'postal_code', '') = ''"
    )
    op.create_index("lead_held", "lead", ["held_rule"], postgresql_where=sa.text("held_rule is not null"))
    op.create_index("lead_turn", "lead", ["campaign_id", "is_callback", "due_at", "id"], postgresql_where=_CALLABLE_NOW)
    op.drop_index("lead_due", "lead")


def downgrade() -> None:
    op.create_index("lead_due", "lead", ["campaign_id", "due_at"], postgresql_where=_CALLABLE_NOW)
    op.drop_index("lead_turn", "lead")
    op.drop_index("lead_held", "lead")
    op.drop_column("lead", "said_zone")
    op.drop_column("lead", "held_rule")
    for column in _EVIDENCE:
        op.drop_column("gate_refusal", column)
