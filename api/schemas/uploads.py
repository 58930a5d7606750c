"""Results of uploads, row by row."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cadenza.domain.row_problem import RowCode

EXAMPLE_FINDING: dict[str, Any] = {
    "row": 14,
    "column": "Mobile Phone Number",
    "value": "1.21256E+10",
    "code": "scientific_notation",
    "severity": "error",
    "message": "Excel turned this number into scientific notation; its last digits are lost.",
    "fix": "Format the column as Text in the spreadsheet, enter the number again and export once more.",
}
_EXAMPLE: dict[str, Any] = {
    "id": "up_1bejv0k3gq9x2m4t6w8y",
    "campaign_id": "cp_1bejv0k3gq9x2m4t6w8y",
    "file_name": "leads.csv",
    "rows": 43,
    "accepted": 42,
    "rejected": 1,
    "already_uploaded": False,
    "created_at": "2026-11-20T09:00:00Z",
}


class RowFinding(BaseModel):
    """What was found in a row. Errors kept it out; warnings did not."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_FINDING]})

    row: int = Field(description="As the spreadsheet counts: the header is row 1. JSON: from 1. 0: the whole file")
    column: str
    value: str = Field(description="What the cell holds")
    code: RowCode = Field(description="Stable")
    severity: Literal["error", "warning"]
    message: str
    fix: str


class UploadOut(BaseModel):
    """An upload: `accepted` + `rejected` = `rows`; blank lines are not counted."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    campaign_id: str
    file_name: str
    rows: int
    accepted: int
    rejected: int
    created_at: datetime


class UploadResultOut(UploadOut):
    """An upload with the findings of its rows: the first 200; the others by their cursor."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EXAMPLE, "findings": [EXAMPLE_FINDING], "next": None}]}
    )

    already_uploaded: bool = Field(False, description="The same file was here before: nothing was changed")
    findings: list[RowFinding]
    next: str | None = Field(None, description="Cursor for more findings at GET /v1/uploads/{id}")
