"""Files of numbers in requests: how they are documented, refused and answered."""

from typing import Any

from api.problems import Problem
from api.received_file import XLSX
from api.schemas.compliance import ListFinding, ListOut
from api.schemas.problems import FieldError, ProblemCode
from cadenza.domain.row_problem import FileRefused
from cadenza.records.number_uploads import ListResult


def file_body(example: str, description: str) -> dict[str, Any]:
    """`openapi_extra=` of a route that takes a file."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {
                "text/csv": {"schema": {"type": "string"}, "example": example},
                XLSX: binary,
                "multipart/form-data": {"schema": form},
            },
        }
    }


NUMBERS_BODY = file_body(
    "+12125550123\n+12125550124\n",
    "CSV, an Excel workbook, a JSON array or JSON Lines, with the columns of a lead file; or numbers alone, one in a "
    "line, as registers give them out (`212,5550123` is one, too).",
)


def list_out(result: ListResult) -> ListOut:
    return ListOut(
        id=result.id,
        rows=result.rows,
        numbers=result.numbers,
        new=result.new,
        rejected=result.rejected,
        findings=[ListFinding.model_validate(problem.model_dump()) for problem in result.findings],
    )


def refused_list(refusal: FileRefused) -> Problem:
    """The 422 problem: nothing of the file was taken."""
    return Problem(
        422,
        ProblemCode(refusal.code.value),
        "The file cannot be taken",
        refusal.message,
        errors=[FieldError(field="file", message=refusal.message, fix=refusal.fix)],
    )
