"""The limit on `picows`: copies bytes between the carrier and a far end, and does nothing else.

Run by the Python that has picows:  python bare_picows.py PORT UPSTREAM_URL
"""

import asyncio
import sys

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect, ws_create_server


class Copier(WSListener):
    """One end of a pair."""

    def __init__(self) -> None:
        self.other: WSTransport | None = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        elif self.other is not None:
            self.other.send(WSMsgType.TEXT, frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self.other is not None:
            self.other.disconnect()


class Carrier(Copier):
    """The end that the carrier opened: opens the far one."""

    def __init__(self, upstream: str) -> None:
        super().__init__()
        self._upstream = upstream
        self._task: asyncio.Task[None] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._task = asyncio.create_task(self._open(transport))

    async def _open(self, transport: WSTransport) -> None:
        far_transport, far_end = await ws_connect(Copier, self._upstream)
        far_end.other = transport
        self.other = far_transport


async def main(port: int, upstream: str) -> None:
    server = await ws_create_server(lambda _request: Carrier(upstream), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
