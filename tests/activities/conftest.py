"""A house with an empty database for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from cadenza.records.database import Database
from tests.activities.house import House


@pytest_asyncio.fixture
async def house(tables_url: str) -> AsyncIterator[House]:
    database = Database(tables_url, pool_size=20)
    yield House(database)
    await database.close()
