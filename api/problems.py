"""Errors as RFC 9457 problem documents: one shape everywhere, with a code that clients may rely on."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, TimeoutError
from starlette.exceptions import HTTPException

from api.schemas.problems import FieldError, ProblemCode, ProblemDocument
from cadenza.domain.rules.rule_book import RulesRefused

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("api.problems")

_STATUS_CODES = {
    400: ProblemCode.BAD_REQUEST,
    401: ProblemCode.UNAUTHORIZED,
    403: ProblemCode.FORBIDDEN,
    404: ProblemCode.NOT_FOUND,
    405: ProblemCode.METHOD_NOT_ALLOWED,
    413: ProblemCode.TOO_LARGE,
    415: ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    416: ProblemCode.RANGE_NOT_SATISFIABLE,
}
_INSTANT = "Write day, time and offset, or Z for UTC: 2026-11-15T00:00:00Z (a + in an address is written %2B)."
_FIXES = {
    "missing": "Add this field.",
    "extra_forbidden": "Remove this field, or correct its spelling.",
    "json_invalid": "Send valid JSON.",
    "string_type": "Send text in double quotes.",
    "enum": "Use one of the values named in the message.",
    "timezone_aware": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
}


class Problem(Exception):
    """Raised anywhere in a request; becomes its answer."""

    def __init__(
        self,
        status: int,
        code: ProblemCode,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code.value)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def not_found(what: str, where: str) -> Problem:
    """404. `where`: how to find one that exists."""
    return Problem(404, ProblemCode.NOT_FOUND, f"There is no such {what}", f"Check the id; {where}.")


def install_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DataError, _not_storable)
    app.add_exception_handler(UnicodeEncodeError, _not_storable)
    app.add_exception_handler(RulesRefused, _rules_do_not_fit)
    for away in (OperationalError, InterfaceError, TimeoutError):
        app.add_exception_handler(away, _database_away)


def problem_response(problem: Problem) -> JSONResponse:
    document = ProblemDocument(
        type=f"urn:cadenza:problem:{problem.code.value}",
        title=problem.title,
        status=problem.status,
        code=problem.code,
        detail=problem.detail,
        errors=list(problem.errors),
    )
    return JSONResponse(
        document.model_dump(mode="json"), status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers
    )


def unexpected_problem() -> Problem:
    return Problem(
        500,
        ProblemCode.INTERNAL_ERROR,
        "Something went wrong here",
        "The error was logged. Try again; if it stays, report it with the X-Request-Id of this answer.",
    )


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _STATUS_CODES.get(error.status_code, ProblemCode.BAD_REQUEST)
    detail = "There is nothing at this address." if error.status_code == 404 else ""
    return problem_response(
        Problem(error.status_code, code, str(error.detail), detail, headers=dict(error.headers or {}))
    )


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    _log.error("database is away", error=type(error).__name__)
    return problem_response(
        Problem(
            503,
            ProblemCode.DATABASE_AWAY,
            "The database does not answer",
            "Nothing was changed. Try again in some seconds.",
            headers={"Retry-After": "2"},
        )
    )


async def _rules_do_not_fit(request: Request, error: Exception) -> JSONResponse:
    """What was changed over the API under another release, or another file of CALLING_RULES."""
    assert isinstance(error, RulesRefused)
    return problem_response(
        Problem(
            503,
            ProblemCode.BAD_RULES,
            "The changes to the rules do not fit",
            "Nobody is called until they are sent again (PUT /v1/rules/overlay), or withdrawn.",
            errors=[FieldError(field=one.field, message=one.message, fix=one.fix) for one in error.problems],
        )
    )


async def _not_storable(request: Request, error: Exception) -> JSONResponse:
    """NUL characters, lone surrogates and numbers beyond a column's range pass as JSON, and no database takes them."""
    return problem_response(
        Problem(
            422,
            ProblemCode.INVALID_REQUEST,
            "The request is not valid",
            "A value holds a character or a number that cannot be stored.",
            errors=[FieldError(field="", message="A value cannot be stored.", fix="Remove NUL and broken characters.")],
        )
    )


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Pydantic's findings, without the values that were sent: they may be personal."""
    assert isinstance(error, RequestValidationError)
    errors = [_field_error(finding) for finding in error.errors()]
    return problem_response(
        Problem(
            422,
            ProblemCode.INVALID_REQUEST,
            "The request is not valid",
            "Each error names its field and what to do.",
            errors=errors,
        )
    )


def _field_error(finding: Any) -> FieldError:
    place = [str(part) for part in finding.get("loc", ())]
    field = ".".join(place[1:] if place[:1] == ["body"] and len(place) > 1 else place)
    kind = str(finding.get("type", ""))
    return FieldError(
        field=field,
        message=str(finding.get("msg", "is not valid")),
        fix=_FIXES.get(kind, "Correct this value; the API's documentation shows an example."),
    )
