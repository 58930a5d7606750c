"""A calendar and a stretch of time as one range of integers."""

import hashlib
from datetime import datetime

from sqlalchemy.dialects.postgresql import Range

_MINUTES_BITS = 32


def booking_span(calendar_ref: str, starts_at: datetime, ends_at: datetime) -> Range[int]:
    """Minutes since 1970 in the low 32 bits, 31 bits of the calendar's hash above: ranges of one calendar overlap
    exactly when the times do. Two calendars share a hash once in two thousand million: then one of two free slots is
    refused, never the reverse.
    """
    calendar = int.from_bytes(hashlib.sha256(calendar_ref.encode()).digest()[:4]) >> 1
    first, end = int(starts_at.timestamp() // 60), -int(-ends_at.timestamp() // 60)
    return Range((calendar << _MINUTES_BITS) + first, (calendar << _MINUTES_BITS) + end)
