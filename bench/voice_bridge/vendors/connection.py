"""One connection to the vendors' port."""

import asyncio
from abc import ABC, abstractmethod
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import orjson

from bench.voice_bridge.vendors.account import Account
from bench.voice_bridge.wire import BINARY, CLOSE, PING, PONG, TEXT, FrameReader, accept_key, frame


class Session(Protocol):
    """What serves a WebSocket."""

    def message(self, payload: bytes) -> None: ...
    def closed(self) -> None: ...


class Connection(asyncio.Protocol, ABC):
    """HTTP requests, one after the other, until one of them makes it a WebSocket."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.loop = asyncio.get_running_loop()
        self._buffer = b""
        self._reader: FrameReader | None = None
        self._session: Session | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if self._session is not None:
            self._session.closed()
            self._session = None

    def data_received(self, data: bytes) -> None:
        if self._reader is not None:
            self._messages(data)
            return
        self._buffer += data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            request, *lines = self._buffer[:head_end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", "0"))
            if len(self._buffer) < head_end + 4 + length:
                return
            body = self._buffer[head_end + 4 : head_end + 4 + length]
            self._buffer = self._buffer[head_end + 4 + length :]
            _, path, _ = request.split(" ")
            if headers.get("upgrade", "").lower() == "websocket":
                self._upgrade(path, headers)
                return
            self.answer(path, body)

    @abstractmethod
    def session(self, path: str, query: dict[str, str]) -> Session:
        """Who serves a WebSocket with this address."""

    @abstractmethod
    def answer(self, path: str, body: bytes) -> None:
        """Answer a request."""

    def send(self, opcode: int, payload: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(frame(opcode, payload))

    def send_json(self, message: dict[str, Any]) -> None:
        self.send(TEXT, orjson.dumps(message))

    def chunk(self, data: bytes) -> None:
        """A piece of a chunked body; an empty one ends it."""
        if not self.transport.is_closing():
            self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _upgrade(self, path: str, headers: dict[str, str]) -> None:
        key = accept_key(headers["sec-websocket-key"].encode())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + key + b"\r\n\r\n"
        )
        address = urlsplit(path)
        query = dict(parse_qsl(address.query))
        self._session = self.session(address.path, query)
        self._reader = FrameReader()
        if self._buffer:
            self._messages(self._buffer)

    def _messages(self, data: bytes) -> None:
        assert self._reader is not None and self._session is not None
        for opcode, payload in self._reader.feed(data):
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                self.send(CLOSE, payload[:2])
                self.transport.close()
            elif opcode in (TEXT, BINARY):
                self._session.message(payload)
