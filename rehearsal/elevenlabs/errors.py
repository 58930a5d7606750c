"""The service's errors, in the shapes in which it sends them."""

from typing import Any


class ServiceError(Exception):
    """A refusal: the HTTP status and the value of `detail` in the body."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail

    @property
    def message(self) -> str:
        """The readable part, for the WebSocket."""
        if isinstance(self.detail, dict):
            return str(self.detail.get("message", self.detail))
        return str(self.detail[0].get("msg", self.detail))

    @property
    def code(self) -> str:
        """The machine-readable part, for the WebSocket."""
        return str(self.detail.get("status", "error")) if isinstance(self.detail, dict) else "invalid_request"


def invalid_api_key() -> ServiceError:
    """401."""
    return ServiceError(401, {"status": "invalid_api_key", "message": "Invalid API key"})


def voice_not_found(voice_id: str) -> ServiceError:
    """404."""
    return ServiceError(
        404,
        {
            "status": "voice_not_found",
            "message": f"A voice with the voice_id {voice_id} was not found.",
        },
    )


def model_not_found(model: str) -> ServiceError:
    """400."""
    return ServiceError(400, {"status": "model_not_found", "message": f"A model with model ID {model} does not exist."})


def text_too_long(limit: int) -> ServiceError:
    """400."""
    return ServiceError(
        400,
        {
            "status": "max_character_limit_exceeded",
            "message": f"This request exceeds the maximum of {limit} characters.",
        },
    )


def invalid(location: list[str], message: str, kind: str) -> ServiceError:
    """422."""
    return ServiceError(422, [{"loc": location, "msg": message, "type": kind}])


def too_many_concurrent(limit: int) -> ServiceError:
    """429."""
    return ServiceError(
        429,
        {
            "type": "rate_limit_error",
            "code": "concurrent_limit_exceeded",
            "message": f"Too many concurrent requests. Your current subscription allows {limit}.",
            "status": "too_many_concurrent_requests",
        },
    )


_BY_STATUS: dict[int, dict[str, str]] = {
    401: {"status": "quota_exceeded", "message": "This request exceeds your quota."},
    500: {"status": "internal_server_error", "message": "An internal error occurred."},
    503: {"status": "service_unavailable", "message": "The service is under heavy load. Please try again."},
}


def ordered(status: int, limit: int) -> ServiceError:
    """The error that a fault order asks for by its status."""
    if status == 429:
        return too_many_concurrent(limit)
    if status == 404:
        return voice_not_found("unknown")
    return ServiceError(
        status, _BY_STATUS.get(status, {"status": "error", "message": "The request could not be served."})
    )
