"""Alembic's entry: run by `cadenza.records.migrate`, which hands over the connection."""

from alembic import context
from sqlmodel import SQLModel

import cadenza.records.booking_tables
import cadenza.records.call_tables
import cadenza.records.compliance_tables
import cadenza.records.operation_tables
import cadenza.records.rule_tables
import cadenza.records.tables  # noqa: F401  (they fill the metadata)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
