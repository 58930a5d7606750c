"""The emulated service: `GET /v3/token` and the streaming WebSocket `/v3/ws`, on one port.

Faults (vendor `assemblyai`): operations `connect`, `audio` (each chunk), `turn` (each finished turn), `token`.
Effects: `stall` (falls silent, for `seconds` or for good), `delay` (`seconds`), `close:<code>`, `clean_close`
(1000 without Termination), `cut_socket`; for `token`: `status:<code>`.
"""

import secrets
import time
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from rehearsal.assemblyai.behaviour import AssemblyAiBehaviour
from rehearsal.assemblyai.parameters import InvalidParametersError, at_start
from rehearsal.assemblyai.session import SESSION_SECONDS, Session, SessionClosedError, say_goodbye
from rehearsal.servers import Emulator
from rehearsal.world import World

_STREAM_PATHS: Final = frozenset({"/v3/ws"})


class AssemblyAiEmulator:
    """Listens for sessions; `behaviour` holds the account's limits."""

    def __init__(self, world: World, behaviour: AssemblyAiBehaviour | None = None) -> None:
        self.behaviour = behaviour or AssemblyAiBehaviour()
        world.behaviours["assemblyai"] = self.behaviour
        self._world = world
        self._server: Server | None = None
        self._open: set[Session] = set()
        self._tokens: dict[str, tuple[float, float]] = {}
        self._sessions_begun = 0
        world.resets.append(self._reset)

    @property
    def port(self) -> int:
        """The port in use; raises RuntimeError before the start."""
        if self._server is None:
            raise RuntimeError("the server was not started")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def open_sessions(self) -> int:
        """Sessions under way."""
        return len(self._open)

    async def start(self, host: str, port: int) -> None:
        """Listen. Port 0 takes a free one. Raises OSError when the port is taken."""
        self._server = await serve(
            self._serve,
            host,
            port,
            process_request=self._request,
            compression=None,
            ping_interval=None,
            max_size=1_000_000,
            server_header="rehearsal",
        )

    async def stop(self) -> None:
        """Close every session and stop."""
        if self._server is not None:
            self._server.close(True, 1001)
            await self._server.wait_closed()
            self._server = None

    async def _reset(self) -> None:
        self._tokens.clear()

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        if path == "/v3/token":
            return self._token(request)
        if path not in _STREAM_PATHS:
            return _json(HTTPStatus.NOT_FOUND, {"error": "Not found"})
        return None

    def _token(self, request: Request) -> Response:
        fault = self._world.faults.take("assemblyai", "token")
        if fault is not None and fault.kind == "status":
            return _json(HTTPStatus(int(fault.argument)), {"error": "Internal server error"})
        if not self._is_key(request.headers.get("Authorization")):
            return _json(HTTPStatus.UNAUTHORIZED, {"error": "Unauthorized"})
        query = dict(parse_qsl(urlsplit(request.path).query))
        try:
            life = int(query["expires_in_seconds"])
            session = int(query.get("max_session_duration_seconds", SESSION_SECONDS))
        except (KeyError, ValueError):
            return _json(HTTPStatus.BAD_REQUEST, {"error": "expires_in_seconds must be an integer"})
        if not (1 <= life <= 600 and 60 <= session <= SESSION_SECONDS):
            return _json(HTTPStatus.BAD_REQUEST, {"error": "expires_in_seconds must be between 1 and 600"})
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (time.monotonic() + life, float(session))
        return _json(HTTPStatus.OK, {"token": token, "expires_in_seconds": life})

    def _is_key(self, given: str | None) -> bool:
        """With no key in the settings any key will do, except one that says it is not."""
        expected = self._world.settings.assemblyai_api_key.get_secret_value()
        if expected:
            return given == expected
        return bool(given) and not str(given).startswith("invalid")

    def _admit(self, request: Request, query: dict[str, str]) -> float:
        """Seconds that the session may last. Raises SessionClosedError where it may not begin."""
        given = query.get("token") or request.headers.get("Authorization")
        if not given:
            raise SessionClosedError(1008, "Unauthorized Connection: Missing Authorization header")
        life = float(SESSION_SECONDS)
        if given in self._tokens:
            expires, life = self._tokens.pop(given)  # single use
            if time.monotonic() > expires:
                raise SessionClosedError(1008, "Unauthorized Connection: Token expired")
        elif not self._is_key(given):
            raise SessionClosedError(1008, "Unauthorized Connection: Invalid API key")
        if len(self._open) >= self.behaviour.maximum_sessions:
            raise SessionClosedError(3009, "Unauthorized Connection: Too many concurrent sessions")
        return life

    async def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        query = dict(parse_qsl(urlsplit(request.path).query))
        try:
            life = self._admit(request, query)
            try:
                configuration = at_start(query)
            except InvalidParametersError as error:
                raise SessionClosedError(3006, f"Invalid Message: {error}") from None
        except SessionClosedError as closed:
            await say_goodbye(connection, closed)
            return
        self._sessions_begun += 1
        identifier = UUID(int=self._world.random("session", self._sessions_begun).getrandbits(128), version=4)
        session = Session(self._world, self.behaviour, connection, identifier, configuration, life)
        self._open.add(session)
        self._world.truth.append("recogniser_opened", session=str(identifier))
        try:
            await session.serve()
        except SessionClosedError as closed:
            await say_goodbye(connection, closed)
        finally:
            self._open.discard(session)
            self._world.truth.append(
                "recogniser_closed",
                session=str(identifier),
                seconds=round(session.seconds, 3),
                audio_ms=session.audio_ms,
                terminated=session.terminated,
            )


def _json(status: HTTPStatus, body: dict[str, Any]) -> Response:
    data = orjson.dumps(body)
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(data))})
    return Response(status.value, status.phrase, headers, data)


def build(world: World) -> Emulator:
    """The emulated AssemblyAI of this world."""
    return AssemblyAiEmulator(world)
