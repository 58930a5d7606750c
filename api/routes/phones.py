"""Numbers in requests."""

from api.problems import Problem
from api.schemas.problems import FieldError, ProblemCode
from cadenza.domain.phone import PhoneRefused, parse_phone


def read_phone(text: str, country: str, field: str) -> str:
    """E.164, or the 422 problem, which does not repeat the number."""
    try:
        return parse_phone(text, country).e164
    except PhoneRefused as refusal:
        raise Problem(
            422,
            ProblemCode.BAD_PHONE,
            "The number cannot be read",
            refusal.message,
            errors=[FieldError(field=field, message=refusal.message, fix=refusal.fix)],
        ) from None
