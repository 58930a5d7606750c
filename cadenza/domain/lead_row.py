"""One row of a lead file on its way to a lead: what is taken, and what is to be said about it. Pure."""

import re

from pydantic import BaseModel, ConfigDict

from cadenza.domain.address import Address
from cadenza.domain.language import language_code
from cadenza.domain.lead_columns import KEPT_AS_CUSTOM, ColumnPlan, LeadField, PhoneKind
from cadenza.domain.lead_name import full_and_first_name
from cadenza.domain.phone import COUNTRIES, PhoneNumber, PhoneRefused, parse_phone
from cadenza.domain.places import country_code, state_code, state_zones, time_zone
from cadenza.domain.row_problem import RowCode, RowProblem
from cadenza.domain.row_source import RawRow
from cadenza.domain.safe_csv import with_formulas
from cadenza.domain.stated_consent import ConsentKind, StatedConsent, consent_kind, read_day

MAX_CELL = 200
MAX_CUSTOM_CELL = 1000
MAX_CUSTOM_FIELDS = 60
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s.,;<>\"]{2,}")
_YES = {"yes", "y", "true", "1", "x", "ja", "t", "on"}
_MONTH_FIRST = frozenset({"US", "PH"})
_POSTAL_DIGITS = {"US": 5, "PR": 5, "AU": 4}


class OtherPhone(BaseModel):
    """A further number of the person."""

    model_config = ConfigDict(frozen=True)

    phone: str
    kind: PhoneKind
    extension: str = ""
    country: str = ""
    zones: tuple[str, ...] = ()


class LeadRow(BaseModel):
    """A row that becomes a lead. `phone` is the number that is called first; `other_phones` follow in order."""

    model_config = ConfigDict(frozen=True)

    row: int
    phone: str
    phone_kind: PhoneKind = PhoneKind.PHONE
    phone_column: int = 0
    """Position of the cell that the number was read from."""
    extension: str = ""
    other_phones: tuple[OtherPhone, ...] = ()
    name: str = ""
    first_name: str = ""
    email: str = ""
    company: str = ""
    country: str = ""
    """ISO 3166 code of the number's country; the person's is in the address."""
    zones: tuple[str, ...]
    said_zone: str = ""
    address: Address = Address()
    language: str = ""
    consent: StatedConsent | None = None
    custom: dict[str, str] = {}


class RowReader:
    """Reads rows by a plan. A number without + is read as in the row's country, or else in `default_country`."""

    def __init__(self, plan: ColumnPlan, default_country: str) -> None:
        self._plan = plan
        self._default_country = default_country

    def read(self, raw: RawRow) -> tuple[LeadRow | None, list[RowProblem]]:
        """The lead, or None with the one error among the findings."""
        reading = _Reading(raw, self._plan, self._default_country)
        return reading.lead(), reading.problems

    def duplicate(self, raw: RawRow, lead: LeadRow, first_row: int) -> RowProblem:
        return RowProblem(
            row=raw.row,
            column=self._plan.headers[lead.phone_column],
            value=clean_cell(raw.cells[lead.phone_column])[:MAX_CELL],
            code=RowCode.DUPLICATE_IN_FILE,
            message=f"The number is the same as in row {first_row}.",
            fix="Nothing to do if it is the same person; otherwise correct the number.",
        )


class _Reading:
    """One row; collects what is to be said about it."""

    def __init__(self, raw: RawRow, plan: ColumnPlan, default_country: str) -> None:
        self._row = raw.row
        self._plan = plan
        self._default_country = default_country
        self._cells = [clean_cell(cell) for cell in raw.cells]
        self._phone_column = 0
        self.problems: list[RowProblem] = []

    def lead(self) -> LeadRow | None:
        if "\ufffd" in "".join(self._cells):
            self._say(
                RowCode.BAD_ENCODING, "", "", "A character was lost in an earlier conversion.", "Check the names."
            )
        if self._must_not_be_called():
            return None
        country = self._country()
        numbers = self._numbers(country or self._default_country)
        if not numbers:
            return None
        (kind, number), *others = numbers
        zones = self._zones(number, country)
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
            row=self._row,
            phone=number.e164,
            phone_kind=kind,
            phone_column=self._phone_column,
            extension=number.extension,
            other_phones=tuple(
                OtherPhone(phone=one.e164, kind=its_kind, extension=one.extension, country=one.country, zones=one.zones)
                for its_kind, one in others
            ),
            name=name,
            first_name=first_name,
            email=self._email(),
            company=self._short(LeadField.COMPANY),
            country=number.country,
            zones=zones,
            said_zone=self._said_zone(),
            address=self._address(country, number.country),
            language=self._language(),
            consent=self._consent(country or number.country),
            custom=self._custom(),
        )

    def _must_not_be_called(self) -> bool:
        if (written := self._word(LeadField.DO_NOT_CALL)).casefold() in _YES:
            self._say_of(
                LeadField.DO_NOT_CALL,
                RowCode.ON_DNC,
                written,
                "The row says that this person must not be called.",
                "Nothing to do; to suppress the number in all campaigns, add it to the suppressions.",
            )
            return True
        written = self._word(LeadField.CONSENT)
        if written and consent_kind(written) is ConsentKind.REFUSED:
            self._say_of(
                LeadField.CONSENT,
                RowCode.NO_CONSENT,
                written,
                "The row says that this person did not consent to be called.",
                "Nothing to do; if the person has consented since, write how, for example 'express written'.",
            )
            return True
        return False

    def _numbers(self, country: str) -> list[tuple[PhoneKind, PhoneNumber]]:
        """The row's usable numbers in order, each once. Without any, the first refusal is the row's error."""
        found: dict[str, tuple[PhoneKind, PhoneNumber]] = {}
        refusals: list[tuple[int, PhoneRefused]] = []
        for column in self._plan.phones:
            if not (written := self._cells[column.position]):
                continue
            try:
                number = parse_phone(written, country)
            except PhoneRefused as error:
                refusals.append((column.position, error))
            else:
                if not found:
                    self._phone_column = column.position
                found.setdefault(number.e164, (column.kind, number))
        for position, refusal in refusals:
            code = RowCode.OTHER_NUMBER_UNUSABLE if found else refusal.code
            self._say(code, self._plan.headers[position], self._cells[position], refusal.message, refusal.fix)
            if not found:
                return []
        if not found:
            self._say(
                RowCode.MISSING_PHONE,
                self._plan.headers[self._plan.phones[0].position],
                "",
                "There is no phone number.",
                "Fill in the number, or delete the row.",
            )
        return self._with_extension(list(found.values()))

    def _with_extension(self, numbers: list[tuple[PhoneKind, PhoneNumber]]) -> list[tuple[PhoneKind, PhoneNumber]]:
        """A column of extensions belongs to the first number that can have one: a mobile phone has none."""
        extension = re.sub(r"\D", "", self._field(LeadField.EXTENSION).removesuffix(".0"))[:20]
        for position, (kind, number) in enumerate(numbers):
            if extension and not number.extension and (kind is not PhoneKind.MOBILE or len(numbers) == 1):
                numbers[position] = kind, number.model_copy(update={"extension": extension})
                break
        return numbers

    def _country(self) -> str | None:
        """The row's own country; None if it has none that is understood."""
        written = self._word(LeadField.COUNTRY)
        code = country_code(written, COUNTRIES) if written else None
        if written and code is None:
            self._say_of(
                LeadField.COUNTRY,
                RowCode.UNKNOWN_COUNTRY,
                written,
                f"The country is not known; numbers without + were read as in {self._default_country}.",
                "Use a two-letter code such as US or AU.",
            )
        return code

    def _zones(self, number: PhoneNumber, country: str | None) -> tuple[str, ...]:
        """The row's own time zone counts alone; a state only adds to what the number says."""
        if written := self._word(LeadField.TIME_ZONE):
            zone = time_zone(written)
            if zone is not None:
                return (zone,)
            self._say_of(
                LeadField.TIME_ZONE,
                RowCode.UNKNOWN_TIME_ZONE,
                written,
                "The time zone is not known; those of the number are used.",
                "Use a name such as America/Chicago or Australia/Perth.",
            )
        state = self._word(LeadField.STATE)
        added = state_zones(country or number.country, state) if state else None
        if added is None:
            return number.zones
        if number.zones and not set(added) & set(number.zones):
            self._say_of(
                LeadField.STATE,
                RowCode.STATE_CONFLICTS,
                state,
                "The state and the number's area code are in different time zones; both must be open for a call.",
                "Add a column 'time zone' if you know where the person is.",
            )
        return tuple(dict.fromkeys((*number.zones, *added)))

    def _said_zone(self) -> str:
        """The row's own time zone; empty if it has none that is understood."""
        written = self._word(LeadField.TIME_ZONE)
        return (time_zone(written) if written else None) or ""

    def _email(self) -> str:
        written = self._field(LeadField.EMAIL)
        if not written or (len(written) <= 254 and _EMAIL.fullmatch(written)):
            return written
        self._say_of(
            LeadField.EMAIL,
            RowCode.BAD_EMAIL,
            written,
            "This is not an e-mail address; the lead was taken without it.",
            "Correct it, for example name@example.com.",
        )
        return ""

    def _address(self, country: str | None, number_country: str) -> Address:
        place = country or number_country
        state = self._word(LeadField.STATE)
        return Address(
            street=self._short(LeadField.STREET),
            city=self._short(LeadField.CITY),
            state=state_code(place, state) or state,
            postal_code=_postal_code(self._field(LeadField.POSTAL_CODE), place)[:20],
            country=country or "",
        )

    def _language(self) -> str:
        written = self._word(LeadField.LANGUAGE)
        code = language_code(written) if written else ""
        if code is None:
            self._say_of(
                LeadField.LANGUAGE,
                RowCode.UNKNOWN_LANGUAGE,
                written,
                "The language is not known; the lead was taken without it.",
                "Use a code such as en or es-MX.",
            )
        return code or ""

    def _consent(self, country: str) -> StatedConsent | None:
        written = self._word(LeadField.CONSENT)
        if not written:
            return None
        kind = consent_kind(written)
        if kind is None:
            self._say_of(
                LeadField.CONSENT,
                RowCode.UNKNOWN_CONSENT,
                written,
                "The kind of consent is not understood; the lead was taken without consent.",
                "Write 'express written', 'express' or 'implied'.",
            )
            return None
        day = self._word(LeadField.CONSENT_DATE)
        given_on = read_day(day, month_first=country in _MONTH_FIRST) if day else None
        if day and given_on is None:
            self._say_of(
                LeadField.CONSENT_DATE,
                RowCode.BAD_CONSENT_DATE,
                day,
                "This is not a date; the consent was kept without its day.",
                "Write the day as 2026-11-20.",
            )
        return StatedConsent(
            kind=kind,
            given_on=given_on,
            source=self._short(LeadField.CONSENT_SOURCE),
            proof=self._field(LeadField.CONSENT_PROOF)[:MAX_CUSTOM_CELL],
        )

    def _custom(self) -> dict[str, str]:
        positions = {field.value: self._plan.fields[field] for field in KEPT_AS_CUSTOM if field in self._plan.fields}
        positions |= dict(list(self._plan.custom.items())[:MAX_CUSTOM_FIELDS])
        return {name: value[:MAX_CUSTOM_CELL] for name, at in positions.items() if (value := self._cells[at])}

    def _short(self, field: LeadField) -> str:
        value = self._field(field)
        if len(value) > MAX_CELL:
            self._say_of(
                field,
                RowCode.SHORTENED,
                "",
                f"The text was cut to {MAX_CELL} characters.",
                "Nothing to do, unless it is the wrong column.",
            )
        return value[:MAX_CELL]

    def _word(self, field: LeadField) -> str:
        """A cell that holds one of a few words; what is longer is none of them."""
        return self._field(field)[:MAX_CELL]

    def _field(self, field: LeadField) -> str:
        position = self._plan.fields.get(field)
        return "" if position is None else self._cells[position]

    def _say_of(self, field: LeadField, code: RowCode, value: str, message: str, fix: str) -> None:
        self._say(code, self._plan.headers[self._plan.fields[field]], value, message, fix)

    def _say(self, code: RowCode, column: str, value: str, message: str, fix: str) -> None:
        self.problems.append(
            RowProblem(row=self._row, column=column, value=value[:MAX_CELL], code=code, message=message, fix=fix)
        )


def clean_cell(text: str) -> str:
    """What a database and a person can hold: no NULs, no lone surrogates, no space around, and without the apostrophe
    that a spreadsheet or an export put before a formula's sign."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\x00", "").strip()
    return with_formulas(text).strip() if text.startswith("'") else text


def _postal_code(text: str, country: str) -> str:
    """Spreadsheets take a postal code for a number: `2110.0` was 02110 in the United States."""
    code = re.sub(r"^(\d+)\.0+$", r"\1", text) if text else ""
    return code.zfill(_POSTAL_DIGITS.get(country, 0)) if code.isdigit() else code
