"""Pins down: the migrations make exactly the tables that the code declares, also when many start at once."""

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

import cadenza.records.compliance_tables
import cadenza.records.operation_tables
import cadenza.records.rule_tables
import cadenza.records.tables  # noqa: F401
from cadenza.records.database import sqlalchemy_url
from cadenza.records.migrate import migrate


def test_the_migrations_lead_to_the_declared_tables(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [database_url] * 4))
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()
    assert differences == []


def test_code_that_was_rolled_back_leaves_the_tables_of_newer_code_alone(database_url: str) -> None:
    migrate(database_url)
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = 'of_a_later_release'"))
    migrate(database_url)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "of_a_later_release"
    engine.dispose()
