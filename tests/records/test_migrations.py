"""Pins down: the migrations make exactly the tables that the code declares, also when many start at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

import cadenza.records.compliance_tables
import cadenza.records.operation_tables
import cadenza.records.rule_tables
import cadenza.records.tables  # noqa: F401
from cadenza.records.database import sqlalchemy_url
from cadenza.records.migrate import NEWEST, migrate
from cadenza.records.upgrade import alembic_config


def test_the_migrations_lead_to_the_declared_tables(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [database_url] * 4))
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
        head = ScriptDirectory.from_config(alembic_config(connection)).get_current_head()
        assert head == MigrationContext.configure(connection).get_current_revision() == NEWEST
    engine.dispose()
    assert differences == []


def test_a_start_with_the_newest_tables_loads_nothing_that_makes_tables(database_url: str) -> None:
    migrate(database_url)
    start = (
        "import sys; from cadenza.records.migrate import migrate; migrate(sys.argv[1]); print('alembic' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", start, database_url], text=True).strip() == "False"


def test_code_that_was_rolled_back_leaves_the_tables_of_newer_code_alone(database_url: str) -> None:
    migrate(database_url)
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = 'of_a_later_release'"))
    migrate(database_url)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "of_a_later_release"
    engine.dispose()
