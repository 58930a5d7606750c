"""The HTTP endpoints: speech (streamed or whole, with or without timestamps) and voices."""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import orjson
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from rehearsal.elevenlabs.errors import ServiceError, invalid, invalid_api_key
from rehearsal.elevenlabs.formats import converter, media_type
from rehearsal.elevenlabs.generation import DEFAULT_MODEL, CutError, Engine, Piece, alignment_in_seconds
from rehearsal.elevenlabs.voices import Catalogue
from rehearsal.servers import cut_connection

DEFAULT_FORMAT: Final = "mp3_44100_128"
_MAXIMUM_IDS: Final = 3

Handler = Callable[[Request], Awaitable[Response]]


class _SpeechResponse(StreamingResponse):
    """A streamed answer that gives its slot back however it ends, even where its body was never begun."""

    def __init__(self, body: AsyncIterator[bytes], slot: AsyncExitStack, kind: str, headers: dict[str, str]):
        super().__init__(body, media_type=kind, headers=headers)
        self._slot = slot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._slot:
            await super().__call__(scope, receive, send)


class HttpApi:
    """Handlers of the HTTP routes."""

    def __init__(self, engine: Engine, catalogue: Catalogue, is_key: Callable[[str | None], bool]) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._is_key = is_key

    def routes(self) -> list[Route]:
        """The routes, for a Starlette app."""
        speech = "/v1/text-to-speech/{voice_id}"
        return [
            Route(speech, self._guarded(self._convert), methods=["POST"]),
            Route(f"{speech}/stream", self._guarded(self._stream), methods=["POST"]),
            Route(f"{speech}/with-timestamps", self._guarded(self._convert_timed), methods=["POST"]),
            Route(f"{speech}/stream/with-timestamps", self._guarded(self._stream_timed), methods=["POST"]),
            Route("/v1/voices", self._guarded(self._voices), methods=["GET"]),
            Route("/v2/voices", self._guarded(self._search), methods=["GET"]),
            Route("/v1/voices/add", self._guarded(self._clone), methods=["POST"]),
            Route("/v1/voices/{voice_id}", self._guarded(self._voice), methods=["GET"]),
            Route("/v1/voices/{voice_id}", self._guarded(self._delete), methods=["DELETE"]),
            Route("/v1/voices/{voice_id}/settings", self._guarded(self._settings), methods=["GET"]),
            Route("/v1/models", self._guarded(self._models), methods=["GET"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            try:
                if not self._is_key(request.headers.get("xi-api-key")):
                    raise invalid_api_key()
                return await handler(request)
            except ServiceError as error:
                return JSONResponse({"detail": error.detail}, error.status)
            except CutError:
                cut_connection(request.scope)
                return Response(status_code=500)

        return guarded

    async def _begin(
        self, request: Request, operation: str
    ) -> tuple[AsyncIterator[Piece], Callable[[bytes], bytes], dict[str, str], AsyncExitStack]:
        """Check everything and take a slot; the caller closes the stack when the speech is over."""
        voice_id = request.path_params["voice_id"]
        output_format = request.query_params.get("output_format", DEFAULT_FORMAT)
        text, model = await _body(request)
        fault = self._engine.fault(operation, voice_id)
        self._catalogue.get(voice_id)
        convert = converter(output_format)
        self._engine.check(model, text)
        stack = AsyncExitStack()
        await stack.enter_async_context(self._engine.slot())
        headers = {
            "request-id": secrets.token_hex(10),
            "character-cost": str(len(text)),
            "current-concurrent-requests": str(self._engine.running),
            "maximum-concurrent-requests": str(self._engine.behaviour.concurrency),
        }
        return self._engine.speak(text, voice_id, model, fault), convert, headers, stack

    async def _stream(self, request: Request) -> Response:
        pieces, convert, headers, stack = await self._begin(request, "stream")

        async def body() -> AsyncIterator[bytes]:
            try:
                async for piece in pieces:
                    yield convert(piece.audio)
            except CutError:
                cut_connection(request.scope)

        kind = media_type(request.query_params.get("output_format", DEFAULT_FORMAT))
        return _SpeechResponse(body(), stack, kind, headers)

    async def _stream_timed(self, request: Request) -> Response:
        pieces, convert, headers, stack = await self._begin(request, "stream")

        async def body() -> AsyncIterator[bytes]:
            try:
                async for piece in pieces:
                    yield orjson.dumps(_timed(piece, convert)) + b"\n"
            except CutError:
                cut_connection(request.scope)

        return _SpeechResponse(body(), stack, "application/json", headers)

    async def _convert(self, request: Request) -> Response:
        pieces, convert, headers, stack = await self._begin(request, "convert")
        async with stack:
            audio = b"".join([piece.audio async for piece in pieces])
        kind = media_type(request.query_params.get("output_format", DEFAULT_FORMAT))
        return Response(convert(audio), media_type=kind, headers=headers)

    async def _convert_timed(self, request: Request) -> Response:
        pieces, convert, headers, stack = await self._begin(request, "convert")
        audio, characters = b"", []
        async with stack:
            async for piece in pieces:
                offset = len(audio) // 8
                characters += [(character, at + offset, long) for character, at, long in piece.characters]
                audio += piece.audio
        return JSONResponse(_timed(Piece(audio, tuple(characters)), convert), headers=headers)

    async def _voices(self, request: Request) -> Response:
        self._engine.fault("voices", "")
        return JSONResponse({"voices": self._catalogue.all()})

    async def _search(self, request: Request) -> Response:
        self._engine.fault("voices", "")
        query = request.query_params
        wanted = query.get("search", "").lower()
        found = [voice for voice in self._catalogue.all() if wanted in voice["name"].lower()]
        try:
            size = int(query.get("page_size", "10"))
            start = int(query.get("next_page_token") or "0")
        except ValueError:
            raise invalid(["query", "page_size"], "Input should be a valid integer", "int_parsing") from None
        if not 1 <= size <= 100:
            raise invalid(["query", "page_size"], "Input should be from 1 to 100", "less_than_equal")
        more = start + size < len(found)
        return JSONResponse(
            {
                "voices": found[start : start + size],
                "has_more": more,
                "total_count": len(found),
                "next_page_token": str(start + size) if more else None,
            }
        )

    async def _voice(self, request: Request) -> Response:
        return JSONResponse(self._catalogue.get(request.path_params["voice_id"]))

    async def _settings(self, request: Request) -> Response:
        return JSONResponse(self._catalogue.get(request.path_params["voice_id"])["settings"])

    async def _delete(self, request: Request) -> Response:
        self._catalogue.delete(request.path_params["voice_id"])
        return JSONResponse({"status": "ok"})

    async def _clone(self, request: Request) -> Response:
        self._engine.fault("clone", "")
        async with request.form() as form:
            name = form.get("name")
            files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
            labels = _labels(form.get("labels"))
            description = form.get("description")
        if not isinstance(name, str) or not name:
            raise invalid(["body", "name"], "Field required", "missing")
        if not files:
            raise invalid(["body", "files"], "Field required", "missing")
        voice = self._catalogue.clone(name, description if isinstance(description, str) else None, labels)
        return JSONResponse({"voice_id": voice["voice_id"], "requires_verification": False})

    async def _models(self, request: Request) -> Response:
        return JSONResponse(self._engine.models())


def _labels(given: Any) -> dict[str, str]:
    """The SDK sends `null` where no labels were given."""
    try:
        labels = json.loads(given) if isinstance(given, str) else None
    except ValueError:
        raise invalid(["body", "labels"], "Invalid JSON", "json_invalid") from None
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def _timed(piece: Piece, convert: Callable[[bytes], bytes]) -> dict[str, Any]:
    alignment = alignment_in_seconds(piece)
    return {
        "audio_base64": base64.b64encode(convert(piece.audio)).decode(),
        "alignment": alignment,
        "normalized_alignment": alignment,
    }


async def _body(request: Request) -> tuple[str, str]:
    """The text and the model of a request. Raises ServiceError (422)."""
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise invalid(["body"], "JSON decode error", "json_invalid") from None
    if not isinstance(body, dict) or "text" not in body:
        raise invalid(["body", "text"], "Field required", "missing")
    text = body["text"]
    if not isinstance(text, str):
        raise invalid(["body", "text"], "Input should be a valid string", "string_type")
    if not text.strip():
        raise invalid(["body", "text"], "String should have at least 1 character", "string_too_short")
    for name in ("previous_request_ids", "next_request_ids", "pronunciation_dictionary_locators"):
        if len(body.get(name) or []) > _MAXIMUM_IDS:
            raise invalid(["body", name], "List should have at most 3 items", "too_long")
    speed = (body.get("voice_settings") or {}).get("speed")
    if speed is not None and not 0.7 <= float(speed) <= 1.2:
        raise invalid(["body", "voice_settings", "speed"], "Input should be from 0.7 to 1.2", "less_than_equal")
    return text, str(body.get("model_id") or DEFAULT_MODEL)
