"""The bridge's WebSocket server: lets streams in, gives each a Call, and gives calls away when it drains."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from cadenza.domain.outcomes import OPEN_ATTEMPT_STATES
from cadenza.domain.standard_lines import Line, line_text
from cadenza.domain.stream_token import InvalidToken, verify_token
from cadenza.operations.listening import BACKLOG
from cadenza.records.call_context import CallContext, claim_call, load_call
from cadenza.records.journal import read_turns
from cadenza.records.transfers import list_transfers
from voice_bridge.admission import is_signed
from voice_bridge.call import Call
from voice_bridge.carrier_socket import CarrierSocket
from voice_bridge.frames import StartFrame
from voice_bridge.media_stream import MediaStream, NotAStream, await_start
from voice_bridge.resume import Past, recall
from voice_bridge.services import Services
from voice_bridge.speaking import Voice

log = structlog.get_logger(__name__)

MEDIA_PATH = "/media"
HEALTH_PATH = "/health"
MAX_MESSAGE_BYTES = 1_000_000
"""Above what a frame may have (frames.MAX_FRAME_BYTES), so that a long one is dropped and not the call."""
DRAIN_SECONDS = 20.0

# Refused and broken handshakes are everyday on a public port; addresses in them are not for our log.
logging.getLogger("websockets.server").setLevel(logging.CRITICAL)


class StreamRefused(Exception):
    """The stream may not become a call. `reason` is a stable word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BridgeServer:
    """All streams of this process."""

    def __init__(self, services: Services) -> None:
        self.services = self._services = services
        self.settings = self._settings = services.settings
        self._connections = 0
        self._calls: dict[str, Call] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._server: Server | None = None
        self.draining = False

    @property
    def calls(self) -> int:
        """Streams that this process holds."""
        return self._connections

    @property
    def running(self) -> Mapping[str, Call]:
        """The calls of this process, by attempt."""
        return self._calls

    @property
    def port(self) -> int:
        assert self._server is not None, "not started"
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self, lent: socket.socket | None = None) -> None:
        """Serve on the socket that was lent, else listen. Raises OSError if the port is taken."""
        settings = self._settings
        self._server = await serve(
            self._handle,
            settings.bridge_host if lent is None else None,
            settings.bridge_port if lent is None else None,
            sock=lent,
            backlog=BACKLOG,
            process_request=self._admit,
            create_connection=CarrierSocket,
            compression=None,  # base64 of mu-law does not compress, and it would cost a zlib state for each call
            max_size=MAX_MESSAGE_BYTES,
            open_timeout=10,
            ping_interval=20,
            ping_timeout=20,
            close_timeout=2,
            server_header=None,
        )

    def stop_accepting(self) -> None:
        """Take no new streams: on a lent socket, whoever comes now is the next bridge's. Calls go on."""
        self.draining = True
        if self._server is not None:
            self._server.close(close_connections=False)

    async def drain(self) -> None:
        """Take no new streams, and hand every call over: its socket closes at a good moment, soon."""
        self.stop_accepting()
        for call in list(self._calls.values()):
            call.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._empty.wait()

    async def stop(self) -> None:
        """Close every socket that is left."""
        self.stop_accepting()
        for call in list(self._calls.values()):
            call.leave_to_others()
        if self._server is not None:
            left = [connection.close(CloseCode.GOING_AWAY) for connection in self._server.connections]
            await asyncio.gather(*left)
            await self._server.wait_closed()

    # --- Letting in --------------------------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == HEALTH_PATH:
            return connection.respond(HTTPStatus.OK, self._health())
        if path.rstrip("/") != MEDIA_PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, "not found\n")
        if self.draining or self._connections >= self._settings.bridge_max_calls:
            log.warning("stream_refused", reason="draining" if self.draining else "full")
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "no free line\n")
        signature = request.headers.get("X-Twilio-Signature", "")
        auth_token = self._settings.twilio_auth_token.get_secret_value()
        if not is_signed(auth_token, self._settings.bridge_public_url, request.path, signature):
            log.warning("stream_refused", reason="bad_signature")
            return connection.respond(HTTPStatus.FORBIDDEN, "bad signature\n")
        return None

    def _health(self) -> str:
        state = {
            "status": "draining" if self.draining else "ok",
            "calls": self._connections,
            "max_calls": self._settings.bridge_max_calls,
            "tasks": len(asyncio.all_tasks()),
        }
        return orjson.dumps(state).decode() + "\n"

    async def _handle(self, connection: ServerConnection) -> None:
        self._connections += 1
        self._empty.clear()
        try:
            await self._serve(connection)
        except StreamRefused as refused:
            log.warning("stream_refused", reason=refused.reason)
        except (NotAStream, TimeoutError):
            log.warning("stream_refused", reason="no_start")
        except ConnectionClosed:
            pass
        except (SQLAlchemyError, OSError) as error:
            log.error("stream_failed", error=type(error).__name__)
        finally:
            self._connections -= 1
            if not self._connections:
                self._empty.set()
            with contextlib.suppress(Exception):
                await connection.close()

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, CarrierSocket)
        start = await await_start(connection)
        attempt_id = self._check_token(start)
        context, past, claim = await self._load(attempt_id, start)
        if self.draining:
            raise StreamRefused("draining")
        older = self._calls.get(attempt_id)
        call = Call(self._services, MediaStream(connection, start), context, past, claim)
        self._calls[attempt_id] = call
        if older is not None:
            older.detach()
        log.info("call_begins", attempt=attempt_id, resumed=not past.is_empty)
        try:
            await call.run()
        finally:
            if self._calls.get(attempt_id) is call:
                del self._calls[attempt_id]

    def _check_token(self, start: StartFrame) -> str:
        attempt_id = start.parameters.get("attempt", "")
        secret = self._settings.signing_secret.get_secret_value()
        try:
            verify_token(secret, f"stream:{attempt_id}", start.parameters.get("token", ""), time.time())
        except InvalidToken as invalid:
            raise StreamRefused(f"token_{invalid.error.value}") from None
        if not start.is_mulaw_8k:
            raise StreamRefused("wrong_audio_format")
        return attempt_id

    async def _load(self, attempt_id: str, start: StartFrame) -> tuple[CallContext, Past, int]:
        """The call's context and past; claims the call for this bridge."""
        async with self._services.database.transaction() as session:
            claim = await claim_call(session, attempt_id, self._services.bridge_id)
            context = await load_call(session, attempt_id, await self._services.rules.gate(session))
            if context is None:
                raise StreamRefused("unknown_attempt")
            if claim is None or context.conversation_over or context.attempt_state not in OPEN_ATTEMPT_STATES:
                raise StreamRefused("call_is_over")
            if context.call_sid and start.call_sid and context.call_sid != start.call_sid:
                raise StreamRefused("another_call")
            past = recall(await read_turns(session, attempt_id), await list_transfers(session, attempt_id))
        first = (Line.OPENING,) if past.is_empty else (Line.RESUME, Line.RESUME_AND_ASK)
        await self._load_first_words(context, first)
        return context, past, claim

    async def _load_first_words(self, context: CallContext, first: Sequence[Line]) -> None:
        """What is said at once is at hand before the call begins here: nobody waits for a voice then."""
        settings, policy = self._settings, context.policy
        voice = Voice(policy.voice_id or settings.elevenlabs_voice_id, settings.elevenlabs_model, policy.language)
        texts = [
            line_text(
                line,
                context.script,
                first_name=context.first_name,
                company=context.company,
                caller_id=context.caller_id,
                custom=context.custom,
            )
            for line in (Line.DISCLOSURE, *first)
        ]
        await self._services.library.load(texts, voice)
