"""Whether the recogniser takes new sessions, as this bridge process sees it.

A refusal is published with the bridge's row, so that nobody is called whom we could not hear. Trying again goes on by
itself, without a caller: the first one to be heard again is a session of our own.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from voice_bridge.tasks import end_task

log = structlog.get_logger(__name__)

FIRST_TRY_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 15.0


class SessionHealth:
    """`try_session` opens a session and closes it again: True if the service took it."""

    def __init__(self, try_session: Callable[[], Awaitable[bool]]) -> None:
        self._try_session = try_session
        self._refusal: str | None = None
        self._trying: asyncio.Task[None] | None = None

    @property
    def refusal(self) -> str | None:
        """Why sessions are refused now; None: they are taken."""
        return self._refusal

    def taken(self) -> None:
        """The service took a session."""
        if self._refusal is not None:
            log.info("recogniser_takes_sessions_again")
        self._refusal = None

    def refused(self, reason: str) -> None:
        """It did not. Holds until it takes one: a call's, or one of ours."""
        if self._refusal is None:
            log.warning("recogniser_refuses", reason=reason)
        self._refusal = reason
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._try_again())

    async def close(self) -> None:
        await end_task(self._trying)

    async def _try_again(self) -> None:
        wait = FIRST_TRY_SECONDS
        while self._refusal is not None:
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
            if self._refusal is not None and await self._try_session():
                self.taken()
