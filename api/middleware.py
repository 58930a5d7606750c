"""Around every request: an id, one log line without personal data, a size limit, and an answer whatever happens."""

import time
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem, problem_response, unexpected_problem
from api.schemas.problems import ProblemCode
from cadenza.logging_setup import where_raised

_log = structlog.get_logger("api.requests")
SLOW_SECONDS = 1.0
_FILE_PATHS = ("/leads", "/leads/preview", "/suppressions/upload", "/registers", "/reassigned-numbers")


class RequestLog:
    """Log each request by its route's template: a path or a query may hold a number or a token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid4().hex[:16]
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception as error:
                _log.error(
                    "request failed",
                    method=scope["method"],
                    route=_route(scope),
                    error=type(error).__name__,  # its words may hold a row or a request
                    where=where_raised(error),
                )
                if status:
                    raise  # half an answer is out: only closing the connection is honest
                await problem_response(unexpected_problem())(scope, receive, send_with_id)
            finally:
                seconds = time.monotonic() - started
                level = _log.warning if status >= 500 or seconds > SLOW_SECONDS else _log.debug
                level(
                    "request",
                    method=scope["method"],
                    route=_route(scope),
                    status=status,
                    milliseconds=round(seconds * 1000, 1),
                )


class BodyLimit:
    """Refuse bodies over a size before they are held in memory, whether or not their length was announced. Lead files,
    which are written to disk as they come, may be larger."""

    def __init__(self, app: ASGIApp, limit_bytes: int, file_limit_bytes: int) -> None:
        self._app = app
        self._limit = limit_bytes
        self._file_limit = file_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._file_limit if scope["path"].endswith(_FILE_PATHS) else self._limit
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            await problem_response(too_large(limit))(scope, receive, send)
            return
        taken, over, started = 0, False, False

        async def limited() -> Message:
            nonlocal taken, over
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                over = over or taken > limit
                if over:
                    raise too_large(limit)
            return message

        async def answer(message: Message) -> None:
            """Whatever the app makes of the cut body, the answer is 413."""
            nonlocal started
            if not over or started:
                started = True
                await send(message)
            elif message["type"] == "http.response.start":
                await problem_response(too_large(limit))(scope, receive, send)

        await self._app(scope, limited, answer)


def too_large(limit: int) -> Problem:
    return Problem(
        413,
        ProblemCode.TOO_LARGE,
        "The request is too large",
        f"At most {limit} bytes are taken here. Split a lead file, or raise MAX_UPLOAD_BYTES.",
    )


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unknown")
