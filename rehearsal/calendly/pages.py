"""Calendly's pages: `count` rows and an opaque token for the next."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from rehearsal.calendly.errors import invalid

_DEFAULT_COUNT, _LARGEST_COUNT = 20, 100


def page(address: str, query: Mapping[str, str], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The page of `rows` that the query asks for. Raises CalendlyError (400)."""
    count, start = _count(query), _start(query.get("page_token"))
    shown = list(rows[start : start + count])
    following = _token(start + count) if start + count < len(rows) else None
    before = _token(max(0, start - count)) if start else None

    def link(token: str | None) -> str | None:
        return None if token is None else f"{address}?{urlencode({**query, 'page_token': token})}"

    return {
        "collection": shown,
        "pagination": {
            "count": len(shown),
            "next_page": link(following),
            "previous_page": link(before),
            "next_page_token": following,
            "previous_page_token": before,
        },
    }


def _count(query: Mapping[str, str]) -> int:
    try:
        count = int(query.get("count", _DEFAULT_COUNT))
    except ValueError:
        raise invalid("count", "must be a number") from None
    if not 1 <= count <= _LARGEST_COUNT:
        raise invalid("count", f"must be from 1 to {_LARGEST_COUNT}")
    return count


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(f"from:{start}".encode()).decode().rstrip("=")


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        return int(text.removeprefix("from:"))
    except (binascii.Error, ValueError):
        raise invalid("page_token", "is invalid") from None
