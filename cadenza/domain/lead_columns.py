"""Which column of a lead file is what: the names that HubSpot, Salesforce and people give to columns."""

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class LeadField(StrEnum):
    """What Cadenza knows of a lead. Every other column is kept as a custom field under its own name."""

    PHONE = "phone"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    EMAIL = "email"
    COMPANY = "company"
    COUNTRY = "country"
    STATE = "state"
    TIME_ZONE = "time_zone"
    DO_NOT_CALL = "do_not_call"


PHONE_NAMES = (
    # The order is the order of preference where a row has several numbers.
    "mobile phone number", "mobile phone", "mobile number", "mobile", "cell phone", "cell phone number", "cell",
    "direct phone", "direct dial", "direct number", "direct", "phone number", "phone", "telephone number", "telephone",
    "tel", "contact number", "contact phone", "number", "work phone", "business phone", "office phone", "main phone",
    "company phone", "primary phone", "home phone", "other phone", "phone 1", "phone 2", "phone 3",
)  # fmt: skip

_NAMES: dict[LeadField, tuple[str, ...]] = {
    LeadField.FIRST_NAME: ("first name", "given name", "forename", "firstname", "vorname"),
    LeadField.LAST_NAME: ("last name", "surname", "family name", "lastname", "nachname"),
    LeadField.FULL_NAME: ("full name", "name", "contact name", "contact", "lead name", "person", "customer name"),
    LeadField.EMAIL: ("email", "e-mail", "email address", "e-mail address", "work email", "business email", "mail"),
    LeadField.COMPANY: (
        "company", "company name", "account name", "account", "organisation", "organization", "organisation name",
        "organization name", "business", "business name", "employer", "company / account", "associated company",
    ),
    LeadField.COUNTRY: ("country", "country/region", "country code", "country region", "mailing country", "nation"),
    LeadField.STATE: ("state", "region", "state/region", "state/province", "province", "mailing state", "state code"),
    LeadField.TIME_ZONE: ("time zone", "timezone", "tz", "local time zone", "iana time zone", "hs timezone"),
    LeadField.DO_NOT_CALL: (
        "do not call", "donotcall", "dnc", "has opted out of call", "opted out of calls", "hs do not call",
        "call opt out",
    ),
}  # fmt: skip


def squashed(header: str) -> str:
    """A header as it is compared: `E-Mail Address`, `email_address` and `EmailAddress` are one."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKC", header).casefold())


_PHONE_RANKS = {squashed(name): rank for rank, name in reversed(list(enumerate(PHONE_NAMES)))}
_FIELDS = {squashed(name): field for field, names in _NAMES.items() for name in names}


class ColumnPlan(BaseModel):
    """Where each field of a row is. Positions count from 0."""

    model_config = ConfigDict(frozen=True)

    headers: tuple[str, ...]
    phones: tuple[int, ...]
    """Phone columns, the preferred one first."""
    fields: dict[LeadField, int]
    custom: tuple[int, ...]
    repeated: tuple[str, ...] = ()
    """Headers that were there before; their columns were renamed."""


def plan_columns(header: Sequence[str]) -> ColumnPlan:
    """Map each column. The first column of a name wins; a nameless one is called `column 3` (counted from 1)."""
    headers, repeated = _unique_headers(header)
    phones: list[tuple[int, int]] = []
    fields: dict[LeadField, int] = {}
    custom: list[int] = []
    for position, name in enumerate(headers):
        key = squashed(name)
        field = _FIELDS.get(key)
        if key in _PHONE_RANKS:
            phones.append((_PHONE_RANKS[key], position))
        elif field is not None and field not in fields:
            fields[field] = position
        else:
            custom.append(position)
    return ColumnPlan(
        headers=headers,
        phones=tuple(position for _, position in sorted(phones)),
        fields=fields,
        custom=tuple(custom),
        repeated=repeated,
    )


def known_columns(header: Sequence[str]) -> int:
    """How many headers are understood: tells the right delimiter from a wrong one."""
    keys = {squashed(name) for name in header}
    return sum(1 for key in keys if key in _FIELDS or key in _PHONE_RANKS)


def _unique_headers(header: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    headers: list[str] = []
    repeated: list[str] = []
    for position, raw in enumerate(header, start=1):
        name = re.sub(r"\s+", " ", raw).strip()[:100] or f"column {position}"
        if name in headers:
            repeated.append(name)
            name = next(f"{name} ({n})" for n in range(2, len(header) + 2) if f"{name} ({n})" not in headers)
        headers.append(name)
    return tuple(headers), tuple(repeated)
