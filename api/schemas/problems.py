"""The shape of every error."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ProblemCode(StrEnum):
    """Stable codes: they never change their meaning."""

    BAD_REQUEST = "bad_request"
    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    BAD_SIGNATURE = "bad_signature"
    BAD_TOKEN = "bad_token"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    WRONG_CAMPAIGN_STATE = "wrong_campaign_state"
    CAMPAIGN_NOT_READY = "campaign_not_ready"
    LAST_API_KEY = "last_api_key"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    RATE_LIMITED = "rate_limited"
    INTERNAL_ERROR = "internal_error"
    NOT_READY = "not_ready"
    DATABASE_AWAY = "database_away"
    BAD_PHONE = "bad_phone"
    BAD_CURSOR = "bad_cursor"
    NO_RECORDING = "no_recording"
    CALL_OVER = "call_over"
    TOO_MANY_NOTES = "too_many_notes"
    BAD_RULES = "bad_rules"
    RULES_WEAKENED = "rules_weakened"
    # Whole lead files that cannot be taken
    EMPTY_FILE = "empty_file"
    NOT_A_LEAD_FILE = "not_a_lead_file"
    WRONG_ENCODING = "wrong_encoding"
    NO_PHONE_COLUMN = "no_phone_column"
    TOO_MANY_ROWS = "too_many_rows"
    BAD_JSON = "bad_json"
    BAD_WORKBOOK = "bad_workbook"
    WORKBOOK_TOO_LARGE = "workbook_too_large"
    BAD_MAPPING = "bad_mapping"


class FieldError(BaseModel):
    """One thing to put right."""

    field: str = Field(description="Path of the field, such as `script.opening`; empty for the request as a whole")
    message: str = Field(description="What is wrong")
    fix: str = Field(description="What to do about it")


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 describes it (`application/problem+json`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:cadenza:problem:invalid_request",
                    "title": "The request is not valid",
                    "status": 422,
                    "code": "invalid_request",
                    "detail": "Each error names its field and what to do.",
                    "errors": [{"field": "script.opening", "message": "Field required", "fix": "Add this field."}],
                }
            ]
        }
    )

    type: str = Field(description="A URI for the code")
    title: str = Field(description="The same for every problem of this code")
    status: int = Field(description="The HTTP status again")
    code: ProblemCode = Field(description="Stable: match on this")
    detail: str = Field("", description="What happened this time")
    errors: list[FieldError] = Field(default_factory=list, description="Field by field")
