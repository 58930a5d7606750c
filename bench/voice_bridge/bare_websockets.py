"""The limit on `websockets`: copies bytes between the carrier and a far end, and does nothing else.

python -m bench.voice_bridge.bare_websockets PORT UPSTREAM_URL
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def copy(source: Connection, target: Connection) -> None:
    try:
        while True:
            await target.send(await source.recv(decode=False), text=True)
    except ConnectionClosed:
        await target.close()


async def main(port: int, upstream: str) -> None:
    async def bridge(carrier: ServerConnection) -> None:
        async with connect(upstream, compression=None, ping_interval=None) as far_end:
            await asyncio.gather(copy(carrier, far_end), copy(far_end, carrier))

    async with serve(bridge, "127.0.0.1", port, compression=None, ping_interval=None, backlog=1000):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
