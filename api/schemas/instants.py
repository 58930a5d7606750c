"""Instants in requests."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator


def _no_number(written: Any) -> Any:
    """`2026` and `20261115` would be taken for seconds since 1970: a day of decades ago, without a word."""
    try:
        float(written)
    except (TypeError, ValueError):
        return written
    raise ValueError("a number is no instant; write one such as 2026-11-15T00:00:00Z")


Instant = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""ISO 8601 with an offset or Z."""
