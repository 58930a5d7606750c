"""A lead file, read: which rows become leads, and why the others do not. Pure; the database's word comes later.

Good rows are taken and each bad one is reported. Every row is accounted for exactly once, as a lead or as an error.
"""

import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from cadenza.domain.file_text import decode_file
from cadenza.domain.lead_columns import PHONE_NAMES, ColumnPlan, LeadField, plan_columns
from cadenza.domain.lead_name import full_and_first_name
from cadenza.domain.phone import COUNTRIES, PhoneNumber, PhoneRefused, parse_phone
from cadenza.domain.places import country_code, state_zones, time_zone
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem
from cadenza.domain.row_source import RawRow, RowSource, read_rows

MAX_ROWS = 50_000
MAX_CELL = 200
MAX_CUSTOM_CELL = 1000
MAX_CUSTOM_FIELDS = 60
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s.,;<>\"]{2,}")
_YES = {"yes", "y", "true", "1", "x", "ja", "t", "on"}


class LeadRow(BaseModel):
    """A row that becomes a lead."""

    model_config = ConfigDict(frozen=True)

    row: int
    phone: str
    name: str = ""
    first_name: str = ""
    email: str = ""
    company: str = ""
    country: str = ""
    zones: tuple[str, ...]
    custom: dict[str, str] = {}


class LeadFile(BaseModel):
    """What a file holds. `rows` counts those that are not blank: leads plus errors, without the warnings."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[str, ...]
    rows: int
    leads: tuple[LeadRow, ...]
    problems: tuple[RowProblem, ...]


def parse_lead_file(data: bytes, default_country: str) -> LeadFile:
    """Read CSV, a JSON array or JSON Lines. Raises FileRefused if nothing of it can be taken."""
    text, encoding = decode_file(data)
    source = read_rows(text)
    plan = plan_columns([_clean(name) for name in source.header])
    if not plan.phones:
        raise _no_phone_column(plan)
    problems = _file_warnings(encoding, plan)
    leads: list[LeadRow] = []
    first_rows: dict[str, int] = {}
    rows = 0
    for item in _limited(source):
        rows += 1
        if isinstance(item, RowProblem):
            problems.append(item)
            continue
        reading = _RowReading(item, plan, default_country)
        lead = reading.lead()
        problems += reading.problems
        if lead is None:
            continue
        if lead.phone in first_rows:
            problems.append(reading.duplicate_of(first_rows[lead.phone]))
            continue
        first_rows[lead.phone] = lead.row
        leads.append(lead)
    if rows == 0:
        raise FileRefused(
            FileCode.EMPTY_FILE,
            "The file has a header and no rows.",
            "Add a row for each lead.",
            plan.headers,
        )
    return LeadFile(columns=plan.headers, rows=rows, leads=tuple(leads), problems=tuple(problems))


def _limited(source: RowSource) -> Iterator[RawRow | RowProblem]:
    for count, item in enumerate(source.items, start=1):
        if count > MAX_ROWS:
            raise FileRefused(
                FileCode.TOO_MANY_ROWS,
                f"The file has more than {MAX_ROWS} rows.",
                "Split it into smaller files and upload them one after the other.",
            )
        yield item


def _no_phone_column(plan: ColumnPlan) -> FileRefused:
    found = ", ".join(plan.headers[:20])
    looked_for = ", ".join(PHONE_NAMES[:12])
    looks_like_data = any(sum(letter.isdigit() for letter in name) >= 7 for name in plan.headers)
    hint = " The first line seems to hold a lead: add a line with the columns' names above it." * looks_like_data
    shown = "hidden, as they look like personal data" if looks_like_data else found
    return FileRefused(
        FileCode.NO_PHONE_COLUMN,
        f"No column holds phone numbers. Columns found: {shown}.",
        f"Name the column 'phone' (also understood: {looked_for}).{hint}",
        () if looks_like_data else plan.headers,
    )


def _file_warnings(encoding: str, plan: ColumnPlan) -> list[RowProblem]:
    warnings = []
    if encoding == "cp1252":
        warnings.append(
            RowProblem(
                row=0,
                code=RowCode.ENCODING_GUESSED,
                message="The file is not UTF-8; it was read as Windows-1252.",
                fix="Look whether names with accents are right; if not, save the file as 'CSV UTF-8' and upload again.",
            )
        )
    warnings += [
        RowProblem(
            row=1,
            column=name,
            code=RowCode.DUPLICATE_HEADER,
            message="Two columns have this name; the first one counts, the other is kept under a numbered name.",
            fix="Give each column its own name.",
        )
        for name in plan.repeated
    ]
    return warnings


class _RowReading:
    """One row on its way to a lead; collects what is to be said about it."""

    def __init__(self, raw: RawRow, plan: ColumnPlan, default_country: str) -> None:
        self._raw = raw
        self._plan = plan
        self._default_country = default_country
        self._cells = tuple(_clean(cell) for cell in raw.cells)
        self.problems: list[RowProblem] = []

    def lead(self) -> LeadRow | None:
        """The lead, or None with the reason among the problems."""
        if any("\ufffd" in cell for cell in self._cells):
            self._say(
                RowCode.BAD_ENCODING, "", "", "A character was lost in an earlier conversion.", "Check the names."
            )
        if self._field(LeadField.DO_NOT_CALL).casefold() in _YES:
            self._say(
                RowCode.ON_DNC,
                self._header(LeadField.DO_NOT_CALL),
                self._field(LeadField.DO_NOT_CALL),
                "The row says that this person must not be called.",
                "Nothing to do; to suppress the number in all campaigns, add it to the suppressions.",
            )
            return None
        country = self._country()
        found = self._phone(country)
        if found is None:
            return None
        number, others = found
        zones = self._zones(number)
        if not zones:
            self._say(
                RowCode.AMBIGUOUS_TIMEZONE,
                "",
                "",
                "The number does not say in which time zone it is, so no hour is known to be allowed.",
                "Add a column 'time zone' with a name such as America/Chicago.",
            )
            return None
        name, first_name = full_and_first_name(
            self._field(LeadField.FULL_NAME), self._field(LeadField.FIRST_NAME), self._field(LeadField.LAST_NAME)
        )
        return LeadRow(
            row=self._raw.row,
            phone=number.e164,
            name=name,
            first_name=first_name,
            email=self._email(),
            company=self._short(LeadField.COMPANY),
            country=number.country,
            zones=zones,
            custom=self._custom(number, others),
        )

    def duplicate_of(self, row: int) -> RowProblem:
        return RowProblem(
            row=self._raw.row,
            column=self._plan.headers[self._plan.phones[0]],
            code=RowCode.DUPLICATE_IN_FILE,
            message=f"The number is the same as in row {row}, which was taken.",
            fix="Nothing to do if it is the same person; otherwise correct the number.",
        )

    def _phone(self, country: str) -> tuple[PhoneNumber, list[str]] | None:
        """The first usable number of the row, and the other usable ones."""
        numbers: list[PhoneNumber] = []
        refusals: list[tuple[int, PhoneRefused]] = []
        for position in self._plan.phones:
            if not self._cells[position]:
                continue
            try:
                numbers.append(parse_phone(self._cells[position], country))
            except PhoneRefused as error:
                refusals.append((position, error))
        for position, refusal in refusals:
            code = RowCode.OTHER_NUMBER_UNUSABLE if numbers else refusal.code
            self._say(code, self._plan.headers[position], self._cells[position], refusal.message, refusal.fix)
            if not numbers:
                return None
        if not numbers:
            self._say(
                RowCode.MISSING_PHONE,
                self._plan.headers[self._plan.phones[0]],
                "",
                "There is no phone number.",
                "Fill in the number, or delete the row.",
            )
            return None
        others = [number.e164 for number in numbers[1:] if number.e164 != numbers[0].e164]
        return numbers[0], list(dict.fromkeys(others))

    def _country(self) -> str:
        written = self._field(LeadField.COUNTRY)
        if not written:
            return self._default_country
        code = country_code(written, COUNTRIES)
        if code is None:
            self._say(
                RowCode.UNKNOWN_COUNTRY,
                self._header(LeadField.COUNTRY),
                written,
                f"The country is not known; numbers without + were read as in {self._default_country}.",
                "Use a two-letter code such as US or AU.",
            )
        return code or self._default_country

    def _zones(self, number: PhoneNumber) -> tuple[str, ...]:
        """The row's own time zone counts alone; a state only adds to what the number says."""
        written = self._field(LeadField.TIME_ZONE)
        if written:
            zone = time_zone(written)
            if zone is not None:
                return (zone,)
            self._say(
                RowCode.UNKNOWN_TIME_ZONE,
                self._header(LeadField.TIME_ZONE),
                written,
                "The time zone is not known; those of the number are used.",
                "Use a name such as America/Chicago or Australia/Perth.",
            )
        state = self._field(LeadField.STATE)
        added = state_zones(number.country, state) if state else None
        if added is None:
            return number.zones
        if number.zones and not set(added) & set(number.zones):
            self._say(
                RowCode.STATE_CONFLICTS,
                self._header(LeadField.STATE),
                state,
                "The state and the number's area code are in different time zones; both must be open for a call.",
                "Add a column 'time zone' if you know where the person is.",
            )
        return tuple(dict.fromkeys((*number.zones, *added)))

    def _email(self) -> str:
        written = self._field(LeadField.EMAIL)
        if not written or (len(written) <= 254 and _EMAIL.fullmatch(written)):
            return written
        self._say(
            RowCode.BAD_EMAIL,
            self._header(LeadField.EMAIL),
            written,
            "This is not an e-mail address; the lead was taken without it.",
            "Correct it, for example name@example.com.",
        )
        return ""

    def _custom(self, number: PhoneNumber, others: list[str]) -> dict[str, str]:
        custom: dict[str, str] = {}
        for position in self._plan.custom[:MAX_CUSTOM_FIELDS]:
            if value := self._cells[position]:
                custom[self._plan.headers[position]] = value[:MAX_CUSTOM_CELL]
        if state := self._field(LeadField.STATE):
            custom["state"] = state[:MAX_CELL]
        if number.extension:
            custom["extension"] = number.extension
        if others:
            custom["other_phones"] = ", ".join(others)
        return custom

    def _short(self, field: LeadField) -> str:
        value = self._field(field)
        if len(value) > MAX_CELL:
            self._say(
                RowCode.SHORTENED,
                self._header(field),
                "",
                f"The text was cut to {MAX_CELL} characters.",
                "Nothing to do, unless it is the wrong column.",
            )
        return value[:MAX_CELL]

    def _field(self, field: LeadField) -> str:
        position = self._plan.fields.get(field)
        return "" if position is None else self._cells[position]

    def _header(self, field: LeadField) -> str:
        position = self._plan.fields.get(field)
        return "" if position is None else self._plan.headers[position]

    def _say(self, code: RowCode, column: str, value: str, message: str, fix: str) -> None:
        self.problems.append(
            RowProblem(row=self._raw.row, column=column, value=value[:MAX_CELL], code=code, message=message, fix=fix)
        )


def _clean(text: str) -> str:
    """What a database and a person can hold: no NULs, no lone surrogates, no space around."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8").strip()
