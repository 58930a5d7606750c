"""Numbers in requests."""

from collections.abc import Callable

from api.problems import Problem
from api.schemas.problems import FieldError, ProblemCode
from cadenza.domain.phone import PhoneRefused, parse_any_phone, parse_phone


def read_any_phone(text: str, country: str, field: str) -> str:
    """As `read_phone`, for numbers that are not to be called: any that can exist."""
    return _read(lambda: parse_any_phone(text, country), field)


def read_phone(text: str, country: str, field: str) -> str:
    """E.164, or the 422 problem, which does not repeat the number."""
    return _read(lambda: parse_phone(text, country).e164, field)


def _read(read: Callable[[], str], field: str) -> str:
    try:
        return read()
    except PhoneRefused as refusal:
        raise Problem(
            422,
            ProblemCode.BAD_PHONE,
            "The number cannot be read",
            refusal.message,
            errors=[FieldError(field=field, message=refusal.message, fix=refusal.fix)],
        ) from None
