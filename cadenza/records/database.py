"""Connections. One engine a process; a session is one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

Row = TypeVar("Row", bound=SQLModel)


def sqlalchemy_url(url: str) -> str:
    """`postgresql://...` as SQLAlchemy wants it, with the psycopg driver."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise ValueError("DATABASE_URL must start with postgresql://; PostgreSQL is the only database")
    return f"postgresql+psycopg://{rest}"


async def lock_row(session: AsyncSession, table: type[Row], row_id: str) -> Row | None:
    """The row as it is once nobody else writes it, locked for this transaction.

    Also where the session read it before: by itself SQLAlchemy would keep what it read then, and a decision would
    follow from what another transaction has changed since.
    """
    return await session.get(table, row_id, with_for_update=True, populate_existing=True)


async def lock_one(session: AsyncSession, table: type[Row], row_id: str) -> Row:
    """As `lock_row`, of a row that must be there. Raises sqlalchemy.exc.NoResultFound."""
    return await session.get_one(table, row_id, with_for_update=True, populate_existing=True)


class Database:
    """The process's pool. `async with database.transaction() as session:` commits at the end, or rolls back.

    Beyond `pool_size` connections, `overflow` more are opened for a transaction each (as many as the pool, unless
    told). Opening one costs milliseconds of processor: who has many short transactions waits for a kept one, with 0.
    """

    def __init__(self, url: str, pool_size: int = 8, *, overflow: int | None = None) -> None:
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size if overflow is None else overflow,
            pool_pre_ping=True,  # a restarted server costs one reconnect, not an error
            pool_timeout=10,
            hide_parameters=True,  # an error's words are logged and kept in histories; its row is not for them
            connect_args={"connect_timeout": 5},
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def statement_by_statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is a transaction of its own, without the way there and back that its
        beginning and its end would take."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        await self.engine.dispose()
