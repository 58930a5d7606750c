"""Calendly's errors, in its own shape: title, message, and details that name the parameter."""

from typing import Any

from starlette.responses import JSONResponse

_TITLES = {
    400: ("Invalid Argument", "The supplied parameters are invalid."),
    401: ("Unauthenticated", "The access token is invalid"),
    403: ("Permission Denied", "You do not have permission to access this resource."),
    404: ("Resource Not Found", "The server could not find the requested resource."),
    409: ("Already Exists", "The resource already exists"),
    429: ("Too Many Requests", "The request was rate limited. Please try again later."),
    500: (
        "Internal Server Error",
        "The server encountered an unexpected condition that prevented it from fulfilling the request.",
    ),
}


class CalendlyError(Exception):
    """A request that Calendly refuses. `headers` go with the answer."""

    def __init__(
        self,
        status: int,
        details: list[dict[str, str]] | None = None,
        message: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(str(status))
        self.status = status
        self.details = details or []
        self.message = message
        self.headers = headers or {}

    def response(self) -> JSONResponse:
        """The answer."""
        title, message = _TITLES.get(self.status, _TITLES[500])
        body: dict[str, Any] = {"title": title, "message": self.message or message}
        if self.details:
            body["details"] = self.details
        return JSONResponse(body, self.status, headers=self.headers)


def invalid(parameter: str, message: str, code: str | None = None) -> CalendlyError:
    """One parameter is wrong."""
    detail = {"parameter": parameter, "message": message}
    if code is not None:
        detail["code"] = code
    return CalendlyError(400, [detail])


def not_found() -> CalendlyError:
    """No such thing, or not one of ours."""
    return CalendlyError(404)


def too_many(seconds: float, limit: int) -> CalendlyError:
    """A limit is used up; `seconds` until it opens again."""
    left = str(max(1, round(seconds)))
    headers = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": left}
    return CalendlyError(429, headers=headers)
