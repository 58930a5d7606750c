"""Results of uploads, row by row, and what a file would be read as."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cadenza.domain.file_form import FileKind
from cadenza.domain.outcomes import UploadState
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
    "kind": "csv",
    "encoding": "utf-8",
    "state": "done",
    "dry_run": False,
    "progress": 1.0,
    "mapping": {"First Name": "first_name", "Mobile Phone Number": "mobile_phone", "Plan": "custom:plan"},
    "rows": 43,
    "accepted": 42,
    "rejected": 1,
    "created_at": "2026-11-20T09:00:00Z",
    "finished_at": "2026-11-20T09:00:01Z",
}


class ActiveElsewhere(StrEnum):
    """What to do with numbers that another campaign is calling."""

    REFUSE = "refuse"
    TAKE = "take"


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
    """An upload: `accepted` + `rejected` = `rows` when it is done; blank lines are not counted."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    campaign_id: str
    file_name: str
    kind: FileKind | Literal[""] = Field("", description="What the file is, whatever its name says")
    encoding: str = Field("", description="cp1252 is a guess, with a warning")
    state: UploadState = Field(description="Leads and findings are there once it is done; interrupted: send it again")
    dry_run: bool = Field(False, description="`accepted` is what would have been taken; no lead was")
    progress: float = Field(description="Share of the file that has been read, 0 to 1")
    mapping: dict[str, str] = Field(description="What each column was taken for")
    rows: int = Field(description="Rows read so far")
    accepted: int
    rejected: int
    created_at: datetime
    finished_at: datetime | None = None


class UploadResultOut(UploadOut):
    """An upload with the findings of its rows: the first 200; the others by their cursor."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_EXAMPLE, "already_uploaded": False, "findings": [EXAMPLE_FINDING], "next": None}]
        }
    )

    already_uploaded: bool = Field(False, description="The same file was here before: nothing was changed")
    findings: list[RowFinding]
    next: str | None = Field(None, description="Cursor for more findings at GET /v1/uploads/{id}")


class PreviewColumn(BaseModel):
    """A column and what it would be taken for."""

    name: str
    target: str = Field(description="A field, `custom:NAME`, or `ignore`; `mapping` overrides it")
    samples: list[str] = Field(description="The first three texts in it")


class PreviewRow(BaseModel):
    """A row as it would be read."""

    row: int
    cells: list[str]
    lead: dict[str, Any] | None = Field(description="The lead it would become, before campaigns and suppressions")
    findings: list[RowFinding]


class PreviewOut(BaseModel):
    """What a file would be read as. Nothing was kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "csv",
                    "encoding": "utf-8",
                    "delimiter": ";",
                    "columns": [
                        {"name": "Name", "target": "full_name", "samples": ["Ada Abbott"]},
                        {"name": "Telefon", "target": "phone", "samples": ["+12125550146"]},
                        {"name": "Plan", "target": "ignore", "samples": ["Gold"]},
                    ],
                    "targets": ["phone", "first_name", "custom", "custom:NAME", "ignore"],
                    "rows": [
                        {
                            "row": 2,
                            "cells": ["Ada Abbott", "+12125550146", "Gold"],
                            "lead": {"phone": "+12125550146", "name": "Ada Abbott", "first_name": "Ada"},
                            "findings": [],
                        }
                    ],
                    "warnings": [
                        {
                            "row": 1,
                            "column": "Plan",
                            "value": "",
                            "code": "unknown_column",
                            "severity": "warning",
                            "message": "This column is not understood and was not read.",
                            "fix": "Map it to a field, or keep it as a custom field.",
                        }
                    ],
                }
            ]
        }
    )

    kind: FileKind
    encoding: str
    delimiter: str = Field(description="Of a CSV")
    columns: list[PreviewColumn]
    targets: list[str] = Field(description="Everything that a column can be mapped to")
    rows: list[PreviewRow] = Field(description="The first rows that are not blank")
    warnings: list[RowFinding] = Field(description="About the file as a whole")
