"""Questions to a system that is being broken: asked again while whoever should answer is down."""

import asyncio
import time
from typing import Any

import psycopg

from cadenza.operations.api_client import ApiClient, ApiProblem, ApiUnreachable, api_key
from cadenza.operations.chaos.under_test import DidNotStart, UnderTest
from cadenza.settings import Settings

_ASK_AGAIN_SECONDS = 0.5
_DATABASE_PATIENCE = 60.0
_MOMENT_SECONDS = 0.01
AWAY = (psycopg.Error, OSError, ValueError)
"""What asking a database that is down, or that moves to another port, may raise."""


class PatientApi:
    """The API as a stranger uses it, again and again until it answers or `until` (monotonic seconds) has passed."""

    def __init__(self, settings: Settings, until: float) -> None:
        """Raises DidNotStart where there is no first key."""
        key = api_key(settings)
        if key is None:
            raise DidNotStart("the API made no first key")
        self._client = ApiClient(settings.cadenza_api_url, key, timeout_seconds=10.0)
        self._until = until

    async def get(self, path: str) -> Any:
        return await self._ask(lambda: self._client.get(path))

    async def post(self, path: str, body: Any = None) -> Any:
        return await self._ask(lambda: self._client.post(path, body))

    async def upload(self, path: str, file: Any) -> Any:
        return await self._ask(lambda: self._client.upload(path, file))

    async def _ask(self, request: Any) -> Any:
        """Raises ApiProblem for a refusal, DidNotStart when patience is over."""
        while True:
            try:
                return await asyncio.to_thread(request)
            except ApiUnreachable:
                pass
            except ApiProblem as problem:
                if problem.status < 500:
                    raise
            if time.monotonic() > self._until:
                raise DidNotStart("the API did not come back")
            await asyncio.sleep(_ASK_AGAIN_SECONDS)


class PatientDatabase:
    """The records, read past the system under test."""

    def __init__(self, under_test: UnderTest) -> None:
        self._under_test = under_test

    async def ask(self, question: str) -> Any:
        """The first value of the answer, None if it has no row. Raises DidNotStart when patience is over."""
        until = time.monotonic() + _DATABASE_PATIENCE
        while True:
            try:
                return await self.ask_once(question)
            except AWAY as error:
                if time.monotonic() > until:
                    raise DidNotStart("the database did not come back") from error
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def ask_once(self, question: str) -> Any:
        """Raises one of AWAY while the database is down."""
        rows = await self.rows(question)
        return rows[0][0] if rows else None

    async def wait_for(self, question: str, seconds: float) -> bool:
        """Until the answer has a row, asked in quick succession; False if it has none for so long."""
        try:
            return await asyncio.to_thread(_wait_for, self._under_test.database_url, question, seconds)
        except AWAY:
            return False

    async def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Raises one of AWAY while the database is down."""
        return await asyncio.to_thread(_rows, self._under_test.database_url, question)


def _rows(database_url: str, question: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url, connect_timeout=3) as connection:
        return connection.execute(question).fetchall()


def _wait_for(database_url: str, question: str, seconds: float) -> bool:
    until = time.monotonic() + seconds
    with psycopg.connect(database_url, connect_timeout=3, autocommit=True) as connection:
        while time.monotonic() < until:
            if connection.execute(question).fetchone() is not None:
                return True
            time.sleep(_MOMENT_SECONDS)
    return False
