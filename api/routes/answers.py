"""Error answers as the API's documentation lists them."""

from typing import Any

from api.problems import MEDIA_TYPE
from api.schemas.problems import ProblemCode

_WORDS = {
    401: ("The key is missing, unknown or revoked", ProblemCode.UNAUTHORIZED, "An API key is needed"),
    403: ("The signature or token does not match", ProblemCode.BAD_SIGNATURE, "The signature does not match"),
    404: ("There is no such thing", ProblemCode.NOT_FOUND, "There is no such campaign"),
    409: ("Not possible in the present state", ProblemCode.WRONG_CAMPAIGN_STATE, "The campaign's state forbids this"),
    413: ("Too large", ProblemCode.TOO_LARGE, "The request is too large"),
    415: ("Not a type that is understood", ProblemCode.UNSUPPORTED_MEDIA_TYPE, "This content type is not understood"),
    422: ("Something in the request is wrong", ProblemCode.INVALID_REQUEST, "The request is not valid"),
    429: ("Too many requests with this key", ProblemCode.RATE_LIMITED, "Too many requests"),
    503: ("The database or Temporal does not answer", ProblemCode.NOT_READY, "Not ready to serve"),
}
_SCHEMA = {"$ref": "#/components/schemas/ProblemDocument"}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: its errors, with an example each."""
    return {status: _answer(status) for status in statuses}


def guarded(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route that needs a key."""
    return errors(401, *statuses, 422, 429, 503)


def _answer(status: int) -> dict[str, Any]:
    description, code, title = _WORDS[status]
    example = {
        "type": f"urn:cadenza:problem:{code.value}",
        "title": title,
        "status": status,
        "code": code.value,
        "detail": "",
        "errors": [],
    }
    answer: dict[str, Any] = {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": _SCHEMA, "example": example}},
    }
    if status == 429:
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
    return answer
