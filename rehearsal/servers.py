"""Runs ASGI apps inside the rehearsal world's one event loop, and cuts their connections on order.

Every vendor package has `server.py` with `def build(world: World) -> Emulator`. A vendor that needs two ports
(Microsoft: login and Graph) is started with the first one and opens the next by itself.
"""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

_CUT = "rehearsal.cut"


class Emulator(Protocol):
    """One emulated vendor."""

    async def start(self, host: str, port: int) -> None:
        """Listen; returns once connections are taken. Port 0 takes a free one."""

    async def stop(self) -> None:
        """Close every connection and stop; also right after a failed start."""


class _QuietServer(uvicorn.Server):
    """A uvicorn server that leaves the process's signals alone: the world handles them once for all."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class AsgiServer:
    """One ASGI app on one port."""

    def __init__(self, app: ASGIApp, *, certificate: Path | None = None, private_key: Path | None = None) -> None:
        self._app = app
        self._certificate = certificate
        self._private_key = private_key
        self._server: _QuietServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port in use; raises RuntimeError before the start."""
        if self._socket is None:
            raise RuntimeError("the server was not started")
        return int(self._socket.getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Bind and serve. Raises OSError when the port is taken."""
        self._socket = _bind(host, port)
        config = uvicorn.Config(
            _Cuttable(self._app),
            log_level="error",
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=75,
            ws_ping_interval=None,
            ssl_certfile=self._certificate,
            ssl_keyfile=self._private_key,
        )
        self._server = _QuietServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise OSError(f"the server on port {port} ended at once")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop serving; connections still open after a second are cut."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
            self._server = self._serving = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def cut_connection(scope: Scope | Any) -> None:
    """Cut the TCP connection of this request or WebSocket at once, without a byte of farewell."""
    scope[_CUT]()


def _bind(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


class _Cuttable:
    """Outermost layer: gives each request a way to abort its own transport (uvicorn owns `send`)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        def cut() -> None:
            connection: Any = send.__self__  # type: ignore[attr-defined]
            connection.transport.abort()

        scope[_CUT] = cut
        await self._app(scope, receive, send)
