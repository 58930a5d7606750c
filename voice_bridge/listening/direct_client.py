"""AssemblyAI's client, but audio goes out at once: the SDK's write loop makes a task and a timer for every message."""

import contextlib
from typing import Any

from assemblyai.streaming.v3 import AsyncStreamingClient
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State


class DirectClient(AsyncStreamingClient):
    """Used like its parent; everything but audio takes the parent's way.

    The socket is a private field of the SDK. Should a new version rename it, audio takes the parent's way too.
    """

    async def stream(self, data: Any) -> None:
        """Send audio. Quiet when the session is over: the read task tells."""
        socket = getattr(self, "_websocket", None)
        if socket is None or not isinstance(data, bytes):
            await super().stream(data)
            return
        try:
            await socket.send(data)
        except ConnectionClosed:
            return

    def stream_now(self, audio: bytes) -> bool:
        """Send audio without waiting for anything. False, and nothing was sent: the socket is closed, or has not taken
        yet what was sent before."""
        socket = getattr(self, "_websocket", None)
        if socket is None or socket.protocol.state is not State.OPEN or socket.transport.get_write_buffer_size():
            return False
        socket.protocol.send_binary(audio)
        with contextlib.suppress(OSError, RuntimeError):  # it closes just now: the read task tells
            socket.send_data()
        return True
