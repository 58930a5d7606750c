"""Run the migrations that a database lacks. Safe with several processes at once."""

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from cadenza.records.database import sqlalchemy_url

_log = structlog.get_logger("cadenza.records.upgrade")

_LOCK = 7_405_118_301  # advisory lock: one process migrates, the others wait


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(database_url: str) -> None:
    """To head. A database that newer code has upgraded is left as it is: a release only adds to what the one
    before it uses (docs/deploy.md), so the older code can be rolled back to."""
    engine = create_engine(sqlalchemy_url(database_url), connect_args={"connect_timeout": 10})
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                config = alembic_config(connection)
                if (newer := _unknown_revision(config, connection)) is None:
                    command.upgrade(config, "head")
                else:
                    _log.warning("the tables are of newer code: left as they are", revision=newer)
                connection.commit()
            finally:
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    finally:
        engine.dispose()


def _unknown_revision(config: Config, connection: Connection) -> str | None:
    """The database's revision, if this code's migrations do not have it."""
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = MigrationContext.configure(connection).get_current_revision()
    return found if found not in {None, *known} else None
