"""Our bridge with the servers that it needs."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.voice_bridge.contenders import CadenzaBridge, cadenza_bridge
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.embedded_temporal import EmbeddedTemporal
from cadenza.operations.processes import free_port
from cadenza.records.migrate import migrate


@asynccontextmanager
async def cadenza_with_servers(folder: Path, vendors_port: int) -> AsyncIterator[CadenzaBridge]:
    """PostgreSQL and Temporal, running, and the bridge, not yet started."""
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start(folder / "postgres.log")
    temporal = EmbeddedTemporal(folder, free_port(), None)
    temporal.prepare()
    process = subprocess.Popen(  # noqa: ASYNC220
        temporal.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await asyncio.to_thread(migrate, postgres.url)
        while not await temporal.is_answering():  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        bridge = await cadenza_bridge(folder, postgres.url, temporal.address, vendors_port)
        yield bridge
        await bridge.close()
    finally:
        process.terminate()
        process.wait()
        postgres.stop()
