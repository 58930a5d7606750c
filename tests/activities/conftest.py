"""A house with an empty database for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.activities.house import House
from tests.support.databases import kept_database


@pytest_asyncio.fixture
async def house(tables_url: str) -> AsyncIterator[House]:
    database = kept_database(tables_url, pool_size=20)
    yield House(database)
    await database.close()
