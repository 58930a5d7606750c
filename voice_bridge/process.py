"""The bridge process: from settings to a serving bridge, and to a clean stop that gives its calls away."""

import asyncio
import gc
import signal

import structlog

from cadenza.domain.identifiers import new_id
from cadenza.logging_setup import set_up_logging
from cadenza.operations.listening import inherited
from cadenza.operations.readiness import clear_ready, mark_ready
from cadenza.records.database import Database
from cadenza.settings import Settings
from cadenza.temporal.connection import connect
from cadenza.temporal.lead_client import LeadClient
from voice_bridge.news import NewsDesk
from voice_bridge.node import BridgeNode
from voice_bridge.server import BridgeServer
from voice_bridge.services import build_services

log = structlog.get_logger(__name__)

NAME = "bridge"
GARBAGE_THRESHOLDS = (2000, 10, 5)
"""Each call that ended leaves some 500 objects and 60 KB that only a look for garbage gives back. With these
there is a short one every fifty ended calls, and one at everything that lives, for which all calls wait, every
250. By Python's own numbers the latter comes every few seconds."""


async def run_bridge(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. The settings are those of `process_settings`."""
    set_up_logging(settings, NAME)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    assert settings.database_url is not None
    database = Database(settings.database_url.get_secret_value(), settings.database_pool_size, overflow=0)
    leads = LeadClient(await connect(settings, lazy=True))
    services = build_services(settings, new_id("br"), database, leads)
    server = BridgeServer(services)
    node = BridgeNode(services, server)
    news = NewsDesk(database, lambda: server.running)
    try:
        await server.start(inherited(NAME))
        await node.start()
        news.start()
        mark_ready(NAME, settings.data_dir)
        log.info("bridge_ready", bridge=services.bridge_id, port=server.port)
        await stopping.wait()
        log.info("bridge_drains", calls=server.calls)
        server.stop_accepting()
        await node.beat()
        await server.drain()
    finally:
        clear_ready(NAME, settings.data_dir)
        await server.stop()
        await news.stop()
        await node.stop()
        await services.close()
    log.info("bridge_stopped")
