"""The carrier's questions outlive a restart of the database: a webhook that fails may cost a call."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

_log = structlog.get_logger("api.webhooks")

PATIENCE_SECONDS = 9.0
"""Twilio waits 15 s for an answer."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0

DATABASE_AWAY = (OperationalError, InterfaceError, TimeoutError)


class PatientRoute(APIRoute):
    """Runs its handler again while the database is away. Handlers must be safe to repeat, and these are: an event is
    stored once, whatever is repeated."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def patiently(request: Request) -> Response:
            give_up_at, pause = time.monotonic() + PATIENCE_SECONDS, FIRST_PAUSE_SECONDS
            while True:
                try:
                    return await handle(request)
                except DATABASE_AWAY as error:
                    if time.monotonic() + pause > give_up_at:
                        raise
                    _log.warning("database is away; webhook waits", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

        return patiently
