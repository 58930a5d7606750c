"""A bridge process without Temporal, to be killed by a test: `python -m tests.voice_bridge.lonely_bridge SETTINGS ID`.

The real server and services; only the lead's workflow is the stand-in of rehearsed.py.
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

from cadenza.operations.readiness import mark_ready
from cadenza.records.database import Database
from cadenza.settings import Settings
from cadenza.temporal.lead_client import LeadClient
from tests.voice_bridge.rehearsed import FakeLeads
from voice_bridge.server import BridgeServer
from voice_bridge.services import build_services


async def serve(settings: Settings, bridge_id: str) -> None:
    assert settings.database_url is not None
    database = Database(settings.database_url.get_secret_value())
    server = BridgeServer(build_services(settings, bridge_id, database, cast(LeadClient, FakeLeads())))
    await server.start()
    mark_ready(bridge_id, settings.data_dir)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Settings.model_validate_json(Path(sys.argv[1]).read_text()), sys.argv[2]))
