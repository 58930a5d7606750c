"""One streaming session over one WebSocket: the messages of both sides, the limits and the faults."""

import asyncio
import contextlib
import time
from random import Random
from typing import Any, Final
from uuid import UUID

import orjson
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from rehearsal.assemblyai.behaviour import AssemblyAiBehaviour
from rehearsal.assemblyai.parameters import Configuration, InvalidParametersError, updated
from rehearsal.assemblyai.recogniser import Message, Recogniser
from rehearsal.control.faults import Fault
from rehearsal.world import World

SHORTEST_CHUNK_MS: Final = 50
LONGEST_CHUNK_MS: Final = 1000
SESSION_SECONDS: Final = 3 * 3600
_REASON_BYTES: Final = 123

# How long messages take to come, in seconds. Turns have their own range: sub-300 ms to the transcript, as documented.
_SPEECH_STARTED_SECONDS: Final = (0.04, 0.09)
_OTHER_SECONDS: Final = (0.02, 0.05)


class SessionClosedError(Exception):
    """The service ends the session. With `error` an Error frame goes before the close frame."""

    def __init__(self, code: int, error: str | None) -> None:
        super().__init__(error)
        self.code = code
        self.error = error


class _CutError(Exception):
    """The connection is to be cut without a farewell."""


class Session:
    """Serves one accepted connection until it ends."""

    def __init__(
        self,
        world: World,
        behaviour: AssemblyAiBehaviour,
        connection: ServerConnection,
        session_id: UUID,
        configuration: Configuration,
        expires_in: float = SESSION_SECONDS,
    ) -> None:
        self._world = world
        self._behaviour = behaviour
        self._connection = connection
        self._id = str(session_id)
        self._recogniser = Recogniser(configuration)
        self._random: Random = world.random("assemblyai", self._id)
        self._outbox: asyncio.Queue[tuple[float, Message]] = asyncio.Queue()
        self._latest_due = 0.0
        self._lag = 0.0
        self._deaf_until = 0.0
        self._opened = time.monotonic()
        self._expires_in = expires_in
        self.terminated = False

    async def serve(self) -> None:
        """Run the session. Raises SessionClosedError when the service is to close the connection."""
        self._strike(self._world.faults.take("assemblyai", "connect", session=self._id))
        if self._lag:
            await asyncio.sleep(self._lag)
            self._lag = 0.0
        settings = self._recogniser.configuration
        await self._send(
            {
                "type": "Begin",
                "id": self._id,
                "expires_at": int(self._world.clock.now().timestamp() + self._expires_in),
                "configuration": {
                    "model": settings.model,
                    "mode": settings.mode,
                    "api_version": "2025-05-12",
                },
            }
        )
        self._opened = time.monotonic()
        sender = asyncio.create_task(self._deliver())
        try:
            await self._receive()
        except _CutError:
            self._connection.transport.abort()
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                await sender

    @property
    def seconds(self) -> float:
        """How long the session has been open: what the service bills."""
        return time.monotonic() - self._opened

    @property
    def audio_ms(self) -> int:
        """Audio received, in ms."""
        return self._recogniser.audio_ms

    async def _receive(self) -> None:
        while True:
            idle = self._recogniser.configuration.inactivity_timeout
            left = self._expires_in - self.seconds
            try:
                async with asyncio.timeout(min(idle or left, max(left, 0.0))):
                    message = await self._connection.recv()
            except TimeoutError:
                if self.seconds >= self._expires_in:
                    raise SessionClosedError(3008, "Session Expired: Maximum session duration exceeded") from None
                raise SessionClosedError(3008, "Session Expired: Inactivity timeout exceeded") from None
            except ConnectionClosed:
                return
            if isinstance(message, bytes):
                self._audio(message)
            elif await self._command(message):
                return

    def _audio(self, audio: bytes) -> None:
        self._strike(self._world.faults.take("assemblyai", "audio", session=self._id))
        length = len(audio) / self._recogniser.configuration.bytes_per_ms
        if not SHORTEST_CHUNK_MS <= length <= LONGEST_CHUNK_MS:
            raise SessionClosedError(3007, f"Input duration violation: {length:g} ms. Expected between 50 and 1000 ms")
        messages = self._recogniser.hear(audio)
        received, passed = self._recogniser.audio_ms / 1000, self.seconds
        if received > passed + self._behaviour.ahead_seconds:
            raise SessionClosedError(
                3007,
                f"Audio Transmission Rate Exceeded: Received {received:.2f} sec. audio in {passed:.2f} sec",
            )
        self._post(messages)

    async def _command(self, text: str) -> bool:
        """Obey a text message; True when it was the last one."""
        try:
            message: Any = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise SessionClosedError(3006, f"Invalid JSON: {text[:200]}") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise SessionClosedError(3006, f"Invalid Message: {text[:200]}")
        match message["type"]:
            case "UpdateConfiguration":
                try:
                    self._recogniser.configuration = updated(self._recogniser.configuration, message)
                except InvalidParametersError as error:
                    raise SessionClosedError(3006, f"Invalid Message: {error}") from None
            case "ForceEndpoint":
                self._post(self._recogniser.force_end())
            case "KeepAlive":
                pass
            case "Terminate":
                await self._terminate()
                return True
            case _:
                raise SessionClosedError(3006, f"Invalid Message Type: {message['type'][:200]}")
        return False

    async def _terminate(self) -> None:
        self._post(self._recogniser.force_end())
        await self._outbox.join()
        self.terminated = True
        if self._deaf_until > time.monotonic():
            return
        await self._send(
            {
                "type": "Termination",
                "audio_duration_seconds": round(self.audio_ms / 1000),
                "session_duration_seconds": round(self.seconds),
            }
        )

    def _post(self, messages: list[Message]) -> None:
        for message in messages:
            if message.get("end_of_turn"):
                self._strike(self._world.faults.take("assemblyai", "turn", session=self._id))
            due = time.monotonic() + self._random.uniform(*self._latency(message["type"])) + self._lag
            self._latest_due = max(due, self._latest_due)  # messages never overtake each other
            self._outbox.put_nowait((self._latest_due, message))

    def _latency(self, kind: str) -> tuple[float, float]:
        if kind == "Turn":
            return self._behaviour.shortest_turn_delay_seconds, self._behaviour.longest_turn_delay_seconds
        return _SPEECH_STARTED_SECONDS if kind == "SpeechStarted" else _OTHER_SECONDS

    async def _deliver(self) -> None:
        while True:
            due, message = await self._outbox.get()
            try:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if time.monotonic() >= self._deaf_until:
                    await self._send(message)
            except ConnectionClosed:
                pass  # the reader sees it too and ends the session; keep emptying the outbox
            finally:
                self._outbox.task_done()

    async def _send(self, message: Message) -> None:
        await self._connection.send(orjson.dumps(message).decode())

    def _strike(self, fault: Fault | None) -> None:
        """Suffer a fault: stall, delay, close:<code>, clean_close or cut_socket."""
        match fault.kind if fault else "":
            case "stall":
                # Nothing is said any more while audio is still taken; without a length, to the end.
                assert fault is not None
                self._deaf_until = time.monotonic() + (fault.seconds or SESSION_SECONDS)
            case "delay":
                assert fault is not None
                self._lag = fault.seconds
            case "close" | "refuse" | "status":
                assert fault is not None
                code = int(fault.argument or 3005)
                raise SessionClosedError(code, _ERRORS.get(code, "Session Cancelled: An error occurred"))
            case "clean_close":
                raise SessionClosedError(1000, None)
            case "cut_socket":
                raise _CutError


_ERRORS: Final = {
    1008: "Unauthorized Connection: Missing or invalid API key",
    3008: "Session Expired: Maximum session duration exceeded",
    3009: "Unauthorized Connection: Too many concurrent sessions",
}


async def say_goodbye(connection: ServerConnection, closed: SessionClosedError) -> None:
    """Send the Error frame, if any, and close with the code. A connection already gone is no error."""
    with contextlib.suppress(ConnectionClosed):
        reason = ""
        if closed.error is not None:
            await connection.send(
                orjson.dumps({"type": "Error", "error_code": closed.code, "error": closed.error}).decode()
            )
            short = len(closed.error.encode()) <= _REASON_BYTES
            reason = closed.error if short else "See Error message for details"
        await connection.close(closed.code, reason)
