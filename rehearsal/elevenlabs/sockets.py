"""The WebSockets: `stream-input` (one text, one voice) and `multi-stream-input` (a context for each utterance)."""

import asyncio
import base64
import contextlib
import re
from collections.abc import Callable
from typing import Any, Final

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from rehearsal.elevenlabs.errors import ServiceError, invalid_api_key
from rehearsal.elevenlabs.formats import converter
from rehearsal.elevenlabs.generation import DEFAULT_MODEL, CutError, Engine, Piece, alignment_in_ms
from rehearsal.elevenlabs.voices import Catalogue
from rehearsal.servers import cut_connection

MAXIMUM_CONTEXTS: Final = 5
_DEFAULT_SCHEDULE: Final = (120, 160, 250, 290)
_DEFAULT_INACTIVITY: Final = 20.0
_LONGEST_INACTIVITY: Final = 180.0
_SENTENCE_END: Final = re.compile(r"[.!?…,;:][\"')\]]*\s")
_POLICY_VIOLATION: Final = 1008

Send = Callable[["Context", dict[str, Any]], Any]


class Context:
    """One utterance in the making: text is buffered, spoken in order, and announced as final at its end."""

    def __init__(self, name: str | None, schedule: tuple[int, ...]) -> None:
        self.name = name
        self.closing = False
        self.abandoned = False
        self._buffer = ""
        self._schedule = schedule
        self._generated = 0
        self.work: asyncio.Queue[tuple[str, bool] | None] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None

    def add(self, text: str, *, flush: bool, at_once: bool) -> None:
        """Take text; whole parts of it go to be spoken when there is enough, or on `flush`."""
        self._buffer += text
        if flush:
            self._take(len(self._buffer), flushed=True)
            return
        threshold = 1 if at_once else self._schedule[min(self._generated, len(self._schedule) - 1)]
        ends = [match.end() for match in _SENTENCE_END.finditer(self._buffer)]
        if len(self._buffer) >= threshold and ends:
            self._take(ends[-1], flushed=False)
        elif not at_once and len(self._buffer) >= 2 * threshold:
            self._take(len(self._buffer), flushed=False)

    def finish(self) -> None:
        """No more text: speak what is left, then end."""
        self.closing = True
        self._take(len(self._buffer), flushed=False)
        self.work.put_nowait(None)

    def abandon(self) -> None:
        """No more text, and what was not yet flushed is not spoken."""
        self.closing = self.abandoned = True
        self._buffer = ""
        self.work.put_nowait(None)

    def _take(self, length: int, *, flushed: bool) -> None:
        text, self._buffer = self._buffer[:length].strip(), self._buffer[length:]
        if text:
            self._generated += 1
        if text or flushed:
            self.work.put_nowait((text, flushed))


class SpeechSocket:
    """One WebSocket. `multi` tells which of the two endpoints; `snake` how the answers are spelt."""

    def __init__(
        self,
        socket: WebSocket,
        engine: Engine,
        catalogue: Catalogue,
        is_key: Callable[[str | None], bool],
        *,
        multi: bool,
        snake: bool,
    ) -> None:
        self._socket = socket
        self._engine = engine
        self._catalogue = catalogue
        self._is_key = is_key
        self._multi = multi
        self._snake = snake
        self._voice = str(socket.path_params["voice_id"])
        query = socket.query_params
        self._model = query.get("model_id", DEFAULT_MODEL)
        self._format = query.get("output_format", "mp3_44100_128")
        self._auto = query.get("auto_mode", "false").lower() == "true"
        self._aligned = self._multi or query.get("sync_alignment", "false").lower() == "true"
        self._inactivity = min(float(query.get("inactivity_timeout", _DEFAULT_INACTIVITY)), _LONGEST_INACTIVITY)
        self._contexts: dict[str | None, Context] = {}
        self._convert: Callable[[bytes], bytes] = bytes
        self._authorised = is_key(socket.headers.get("xi-api-key"))
        self._failed = asyncio.Event()

    async def serve(self) -> None:
        """Run the socket to its end."""
        await self._socket.accept()
        try:
            fault = self._engine.fault("websocket", self._voice)
            if fault is not None and fault.kind == "spelling":
                self._snake = fault.argument == "snake"
            self._convert = converter(self._format)
            self._engine.check(self._model, "")
            self._catalogue.get(self._voice)
            await self._read()
            await self._finish_all()
            await self._socket.close(1000)
        except ServiceError as error:
            await self._refuse(error)
        except CutError:
            cut_connection(self._socket.scope)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the client went away
        finally:
            for context in self._contexts.values():
                if context.task is not None:
                    context.task.cancel()

    async def _read(self) -> None:
        while True:
            receiving = asyncio.create_task(self._socket.receive_text())
            failing = asyncio.create_task(self._failed.wait())
            done, _ = await asyncio.wait(
                {receiving, failing}, timeout=self._inactivity, return_when=asyncio.FIRST_COMPLETED
            )
            failing.cancel()
            if receiving not in done:
                receiving.cancel()
                with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect):
                    await receiving
                self._raise_failure()
                raise ServiceError(
                    408,
                    {
                        "status": "input_timeout_exceeded",
                        "message": f"Have not received a new text input within {self._inactivity:g} seconds.",
                    },
                )
            try:
                message = orjson.loads(receiving.result())
            except orjson.JSONDecodeError:
                raise ServiceError(400, {"status": "invalid_message", "message": "Message is not JSON"}) from None
            if not isinstance(message, dict):
                raise ServiceError(400, {"status": "invalid_message", "message": "Message is no object"})
            if self._obey(message):
                return

    def _raise_failure(self) -> None:
        for context in self._contexts.values():
            if context.task is not None and context.task.done() and not context.task.cancelled():
                failure = context.task.exception()
                if failure is not None:
                    raise failure

    def _obey(self, message: dict[str, Any]) -> bool:
        """Obey one message; True when it was the last."""
        self._authorise(message)
        if message.get("close_socket"):
            return True
        name = message.get("context_id", message.get("contextId")) if self._multi else None
        if message.get("close_context"):
            found = self._contexts.get(name)
            if found is not None:
                found.abandon()
            return False
        text = message.get("text")
        if not self._multi and text == "":
            return True
        context = self._contexts.get(name)
        if context is None or context.closing:
            if not text and not message.get("flush"):
                return False  # keep-alive of a context that is not there
            context = self._open(name, message)
        flush = bool(message.get("flush"))
        trigger = self._auto or bool(message.get("try_trigger_generation"))
        if text or flush:
            context.add(text or "", flush=flush, at_once=trigger)
        return False

    def _authorise(self, message: dict[str, Any]) -> None:
        if not self._authorised:
            self._authorised = self._is_key(message.get("xi_api_key") or message.get("xi-api-key"))
        if not self._authorised:
            raise invalid_api_key()

    def _open(self, name: str | None, message: dict[str, Any]) -> Context:
        still_open = [context for context in self._contexts.values() if not context.closing]
        if len(still_open) >= MAXIMUM_CONTEXTS:
            raise ServiceError(
                400,
                {
                    "status": "max_contexts_exceeded",
                    "message": f"At most {MAXIMUM_CONTEXTS} contexts may be open at the same time.",
                },
            )
        schedule = (message.get("generation_config") or {}).get("chunk_length_schedule") or _DEFAULT_SCHEDULE
        if not all(isinstance(one, int) and 50 <= one <= 500 for one in schedule):
            raise ServiceError(
                400, {"status": "invalid_message", "message": "chunk_length_schedule: each from 50 to 500"}
            )
        context = Context(name, tuple(schedule))
        self._contexts[name] = context
        context.task = asyncio.create_task(self._speak(context))
        context.task.add_done_callback(self._note_failure)
        return context

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failed.set()

    async def _speak(self, context: Context) -> None:
        """Speak a context's texts one after the other, then say that it is final."""
        while (job := await context.work.get()) is not None:
            text, flushed = job
            if text:
                fault = self._engine.fault("generate", self._voice)
                self._engine.check(self._model, text)
                async with self._engine.slot():
                    async for piece in self._engine.speak(text, self._voice, self._model, fault):
                        if context.abandoned and not flushed:
                            break  # closed in mid-speech; what was set to flush goes on, as documented
                        await self._send_piece(context, piece)
            if flushed and self._multi:
                await self._send({"type": "flush_done", **self._context_name(context)})
        await self._send(
            {"audio": None, ("is_final" if self._snake else "isFinal"): True, **self._context_name(context)}
        )
        if self._contexts.get(context.name) is context:
            del self._contexts[context.name]

    async def _send_piece(self, context: Context, piece: Piece) -> None:
        message: dict[str, Any] = {
            "audio": base64.b64encode(self._convert(piece.audio)).decode(),
            ("is_final" if self._snake else "isFinal"): None,
        }
        if self._aligned:
            alignment = alignment_in_ms(piece)
            message["alignment"] = alignment
            message["normalized_alignment" if self._snake else "normalizedAlignment"] = alignment
        await self._send(message | self._context_name(context))

    def _context_name(self, context: Context) -> dict[str, Any]:
        if not self._multi:
            return {}
        return {("context_id" if self._snake else "contextId"): context.name}

    async def _finish_all(self) -> None:
        contexts = list(self._contexts.values())
        for context in contexts:
            if not context.closing:
                context.finish()
        tasks = [context.task for context in contexts if context.task is not None]
        if not tasks and not self._multi:
            await self._send({"audio": None, "isFinal": True})
        await asyncio.gather(*tasks)

    async def _send(self, message: dict[str, Any]) -> None:
        if self._socket.client_state is WebSocketState.CONNECTED:
            await self._socket.send_text(orjson.dumps(message).decode())

    async def _refuse(self, error: ServiceError) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._send({"message": error.message, "error": error.code, "code": _POLICY_VIOLATION})
            await self._socket.close(_POLICY_VIOLATION, error.message[:120])
