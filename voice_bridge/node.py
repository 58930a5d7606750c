"""Says in SQL that this bridge lives, how full it is, and whether it drains or cannot hear. Admission obeys it."""

import asyncio
import contextlib

import structlog
from sqlalchemy.exc import SQLAlchemyError

from cadenza.records import bridges
from voice_bridge.server import BridgeServer
from voice_bridge.services import Services
from voice_bridge.tasks import end_task

log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.5


class BridgeNode:
    """The heartbeat of one bridge process."""

    def __init__(self, services: Services, server: BridgeServer) -> None:
        self._services = services
        self._server = server
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The first beat, then one every `BEAT_SECONDS`."""
        await self.beat()
        self._task = asyncio.create_task(self._beat_forever())

    async def beat(self) -> None:
        """Say it now. A database that is away costs a beat, not the process."""
        settings = self._services.settings
        try:
            async with asyncio.timeout(5), self._services.database.transaction() as session:
                await bridges.beat(
                    session,
                    self._services.bridge_id,
                    public_url=settings.bridge_public_url,
                    max_calls=settings.bridge_max_calls,
                    calls=self._server.calls,
                    draining=self._server.draining,
                    listening_refusal=self._services.listen.refusal,
                )
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("beat_missed", error=type(error).__name__)

    async def stop(self) -> None:
        """Take the row away: nobody should wait for this bridge."""
        await end_task(self._task)
        with contextlib.suppress(SQLAlchemyError, OSError, TimeoutError):
            async with asyncio.timeout(5), self._services.database.transaction() as session:
                await bridges.remove(session, self._services.bridge_id)

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self.beat()
