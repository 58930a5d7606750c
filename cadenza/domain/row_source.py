"""The rows of a lead file, whatever its form: CSV with any delimiter, a JSON array, or JSON Lines.

Every row comes out exactly once, as cells by header or as a problem, with the number a person would give it:
CSV rows count as a spreadsheet shows them (the header is row 1), JSON objects from 1.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from cadenza.domain.lead_columns import known_columns
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem

DELIMITERS = (",", ";", "\t", "|")
_MAX_COLUMNS = 1000
_SWALLOWED_LINES = 5  # a cell with more line breaks than this is a quote that was never closed


class RawRow(BaseModel):
    """Cells in the order of the header."""

    model_config = ConfigDict(frozen=True)

    row: int
    cells: tuple[str, ...]


class RowSource(BaseModel):
    """A header and its rows; `items` holds a row or the reason why it could not be read."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    header: tuple[str, ...]
    items: Iterable[RawRow | RowProblem]


def read_rows(text: str) -> RowSource:
    """Tell JSON from CSV by the first character, and read. Raises FileRefused."""
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("["):
        return _objects(_json_array(start))
    if start.startswith("{"):
        return _objects(_json_lines(text))
    return _csv(text.lstrip("\ufeff"))


# CSV


def _csv(text: str) -> RowSource:
    lines = text.replace("\x00", "")
    delimiter = None
    declared = re.match(r"^\"?sep=(.)\"?\r?\n", lines)  # Excel's own line; it does not count as a row
    if declared:
        delimiter, lines = declared.group(1), lines[declared.end() :]
    delimiter = delimiter or _sniff(lines)
    # newline="" : the reader, not Python, decides where a record ends
    reader = csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter)
    number, header = 0, []
    try:
        for record in reader:
            number += 1
            if any(cell.strip() for cell in record):
                header = record
                break
    except csv.Error:
        header = []
    if not header or len(header) > _MAX_COLUMNS:
        raise FileRefused(
            FileCode.NOT_A_LEAD_FILE,
            "The file has no header line that can be read.",
            "The first line must hold the columns' names, for example: name,phone,company",
        )
    return RowSource(header=tuple(header), items=_csv_rows(reader, number, len(header)))


def _csv_rows(reader: Any, number: int, width: int) -> Iterator[RawRow | RowProblem]:
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            number += 1
            yield _broken_quotes(number)
            continue
        number += 1
        if not any(cell.strip() for cell in record):
            continue
        if any(cell.count("\n") > _SWALLOWED_LINES for cell in record):
            yield _broken_quotes(number)
        elif len(record) > width and any(cell.strip() for cell in record[width:]):
            yield RowProblem(
                row=number,
                code=RowCode.RAGGED_ROW,
                message=f"The row has {len(record)} cells, the header has {width}.",
                fix="Put text that holds the delimiter into double quotes, or remove the extra cells.",
            )
        else:
            cells = record[:width] + [""] * (width - len(record))
            yield RawRow(row=number, cells=tuple(cells))


def _broken_quotes(row: int) -> RowProblem:
    return RowProblem(
        row=row,
        code=RowCode.BROKEN_QUOTES,
        message="A double quote is opened in this row and not closed; the lines after it were read into one cell.",
        fix='Close the quote, or write "" for a quote inside a cell. Check the rows after this one as well.',
    )


def _sniff(text: str) -> str:
    """The delimiter of the header line: the one that gives the most columns that are understood, then the most columns.

    A file with a single column has none; it is read as comma-separated (`csv.Sniffer` fails on such files).
    """
    first = next((line for line in text[:100_000].splitlines() if line.strip()), "")

    def score(delimiter: str) -> tuple[int, int]:
        try:
            header = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:
            return (0, 0)
        return (known_columns(header), len(header))

    return max(DELIMITERS, key=score)


# JSON


def _json_array(text: str) -> list[tuple[int, Any]]:
    return list(enumerate(_load(text), start=1))


def _json_lines(text: str) -> list[tuple[int, Any]]:
    """JSON Lines; or one object that holds the rows under `leads`."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return [
            (number, _line(line)) for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1) if line.strip()
        ]
    if isinstance(whole, dict) and isinstance(whole.get("leads"), list):
        return list(enumerate(whole["leads"], start=1))
    return [(1, whole)]


def _load(text: str) -> list[Any]:
    try:
        return list(json.loads(text))
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise FileRefused(
            FileCode.BAD_JSON,
            f"The JSON cannot be read{where}.",
            "Send an array of objects, or one object on each line.",
        ) from None


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _objects(numbered: list[tuple[int, Any]]) -> RowSource:
    if not numbered:
        raise FileRefused(FileCode.EMPTY_FILE, "The file holds no leads.", "Export the leads again.")
    header: dict[str, None] = {}
    for _, value in numbered:
        if isinstance(value, dict):
            header.update(dict.fromkeys(value))
    if len(header) > _MAX_COLUMNS:
        raise FileRefused(
            FileCode.NOT_A_LEAD_FILE,
            f"The objects have more than {_MAX_COLUMNS} different names.",
            "Send one object for each lead, with the same names in each.",
        )
    names = tuple(header)
    return RowSource(header=names, items=_object_rows(numbered, names))


def _object_rows(numbered: list[tuple[int, Any]], names: Sequence[str]) -> Iterator[RawRow | RowProblem]:
    for row, value in numbered:
        if isinstance(value, dict):
            yield RawRow(row=row, cells=tuple(_cell(value.get(name)) for name in names))
        else:
            yield RowProblem(
                row=row,
                code=RowCode.NOT_AN_OBJECT,
                message="This is not a JSON object.",
                fix='Write one object for each lead: {"name": "...", "phone": "..."}',
            )


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
