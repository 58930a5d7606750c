"""The process: start, serve, stop."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from api.account_limits import account_breakers
from api.app import create_app, put_routes_together
from api.audit_sealer import keep_sealing
from api.context import ApiContext, account_id
from api.first_key import ensure_first_key
from cadenza.domain.rules.rule_book import RulesRefused
from cadenza.operations.listening import BACKLOG, inherited
from cadenza.operations.readiness import clear_ready, mark_ready
from cadenza.records.campaigns import keep_account
from cadenza.records.database import Database
from cadenza.records.migrate import migrate
from cadenza.records.number_hash import number_key_check
from cadenza.records.number_key import note_number_key
from cadenza.settings import Settings
from cadenza.temporal.connection import connect

_log = structlog.get_logger("api.server")
NAME = "api"
GRACE_SECONDS = 8
LATE_REQUEST_SECONDS = 1.0
"""How long after the last connection was accepted its request may come."""


async def serve(settings: Settings) -> None:
    """Migrate, make the account's row and the first key, then serve until SIGTERM or SIGINT. The settings are those of
    `process_settings`: with a database, and rules that can be used."""
    assert settings.database_url is not None
    database_url = settings.database_url.get_secret_value()
    await asyncio.to_thread(migrate, database_url)
    database = Database(database_url, settings.database_pool_size)
    try:
        async with database.transaction() as session:
            await keep_account(
                session,
                account_id(settings),
                settings.calls_per_second,
                settings.max_lines,
                account_breakers(settings),
                settings.twilio_from_number,
            )
        if await ensure_first_key(database, settings.data_dir):
            _log.info("the first API key was made", file=str(settings.data_dir / "api_key"))
        async with database.transaction() as session:
            if await note_number_key(session, number_key_check(settings)):
                _log.warning("numbers in the audit log are hashed under another key than before: see `cadenza doctor`")
        temporal = await connect(settings, lazy=True)
        app = create_app(settings, database, temporal)
        put_routes_together(app)
        await _put_rules_on_record(app.state.context)
        server = _Server(
            uvicorn.Config(
                app,
                host=settings.api_host,
                port=settings.api_port,
                backlog=BACKLOG,
                log_config=None,
                access_log=False,  # its lines hold paths and queries; api.middleware logs routes
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                ws="none",
            ),
            settings.data_dir,
        )
        lent = inherited(NAME)
        async with _background(app.state.context):
            await server.serve(None if lent is None else [lent])
    finally:
        clear_ready(NAME, settings.data_dir)
        await database.close()
    _log.info("stopped")


async def _put_rules_on_record(context: ApiContext) -> None:
    """From the start, also if nobody is called yet. With changes that do not fit the API serves all the same, for it is
    where they are mended; until then every gate stays shut."""
    try:
        async with context.database.transaction() as session:
            await context.rules.gate(session)
    except RulesRefused as refused:
        _log.error("nobody is called: the changes to the rules made over the API do not fit", refused=str(refused))


class _Server(uvicorn.Server):
    """Leaves signals to us (uvicorn would raise them again after its stop, and the exit code would not be 0), and says
    when it serves."""

    def __init__(self, config: uvicorn.Config, data_dir: Path) -> None:
        super().__init__(config)
        self._data_dir = data_dir

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    async def startup(self, *args: Any, **kwargs: Any) -> None:
        await super().startup(*args, **kwargs)
        if self.started:
            mark_ready(NAME, self._data_dir)

    async def shutdown(self, *args: Any, **kwargs: Any) -> None:
        """uvicorn would close what is idle at once: also a connection just accepted, whose request is on its way.

        Nothing is accepted from here on: on a lent socket, whoever comes now is the next process's.
        """
        for server in self.servers:
            server.close()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await asyncio.sleep(LATE_REQUEST_SECONDS)
        await super().shutdown(*args, **kwargs)


@contextlib.asynccontextmanager
async def _background(context: ApiContext) -> AsyncIterator[None]:
    """The loops behind the requests."""
    loops = [
        asyncio.create_task(context.delivery.keep_going()),
        asyncio.create_task(context.orchestration.keep_going()),
        asyncio.create_task(keep_sealing(context.database)),
    ]
    try:
        yield
    finally:
        await context.delivery.stop()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
