"""A WebSocket client without a task or queue for each connection: frames are written synchronously.

A media stream sends fifty frames a second; with hundreds of calls on one loop, awaiting each send would cost
more than the sending. `websockets`' protocol without I/O does the framing.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

_LARGEST_MESSAGE = 4 * 1024 * 1024
_CLOSE_PATIENCE = 2.0  # seconds
_LARGEST_BACKLOG = 4 * 1024 * 1024  # bytes that the peer did not take yet; beyond this it counts as dead


class HandshakeRefusedError(Exception):
    """The server answered the upgrade with something else than 101; `status` is what it answered."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        super().__init__(f"the upgrade was answered with {status}")


class MessageHandler(Protocol):
    """Takes what arrives on a connection. Called on the loop; must not block."""

    def message(self, data: bytes) -> None:
        """A whole text message."""

    def closed(self, code: int | None) -> None:
        """The connection is over: with the peer's close code, or None when it broke."""


class WebSocketClient(asyncio.Protocol):
    """One client connection."""

    def __init__(self, url: str, headers: Mapping[str, str], handler: MessageHandler) -> None:
        self._protocol = ClientProtocol(parse_uri(url), max_size=_LARGEST_MESSAGE)
        self._headers = headers
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parts: list[bytes] = []
        self._closing = False

    @classmethod
    async def connect(
        cls, url: str, headers: Mapping[str, str], handler: MessageHandler, timeout: float
    ) -> "WebSocketClient":
        """Open a connection. Raises HandshakeRefusedError, OSError or TimeoutError."""
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        client = cls(url, headers, handler)
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().create_connection(
                lambda: client,
                parts.hostname or "",
                parts.port or (443 if secure else 80),
                ssl=ssl.create_default_context() if secure else None,
                server_hostname=parts.hostname if secure else None,
            )
            try:
                await client._opened
            except BaseException:
                client.cut()
                raise
        return client

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._protocol.state is State.OPEN and self._transport is not None

    def send(self, text: bytes) -> None:
        """Send one text message; dropped when the connection is not open. Cuts a peer that does not read."""
        transport = self._transport
        if transport is None or self._protocol.state is not State.OPEN:
            return
        self._protocol.send_text(text)
        self._flush()
        if transport.get_write_buffer_size() > _LARGEST_BACKLOG:
            transport.abort()

    def close(self, code: int = 1000) -> None:
        """Begin the closing handshake."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code)
            self._flush()

    def cut(self) -> None:
        """Break the TCP connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the upgrade request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        request = self._protocol.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Pass complete messages on."""
        self._protocol.receive_data(data)
        self._take_events()

    def eof_received(self) -> bool:
        """The peer will send nothing more."""
        self._protocol.receive_eof()
        self._take_events()
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        """Report the end once."""
        self._transport = None
        if not self._opened.done():
            self._opened.set_exception(HandshakeRefusedError(None))
            return
        if not self._opened.cancelled() and self._opened.exception() is None:
            received = self._protocol.close_rcvd
            self._handler.closed(received.code if received is not None else None)

    def _take_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._upgraded(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self._flush()

    def _upgraded(self, response: Response) -> None:
        if self._opened.done():
            return
        error = self._protocol.handshake_exc
        if error is None:
            self._opened.set_result(None)
        else:
            status = response.status_code if isinstance(error, InvalidHandshake) else None
            self._opened.set_exception(HandshakeRefusedError(status))

    def _frame(self, frame: Frame) -> None:
        if frame.opcode not in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            return
        if frame.fin and not self._parts:
            self._handler.message(bytes(frame.data))
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            message, self._parts = b"".join(self._parts), []
            self._handler.message(message)

    def _flush(self) -> None:
        transport = self._transport
        if transport is None:
            return
        for data in self._protocol.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()
        if self._protocol.close_expected() and not self._closing:
            self._closing = True  # the server closes first; one that does not is not waited for any longer
            asyncio.get_running_loop().call_later(_CLOSE_PATIENCE, self.cut)
