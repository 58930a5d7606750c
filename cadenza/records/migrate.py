"""Bring the database to the newest shape. Run at every start; safe with several processes at once.

`python -m cadenza.records.migrate` does so for the database of DATABASE_URL.
"""

import os
from pathlib import Path

import psycopg

NEWEST = max(file.name for file in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py")).split("_")[0]
"""The revision that all migrations lead to: their files are named in their order."""


def migrate(database_url: str) -> None:
    """Upgrade to NEWEST, where it is not there yet: most starts need none of what makes tables, and loading that takes
    longer than all else of `cadenza up`. Raises psycopg.Error, sqlalchemy.exc.SQLAlchemyError."""
    if not _is_newest(database_url):
        from cadenza.records.upgrade import upgrade

        upgrade(database_url)


def _is_newest(database_url: str) -> bool:
    """Whether all migrations are committed, which is at once."""
    with psycopg.connect(database_url, connect_timeout=10) as connection:
        try:
            return connection.execute("select version_num from alembic_version").fetchall() == [(NEWEST,)]
        except psycopg.errors.UndefinedTable:
            return False


if __name__ == "__main__":
    migrate(os.environ["DATABASE_URL"])
