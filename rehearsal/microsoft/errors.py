"""Graph's errors, in its own shape."""

from datetime import UTC, datetime
from uuid import uuid4

from starlette.responses import JSONResponse

_CODES = {
    400: ("BadRequest", "The request is invalid."),
    401: ("InvalidAuthenticationToken", "Access token is empty."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("ErrorItemNotFound", "The specified object was not found in the store."),
    429: ("ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    500: ("ErrorInternalServerError", "An internal server error occurred. The operation failed."),
    503: ("ErrorServerBusy", "The server cannot service this request right now. Try again later."),
    504: ("ErrorTimeoutExpired", "The request did not complete within the allotted time."),
}


class GraphError(Exception):
    """A request that Graph refuses."""

    def __init__(
        self, status: int, code: str | None = None, message: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {code}")
        known_code, known_message = _CODES.get(status, _CODES[500])
        self.status = status
        self.code = code or known_code
        self.message = message or known_message
        self.retry_after = retry_after

    def response(self, client_request_id: str | None = None) -> JSONResponse:
        """The answer."""
        request_id = str(uuid4())
        inner = {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id or request_id,
        }
        headers = {"request-id": request_id}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(0, round(self.retry_after)))
        body = {"error": {"code": self.code, "message": self.message, "innerError": inner}}
        return JSONResponse(body, self.status, headers=headers)


def invalid(message: str, code: str = "ErrorInvalidRequest") -> GraphError:
    """The request's form is wrong."""
    return GraphError(400, code, message)
