"""A migrated database for each module, emptied for each test: migrating takes longer than most tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlmodel import SQLModel

from cadenza.records.database import Database
from cadenza.records.migrate import migrate
from tests.activities.house import House


@pytest.fixture(scope="module")
def migrated_url(module_database_url: str) -> str:
    migrate(module_database_url)
    return module_database_url


@pytest_asyncio.fixture
async def house(migrated_url: str) -> AsyncIterator[House]:
    database = Database(migrated_url, pool_size=20)
    tables = ", ".join(f'"{table}"' for table in SQLModel.metadata.tables)
    async with database.transaction() as session:
        await session.execute(text(f"truncate {tables} cascade"))
    yield House(database)
    await database.close()
