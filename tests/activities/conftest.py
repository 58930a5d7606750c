"""A house with an empty database for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from cadenza.records.database import Database
from tests.activities.house import House


@pytest_asyncio.fixture
async def house(tables_url: str) -> AsyncIterator[House]:
    database = Database(tables_url, pool_size=20)
async def house(migrated_url: str) -> AsyncIterator[House]:
    database = Database(migrated_url, pool_size=20)
    append_only = {"audit_entry", "audit_seal"}  # the database refuses to empty them
    tables = ", ".join(f'"{table}"' for table in SQLModel.metadata.tables if table not in append_only)
    async with database.transaction() as session:
        await session.execute(text(f"truncate {tables} cascade"))
    yield House(database)
    await database.close()
