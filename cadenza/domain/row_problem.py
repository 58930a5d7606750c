"""Why a row of a lead file is not taken, or what to know about one that is. Codes are stable: clients match on them."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class RowCode(StrEnum):
    """The reasons. Those in `WARNINGS` do not keep a row out."""

    MISSING_PHONE = "missing_phone"
    NOT_A_NUMBER = "not_a_number"
    NEEDS_COUNTRY = "needs_country"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    INVALID_NUMBER = "invalid_number"
    SCIENTIFIC_NOTATION = "scientific_notation"
    TWO_NUMBERS_IN_CELL = "two_numbers_in_cell"
    PREMIUM = "premium"
    TOLL_FREE = "toll_free"
    EMERGENCY_OR_SHORT = "emergency_or_short"
    NOT_A_CALLABLE_TYPE = "not_a_callable_type"
    COUNTRY_NOT_ENABLED = "country_not_enabled"
    AMBIGUOUS_TIMEZONE = "ambiguous_timezone"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    DUPLICATE_IN_CAMPAIGN = "duplicate_in_campaign"
    DUPLICATE_IN_OTHER_CAMPAIGN = "duplicate_in_other_campaign"
    OPTED_OUT = "opted_out"
    WRONG_NUMBER = "wrong_number"
    ON_DNC = "on_dnc"
    NO_CONSENT = "no_consent"
    RAGGED_ROW = "ragged_row"
    BROKEN_QUOTES = "broken_quotes"
    NOT_AN_OBJECT = "not_an_object"
    HEADER_REPEATED = "header_repeated"
    BAD_DATE = "bad_date"  # of an answer about a reassigned number
    BAD_ANSWER = "bad_answer"

    # Warnings: the row is taken all the same
    BAD_EMAIL = "bad_email"
    BAD_ENCODING = "bad_encoding_char"
    ENCODING_GUESSED = "encoding_guessed"
    UNKNOWN_TIME_ZONE = "unknown_time_zone"
    UNKNOWN_COUNTRY = "unknown_country"
    STATE_CONFLICTS = "state_conflicts_with_area_code"
    OTHER_NUMBER_UNUSABLE = "other_number_unusable"
    OTHER_NUMBER_OPTED_OUT = "other_number_opted_out"
    UNKNOWN_LANGUAGE = "unknown_language"
    UNKNOWN_CONSENT = "unknown_consent"
    BAD_CONSENT_DATE = "bad_consent_date"
    ACTIVE_ELSEWHERE = "active_in_other_campaign"
    SHORTENED = "shortened"
    DUPLICATE_HEADER = "duplicate_header"
    UNKNOWN_COLUMN = "unknown_column"
    LINES_SKIPPED = "lines_skipped"
    OTHER_SHEETS = "other_sheets"


WARNINGS = frozenset(
    {
        RowCode.BAD_EMAIL,
        RowCode.BAD_ENCODING,
        RowCode.ENCODING_GUESSED,
        RowCode.UNKNOWN_TIME_ZONE,
        RowCode.UNKNOWN_COUNTRY,
        RowCode.STATE_CONFLICTS,
        RowCode.OTHER_NUMBER_UNUSABLE,
        RowCode.OTHER_NUMBER_OPTED_OUT,
        RowCode.UNKNOWN_LANGUAGE,
        RowCode.UNKNOWN_CONSENT,
        RowCode.BAD_CONSENT_DATE,
        RowCode.ACTIVE_ELSEWHERE,
        RowCode.SHORTENED,
        RowCode.DUPLICATE_HEADER,
        RowCode.UNKNOWN_COLUMN,
        RowCode.LINES_SKIPPED,
        RowCode.OTHER_SHEETS,
    }
)


class RowProblem(BaseModel):
    """One finding. `row` counts as a spreadsheet does: the header is row 1; 0 means the file as a whole."""

    model_config = ConfigDict(frozen=True)

    row: int
    column: str = ""
    value: str = ""
    code: RowCode
    message: str
    fix: str

    @property
    def is_warning(self) -> bool:
        return self.code in WARNINGS


class FileCode(StrEnum):
    """Why a whole file is not taken."""

    EMPTY_FILE = "empty_file"
    NOT_A_LEAD_FILE = "not_a_lead_file"
    WRONG_ENCODING = "wrong_encoding"
    NO_PHONE_COLUMN = "no_phone_column"
    TOO_MANY_ROWS = "too_many_rows"
    BAD_JSON = "bad_json"
    BAD_WORKBOOK = "bad_workbook"
    WORKBOOK_TOO_LARGE = "workbook_too_large"
    BAD_MAPPING = "bad_mapping"


class FileRefused(Exception):
    """Nothing of the file was taken. `columns` are those that were found."""

    def __init__(self, code: FileCode, message: str, fix: str, columns: tuple[str, ...] = ()) -> None:
        super().__init__(code.value)
        self.code = code
        self.message = message
        self.fix = fix
        self.columns = columns
