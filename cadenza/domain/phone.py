"""A phone number as people write it, to one that may be dialled, or the reason why not and what to do.

Only ordinary lines in enabled countries pass (an allow-list: premium, satellite and personal numbers are valid numbers
too). Traps measured on phonenumbers 9.0.43: `212-555-0123; 0199` silently becomes extension 0199, Excel writes
`1.21256E+10`, and digits without `+` are read in the default country whatever they were meant to be.
"""

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult
from pydantic import BaseModel, ConfigDict

from cadenza.domain.consent import LineType
from cadenza.domain.phone_zones import candidate_zones
from cadenza.domain.row_problem import RowCode

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""ISO 3166 codes that a number can be read in."""

ENABLED_COUNTRIES = frozenset({"US", "CA", "AU", "NZ", "GB", "IE"})
"""Countries that are called without asking for more. A campaign's default country is enabled too."""

MAX_LENGTH = 100

_CALLABLE = {
    PhoneNumberType.FIXED_LINE: LineType.FIXED,
    PhoneNumberType.MOBILE: LineType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineType.UNKNOWN,
    PhoneNumberType.VOIP: LineType.VOIP,
}
_SCIENTIFIC = re.compile(r"^\+?\d+([.,]\d+)?[eE]\+?\d+$")
_EXTENSION = re.compile(r"^\s*(ext\.?|extension|x|#)\s*:?\s*\d", re.IGNORECASE)
_SEPARATOR = re.compile(r"[;,/|\n\r]|\s(?:or|and|oder|ou|&)\s", re.IGNORECASE)


class PhoneNumber(BaseModel):
    """A number that may be dialled. `zones` are all it may be in, sorted; empty if it has no place."""

    model_config = ConfigDict(frozen=True)

    e164: str
    country: str
    extension: str = ""
    zones: tuple[str, ...] = ()


class PhoneRefused(Exception):
    """The text is not a number that may be dialled. The message holds no part of the number."""

    def __init__(self, code: RowCode, message: str, fix: str) -> None:
        super().__init__(code.value)
        self.code = code
        self.message = message
        self.fix = fix


def parse_phone(text: str, default_country: str) -> PhoneNumber:
    """Read `text`; a number without `+` is read as dialled inside `default_country` (ISO 3166). Raises PhoneRefused."""
    number, kind = _parsed(text, default_country)
    _refuse_uncallable(kind)
    country = phonenumbers.region_code_for_number(number)
    if country not in ENABLED_COUNTRIES | {default_country}:
        raise PhoneRefused(
            RowCode.COUNTRY_NOT_ENABLED,
            f"Numbers in {country} are not called by this campaign.",
            f"Remove the row, or put these numbers into a campaign whose default country is {country}.",
        )
    return PhoneNumber(
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        country=country,
        extension=number.extension or "",
        zones=candidate_zones(number, country),
    )


def parse_any_phone(text: str, default_country: str) -> str:
    """Any number that can exist, whether or not it may be dialled, in E.164: for numbers that are not to be called.

    Raises PhoneRefused.
    """
    number, _ = _parsed(text, default_country)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(text: str, default_country: str) -> tuple[phonenumbers.PhoneNumber, int]:
    """A valid number and its type."""
    written = _cleaned(text)
    if not written:
        raise PhoneRefused(RowCode.MISSING_PHONE, "There is no phone number.", "Fill in the number, or delete the row.")
    if len(written) > MAX_LENGTH:
        raise _not_a_number()
    _refuse_spreadsheet_damage(written)
    _refuse_two_numbers(written)
    try:
        number = phonenumbers.parse(written, default_country)
    except NumberParseException as error:
        raise _unparsable(error, written) from None
    _refuse_short(number)
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:  # what `is_valid_number` finds out, the same way
        raise _invalid(number, written, default_country)
    return number, kind


@lru_cache(maxsize=65_536)
def line_type(e164: str) -> LineType | None:
    """The kind of line of a number in E.164; None if it is not an ordinary line, or not a number that can exist."""
    try:
        number = phonenumbers.parse(e164)
    except NumberParseException:
        return None
    if phonenumbers.region_code_for_number(number) in (None, "001"):
        return None  # satellite telephones are "mobile" lines of no country
    return _CALLABLE.get(phonenumbers.number_type(number))


def _cleaned(text: str) -> str:
    """Without what spreadsheets put around numbers: a leading apostrophe, `="..."`, a trailing `.0`."""
    written = unicodedata.normalize("NFKC", text).strip().strip("'\u2019\u200e\u200f\u202a\u202c\ufeff").strip()
    if written.startswith("="):
        written = written[1:].strip().strip('"')
    written = written.strip('"').strip()
    return re.sub(r"^(\+?\d{7,})\.0+$", r"\1", written)


def _refuse_spreadsheet_damage(written: str) -> None:
    if _SCIENTIFIC.match(written):
        raise PhoneRefused(
            RowCode.SCIENTIFIC_NOTATION,
            "Excel turned this number into scientific notation; its last digits are lost.",
            "Format the column as Text in the spreadsheet, enter the number again and export once more.",
        )


def _refuse_two_numbers(written: str) -> None:
    first, *others = _SEPARATOR.split(written)
    is_full = len(_digits(first)) >= 7
    second = any(len(_digits(other)) >= 3 and not _EXTENSION.match(other) for other in others)
    if (is_full and second and ";ext=" not in written) or len(_digits(written)) >= 18:
        raise PhoneRefused(
            RowCode.TWO_NUMBERS_IN_CELL,
            "The cell seems to hold two numbers.",
            "Keep one number in the cell; put the other one into a second phone column.",
        )


def _refuse_short(number: phonenumbers.PhoneNumber) -> None:
    digits = phonenumbers.national_significant_number(number)
    if len(digits) <= 6:  # no country's emergency number is longer
        is_service = 3 <= len(digits) <= 6
        code = RowCode.EMERGENCY_OR_SHORT if is_service else RowCode.TOO_SHORT
        raise PhoneRefused(
            code,
            "This is an emergency number or a short code." if is_service else "The number is too short.",
            "Use the full number with its area code, for example +12125550123.",
        )


def _unparsable(error: NumberParseException, written: str) -> PhoneRefused:
    kind = error.error_type
    if kind == NumberParseException.INVALID_COUNTRY_CODE:
        return PhoneRefused(
            RowCode.NEEDS_COUNTRY,
            "The country calling code after + does not exist.",
            "Write the number with its country code, for example +12125550123.",
        )
    if kind == NumberParseException.TOO_LONG:
        return PhoneRefused(RowCode.TOO_LONG, "The number has too many digits.", "Check it for a doubled digit.")
    if kind in {NumberParseException.TOO_SHORT_NSN, NumberParseException.TOO_SHORT_AFTER_IDD}:
        return PhoneRefused(RowCode.TOO_SHORT, "The number is too short.", "Add the area code.")
    return _not_a_number()


def _not_a_number() -> PhoneRefused:
    return PhoneRefused(
        RowCode.NOT_A_NUMBER,
        "This is not a phone number.",
        "Write the digits of one number, for example +12125550123.",
    )


def _invalid(number: phonenumbers.PhoneNumber, written: str, default_country: str) -> PhoneRefused:
    possible = phonenumbers.is_possible_number_with_reason(number)
    digits = _digits(written)
    looks_foreign = "+" not in written and (
        (number.country_code == 1 and digits.startswith("0"))
        or (possible != ValidationResult.IS_POSSIBLE and len(digits) >= 11)
    )
    if looks_foreign:
        return PhoneRefused(
            RowCode.NEEDS_COUNTRY,
            f"The number does not belong to {default_country}, and it does not say which country it belongs to.",
            "Write it with + and its country code, for example +61491570156, or fill in the country column.",
        )
    if possible in {ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY}:
        return PhoneRefused(RowCode.TOO_SHORT, "The number is too short.", "Add the area code.")
    if possible == ValidationResult.TOO_LONG:
        return PhoneRefused(RowCode.TOO_LONG, "The number has too many digits.", "Check it for a doubled digit.")
    return PhoneRefused(
        RowCode.INVALID_NUMBER,
        "No line can have this number: its area code or first digits are not in use.",
        "Check the number with the person who entered it.",
    )


def _refuse_uncallable(kind: int) -> None:
    if kind in _CALLABLE:
        return
    if kind == PhoneNumberType.TOLL_FREE:
        raise PhoneRefused(RowCode.TOLL_FREE, "This is a toll-free number.", "Use the person's direct number.")
    if kind == PhoneNumberType.PREMIUM_RATE:
        raise PhoneRefused(RowCode.PREMIUM, "This is a premium-rate number.", "Use the person's direct number.")
    raise PhoneRefused(
        RowCode.NOT_A_CALLABLE_TYPE,
        "This is not an ordinary line (a pager, satellite, personal or shared-cost number).",
        "Use the person's landline or mobile number.",
    )


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
