"""The port: which vendor serves which address."""

import asyncio

import orjson

from bench.voice_bridge.vendors.account import Account
from bench.voice_bridge.vendors.completion import Completion
from bench.voice_bridge.vendors.connection import Connection, Session
from bench.voice_bridge.vendors.far_end import FarEnd
from bench.voice_bridge.vendors.recogniser import Recogniser
from bench.voice_bridge.vendors.synthesis import Contexts, send_timed, speak

_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: "


class Vendors(Account):
    """All of them, on one port."""

    _server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Vendor(self), "127.0.0.1", 0, backlog=1000)
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()


class _Vendor(Connection):
    def session(self, path: str, query: dict[str, str]) -> Session:
        match path:
            case "/v3/ws":
                return Recogniser(self, query)
            case "/agent":
                return FarEnd(self, query)
        return Contexts(self, query)

    def answer(self, path: str, body: bytes) -> None:
        if path.startswith("/v1/chat/completions"):
            self.transport.write(_HEAD + b"text/event-stream\r\n\r\n")
            Completion(self, body)
        elif "/with-timestamps" in path:
            self.transport.write(_HEAD + b"application/json\r\n\r\n")
            is_mulaw = "output_format=ulaw_8000" in path
            speak(self, orjson.loads(body)["text"], lambda text, piece: send_timed(self, text, piece, is_mulaw))
        elif path.startswith("/v1/text-to-speech/"):
            self.transport.write(_HEAD + b"audio/basic\r\nrequest-id: bench\r\n\r\n")
            speak(self, orjson.loads(body)["text"], lambda _text, piece: self.chunk(piece))
        else:
            self.account.trouble.append(f"nobody serves {path}")
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
