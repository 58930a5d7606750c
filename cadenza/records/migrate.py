"""Bring the database to the newest shape. Run at every start; safe with several processes at once.

`python -m cadenza.records.migrate` does so for the database of DATABASE_URL.
"""

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from cadenza.records.database import sqlalchemy_url

_LOCK = 7_405_118_301  # advisory lock: one process migrates, the others wait


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(database_url: str) -> None:
    """Upgrade to head."""
    engine = create_engine(sqlalchemy_url(database_url), connect_args={"connect_timeout": 10})
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                command.upgrade(alembic_config(connection), "head")
                connection.commit()
            finally:
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    finally:
        engine.dispose()


if __name__ == "__main__":
    migrate(os.environ["DATABASE_URL"])
