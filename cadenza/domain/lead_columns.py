"""Which column of a lead file is what: the names that HubSpot, Salesforce and people give to columns; an override."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from cadenza.domain.row_problem import FileCode, FileRefused

CUSTOM = "custom"
"""Target of a column that is kept as a custom field under its own name; `custom:NAME` gives it another."""

IGNORE = "ignore"
"""Target of a column that is not read."""

ERROR_COLUMNS = (
    "cadenza_row", "cadenza_code", "cadenza_column", "cadenza_message", "cadenza_fix", "cadenza_extra_cells",
)  # fmt: skip
"""What a CSV of rejected rows has after the file's own columns. Ignored when the corrected file comes back."""


class PhoneKind(StrEnum):
    """Kinds of number, in the order in which a person's numbers are preferred."""

    MOBILE = "mobile_phone"
    DIRECT = "direct_phone"
    PHONE = "phone"
    WORK = "work_phone"
    MAIN = "main_phone"
    HOME = "home_phone"
    OTHER = "other_phone"


class LeadField(StrEnum):
    """What Cadenza knows of a lead besides numbers. Those in `KEPT_AS_CUSTOM` are stored among the custom fields."""

    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    EMAIL = "email"
    COMPANY = "company"
    EXTENSION = "extension"
    STREET = "street"
    CITY = "city"
    STATE = "state"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    TIME_ZONE = "time_zone"
    LANGUAGE = "language"
    DO_NOT_CALL = "do_not_call"
    CONSENT = "consent"
    CONSENT_DATE = "consent_date"
    CONSENT_SOURCE = "consent_source"
    CONSENT_PROOF = "consent_proof"
    JOB_TITLE = "job_title"
    LEAD_SOURCE = "lead_source"
    NOTES = "notes"
    CRM_ID = "crm_id"


KEPT_AS_CUSTOM = (LeadField.JOB_TITLE, LeadField.LEAD_SOURCE, LeadField.NOTES, LeadField.CRM_ID)

_PHONES: dict[PhoneKind, tuple[str, ...]] = {
    PhoneKind.MOBILE: (
        "mobile phone number", "mobile phone", "mobile number", "mobile", "cell phone", "cell phone number", "cell",
        "cell number", "cellphone", "cellular", "mobil", "mobilnummer", "handy", "handynummer", "movil", "celular",
        "portable", "telephone portable",
    ),
    PhoneKind.DIRECT: ("direct phone", "direct dial", "direct number", "direct", "direct line", "ddi"),
    PhoneKind.PHONE: (
        "phone number", "phone", "telephone number", "telephone", "tel", "tel no", "phone no", "contact number",
        "contact phone", "number", "primary phone", "phone 1", "phone 2", "phone 3", "phones", "phone numbers",
        "telefon", "telefonnummer", "telefono", "rufnummer",
    ),
    PhoneKind.WORK: ("work phone", "business phone", "office phone", "work number", "work phone number"),
    PhoneKind.MAIN: ("main phone", "main line", "main number", "company phone", "company phone number", "switchboard"),
    PhoneKind.HOME: ("home phone", "home number", "home phone number"),
    PhoneKind.OTHER: ("other phone", "alternate phone", "alternative phone", "secondary phone", "second phone"),
}  # fmt: skip

_FIELDS: dict[LeadField, tuple[str, ...]] = {
    LeadField.FIRST_NAME: ("first name", "given name", "forename", "firstname", "vorname", "prenom", "nombre"),
    LeadField.LAST_NAME: ("last name", "surname", "family name", "lastname", "nachname", "nom de famille", "apellido"),
    LeadField.FULL_NAME: (
        "full name", "name", "contact name", "contact", "lead name", "lead", "person", "customer name", "customer",
    ),
    LeadField.EMAIL: (
        "email", "e-mail", "email address", "e-mail address", "work email", "business email", "mail", "correo",
    ),
    LeadField.COMPANY: (
        "company", "company name", "account name", "account", "organisation", "organization", "organisation name",
        "organization name", "business", "business name", "employer", "company / account", "associated company",
        "firma", "empresa",
    ),
    LeadField.EXTENSION: ("extension", "ext", "phone extension", "phone ext", "work phone extension"),
    LeadField.STREET: (
        "street", "street address", "address", "address line 1", "address 1", "mailing street", "mailing address",
        "strasse",
    ),
    LeadField.CITY: ("city", "town", "suburb", "mailing city", "ort", "stadt", "ciudad"),
    LeadField.STATE: (
        "state", "region", "state/region", "state/province", "province", "mailing state", "state code",
        "state/region code", "state/province code", "mailing state/province", "county/state",
    ),
    LeadField.POSTAL_CODE: (
        "postal code", "postcode", "post code", "zip", "zip code", "zipcode", "zip/postal code", "mailing postal code",
        "mailing zip/postal code", "plz",
    ),
    LeadField.COUNTRY: (
        "country", "country/region", "country code", "country/region code", "country region", "mailing country",
        "nation", "land", "pais",
    ),
    LeadField.TIME_ZONE: ("time zone", "timezone", "tz", "local time zone", "iana time zone", "hs timezone"),
    LeadField.LANGUAGE: ("language", "preferred language", "hs language", "spoken language", "lang", "locale"),
    LeadField.DO_NOT_CALL: (
        "do not call", "donotcall", "dnc", "has opted out of call", "opted out of calls", "hs do not call",
        "call opt out",
    ),
    LeadField.CONSENT: (
        "consent", "consent kind", "consent type", "consent status", "call consent", "calling consent",
        "consent to call", "tcpa consent", "opt in", "phone opt in", "call opt in",
    ),
    LeadField.CONSENT_DATE: (
        "consent date", "consent time", "consent timestamp", "consent given on", "consented at", "date of consent",
        "opt in date", "opt in time", "opt in timestamp",
    ),
    LeadField.CONSENT_SOURCE: ("consent source", "source of consent", "opt in source", "consent origin"),
    LeadField.CONSENT_PROOF: (
        "consent proof", "proof of consent", "consent evidence", "consent url", "consent record", "consent text",
        "trustedform cert url", "trustedform", "xxtrustedformcerturl", "jornaya leadid", "leadid token",
    ),
    LeadField.JOB_TITLE: ("job title", "title", "position", "role"),
    LeadField.LEAD_SOURCE: ("lead source", "original source", "source"),
    LeadField.NOTES: ("notes", "note", "comments", "comment", "description", "remarks"),
    LeadField.CRM_ID: ("record id", "contact id", "lead id", "crm id", "external id", "hs object id", "id"),
}  # fmt: skip


def squashed(header: str) -> str:
    """A header as it is compared: `E-Mail Address`, `email_address` and `EmailAddress` are one, accents or not."""
    plain = unicodedata.normalize("NFKD", header.replace("ß", "ss")).casefold()
    return re.sub(r"[^a-z0-9]", "", plain)


def custom_name(header: str) -> str:
    """The name of a custom field, as scripts write it: `Plan Type (2026)` is plan_type_2026."""
    return re.sub(r"\W+", "_", unicodedata.normalize("NFKC", header).casefold()).strip("_")[:60] or "column"


_PHONE_TARGETS = {
    squashed(name): (kind, rank)
    for kind, names in reversed(_PHONES.items())
    for rank, name in reversed(list(enumerate(names)))
}
_FIELD_TARGETS = {squashed(name): field for field, names in _FIELDS.items() for name in names}
_HOLDERS = {"properties", "fields", "lead", "contact", "person", "address", "mailingaddress"}
_IGNORED = {squashed(name) for name in ERROR_COLUMNS}
_KINDS = list(PhoneKind)
_KIND_VALUES = frozenset(kind.value for kind in PhoneKind)
_FIELD_VALUES = frozenset(field.value for field in LeadField)
PHONE_NAMES = tuple(name for kind in PhoneKind for name in _PHONES[kind][:3])
"""Some of the names that hold numbers: shown where no column does."""


class PhoneColumn(BaseModel):
    """A column with numbers."""

    model_config = ConfigDict(frozen=True)

    position: int
    kind: PhoneKind


class ColumnPlan(BaseModel):
    """Where each field of a row is. Positions count from 0."""

    model_config = ConfigDict(frozen=True)

    headers: tuple[str, ...]
    phones: tuple[PhoneColumn, ...]
    """The preferred one first."""
    fields: dict[LeadField, int]
    custom: dict[str, int]
    """Custom fields by name."""
    unknown: tuple[str, ...] = ()
    """Headers that were not understood and are not read."""
    repeated: tuple[str, ...] = ()
    """Headers that were there before; their columns were renamed."""

    @property
    def mapping(self) -> dict[str, str]:
        """Each header's target, as an override would write it."""
        targets = dict.fromkeys(self.headers, IGNORE)
        targets |= {self.headers[phone.position]: phone.kind.value for phone in self.phones}
        targets |= {self.headers[position]: field.value for field, position in self.fields.items()}
        return targets | {self.headers[position]: f"{CUSTOM}:{name}" for name, position in self.custom.items()}


def plan_columns(
    header: Sequence[str], override: Mapping[str, str] | None = None, *, keep_unknown: bool = False
) -> ColumnPlan:
    """Give each column its target: the override's, or the one its name is known for.

    The first column of a name wins; a nameless one is called `column 3` (counted from 1). `keep_unknown` keeps columns
    that are not understood as custom fields. Raises FileRefused (bad_mapping) for an override that does not fit.
    """
    headers, repeated = _unique_headers(header)
    chosen = _checked(override or {}, headers)
    phones: list[tuple[int, int, int]] = []
    fields: dict[LeadField, int] = {}
    custom: dict[str, int] = {}
    unknown: list[str] = []
    taken = {LeadField(target) for target in chosen.values() if target in _FIELD_VALUES}
    for position, name in enumerate(headers):
        target, rank = (chosen[position], 0) if position in chosen else _proposed(name, taken)
        if target in _KIND_VALUES:
            phones.append((_KINDS.index(PhoneKind(target)), rank, position))
        elif target in _FIELD_VALUES:
            fields[LeadField(target)] = position
            taken.add(LeadField(target))
        elif target.startswith(CUSTOM) or (not target and keep_unknown):
            custom[_free_name(target.partition(":")[2] or custom_name(name), custom)] = position
        elif not target:
            unknown.append(name)
    return ColumnPlan(
        headers=headers,
        phones=tuple(PhoneColumn(position=position, kind=_KINDS[kind]) for kind, _, position in sorted(phones)),
        fields=fields,
        custom=custom,
        unknown=tuple(unknown),
        repeated=repeated,
    )


def known_columns(header: Sequence[str]) -> int:
    """How many headers are understood: tells the right delimiter, and the header among title lines."""
    return len({key for key in map(squashed, header) if key in _FIELD_TARGETS or key in _PHONE_TARGETS})


def holds_numbers(header: str) -> bool:
    """Whether a column of this name is taken for one of phone numbers."""
    return squashed(header) in _PHONE_TARGETS


def looks_like_data(headers: Sequence[str]) -> bool:
    """Whether the first line is a lead rather than a header: then it is personal data and not shown."""
    return any(sum(letter.isdigit() for letter in name) >= 7 for name in headers)


def shown_headers(headers: Sequence[str]) -> str:
    return "hidden, as they look like personal data" if looks_like_data(headers) else ", ".join(headers[:20])


def _proposed(name: str, taken: set[LeadField]) -> tuple[str, int]:
    """`(target, rank among columns of this target)`; an empty target is a column that is not understood."""
    key = squashed(name)
    if key in _IGNORED:
        return IGNORE, 0
    if key not in _PHONE_TARGETS and key not in _FIELD_TARGETS:
        key = _plainer(name)
    if key in _PHONE_TARGETS:
        kind, rank = _PHONE_TARGETS[key]
        return kind.value, rank
    field = _FIELD_TARGETS.get(key)
    return (field.value if field is not None and field not in taken else ""), 0


def _plainer(name: str) -> str:
    """Without the name of what holds the lead's own fields in JSON (`properties.phone`; never `owner.phone`), and
    without a number behind the name of a phone column (`mobile 2`, `phones 1`)."""
    holder, dot, inner = name.rpartition(".")
    key = squashed(inner if dot and squashed(holder) in _HOLDERS else name)
    numbered = re.sub(r"\d$", "", key)
    return numbered if numbered in _PHONE_TARGETS else key


def _checked(override: Mapping[str, str], headers: Sequence[str]) -> dict[int, str]:
    """Targets by position. Headers are matched exactly, else without regard to case, spaces and signs."""
    exact = {name: position for position, name in enumerate(headers)}
    loose = {squashed(name): position for position, name in reversed(list(enumerate(headers))) if squashed(name)}
    chosen: dict[int, str] = {}
    fields: set[str] = set()
    for header, target in override.items():
        position = exact.get(_tidy(header), loose.get(squashed(header)))
        if position is None:
            raise _bad_mapping(
                f"The file has no column '{header[:100]}'.", f"Columns found: {shown_headers(headers)}.", headers
            )
        if target in _FIELD_VALUES and target in fields:
            raise _bad_mapping(f"Two columns are mapped to {target}.", "Map one of them, and the other to custom.")
        known = target in _FIELD_VALUES | _KIND_VALUES | {CUSTOM, IGNORE}
        if not known and not re.fullmatch(rf"{CUSTOM}:\w{{1,60}}", target):
            raise _bad_mapping(f"'{target[:100]}' is nothing that a column can be.", f"Use one of: {TARGETS}.")
        fields.add(target)
        chosen[position] = target
    return chosen


TARGETS = ", ".join([*PhoneKind, *LeadField, CUSTOM, f"{CUSTOM}:NAME", IGNORE])
"""Everything that a column can be mapped to, for people."""


def _bad_mapping(message: str, fix: str, headers: Sequence[str] = ()) -> FileRefused:
    return FileRefused(FileCode.BAD_MAPPING, message, fix, () if looks_like_data(headers) else tuple(headers))


def _free_name(name: str, used: Mapping[str, int]) -> str:
    return (
        name if name not in used else next(f"{name}_{n}" for n in range(2, len(used) + 3) if f"{name}_{n}" not in used)
    )


def _tidy(header: str) -> str:
    return re.sub(r"\s+", " ", header).strip()[:100]


def _unique_headers(header: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    headers: list[str] = []
    repeated: list[str] = []
    for position, raw in enumerate(header, start=1):
        name = _tidy(raw) or f"column {position}"
        if name in headers:
            repeated.append(name)
            name = next(f"{name} ({n})" for n in range(2, len(header) + 2) if f"{name} ({n})" not in headers)
        headers.append(name)
    return tuple(headers), tuple(repeated)
