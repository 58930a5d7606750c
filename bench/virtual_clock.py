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
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.records.database import sqlalchemy_url

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
    """Transactions at a set instant, one after the other, on one connection that remembers the instant."""

    def __init__(self, database_url: str) -> None:
        self._engine = create_async_engine(sqlalchemy_url(database_url), pool_size=1, max_overflow=0)
        self._connection: AsyncConnection | None = None
        self._now: datetime | None = None

    @asynccontextmanager
    async def at(self, now: datetime) -> AsyncIterator[AsyncSession]:
        if self._connection is None:
            self._connection = await self._engine.connect()
        async with AsyncSession(self._connection, expire_on_commit=False) as session, session.begin():
            if now != self._now:
                await session.execute(_SET_CLOCK, {"now": now.isoformat()})
                self._now = now
            yield session

    async def analyze(self, *tables: str) -> None:
        """As autovacuum would by the clock of the wall, on which a day is a minute: plans follow the tables' growth."""
        async with AsyncSession(self._connection) as session, session.begin():
            await session.execute(text(f"analyze {', '.join(tables)}"))

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await self._engine.dispose()


_SET_CLOCK = text(f"select set_config('{_SETTING}', :now, false)")
