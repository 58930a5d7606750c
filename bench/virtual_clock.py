"""A database whose clock stands where it is set. The code under test asks `now()` and `clock_timestamp()` as ever.

PostgreSQL looks for a function along the search path; here `public` comes before `pg_catalog`, and has both functions.
Defaults of columns are bound when the tables are made: install the clock before migrating.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.records.database import Database

_SETTING = "simulation.now"


def install_clock(database_url: str, at: datetime) -> None:
    """In an empty database. `at` is what it shows to transactions that do not set it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name in ("now", "clock_timestamp"):
            connection.execute(
                f"create function public.{name}() returns timestamptz language sql stable parallel safe "
                f"as $$ select current_setting('{_SETTING}')::timestamptz $$"
            )
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set search_path = public, pg_catalog").format(database))
        connection.execute(
            sql.SQL("alter database {} set simulation.now = {}").format(database, sql.Literal(at.isoformat()))
        )


class VirtualDatabase:
    """Transactions at a set instant."""

    def __init__(self, database_url: str) -> None:
        self._database = Database(database_url)

    @asynccontextmanager
    async def at(self, now: datetime) -> AsyncIterator[AsyncSession]:
        async with self._database.transaction() as session:
            await session.execute(
                text("select set_config(:name, :now, true)"), {"name": _SETTING, "now": now.isoformat()}
            )
            yield session

    async def close(self) -> None:
        await self._database.close()
