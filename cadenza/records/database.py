"""Connections. One engine a process; a session is one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession


def sqlalchemy_url(url: str) -> str:
    """`postgresql://...` as SQLAlchemy wants it, with the psycopg driver."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise ValueError("DATABASE_URL must start with postgresql://; PostgreSQL is the only database")
    return f"postgresql+psycopg://{rest}"


class Database:
    """The process's pool. `async with database.transaction() as session:` commits at the end, or rolls back."""

    def __init__(self, url: str, pool_size: int = 8) -> None:
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,  # a restarted server costs one reconnect, not an error
            pool_timeout=10,
            hide_parameters=True,  # an error's words are logged and kept in histories; its row is not for them
            connect_args={"connect_timeout": 5},
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def close(self) -> None:
        await self.engine.dispose()
