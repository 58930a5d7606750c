"""A list of numbers that are not to be called, read row by row: any form that a lead file may have, and files without a
header, as registers give them out (`202,5550123` is an area code and a number). Pure; nothing is held but the row.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from cadenza.domain.csv_rows import read_csv
from cadenza.domain.file_form import FileKind, find_form
from cadenza.domain.json_rows import read_json
from cadenza.domain.lead_columns import plan_columns, shown_headers
from cadenza.domain.lead_row import clean_cell
from cadenza.domain.phone import PhoneRefused, parse_any_phone
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem
from cadenza.domain.row_source import BadRow, RawRow, Record, with_header
from cadenza.domain.xlsx_rows import read_xlsx

_NORTH_AMERICA = frozenset({"US", "CA"})
_NATIONAL = re.compile(r"1?([2-9]\d{2}[2-9]\d{6})")
_E164 = re.compile(r"\+[1-9]\d{7,14}")
_LEFT_OUT = str.maketrans("", "", " -.()\t'")
_DIGITS = re.compile(r"\D")

NumberReader = Callable[[str, str], str]
"""A cell and the default country to E.164. Raises PhoneRefused."""


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A row: its numbers, each problem of the others. A row without any number has one problem."""

    row: int
    phones: tuple[str, ...] = ()
    problems: tuple[RowProblem, ...] = ()
    cells: tuple[str, ...] = field(default=())


def read_registered(text: str, default_country: str) -> str:
    """A number of a register by its form alone: millions of them, and one that nobody has bars nobody."""
    bare = text.translate(_LEFT_OUT)
    if _E164.fullmatch(bare):
        return bare
    if default_country in _NORTH_AMERICA and (found := _NATIONAL.fullmatch(bare)):
        return f"+1{found[1]}"
    return parse_any_phone(text, default_country)


def read_numbers(stream: BinaryIO, default_country: str, read: NumberReader = parse_any_phone) -> Iterator[NumberRow]:
    """Every row that is not blank. Raises FileRefused, also while rows are read."""
    columns, records = _open(stream)
    for record in records:
        if isinstance(record, BadRow):
            yield NumberRow(record.row, problems=(record.problem,), cells=record.cells)
        elif any(cell.strip() for cell in record.cells):
            yield _read_row(record, columns, default_country, read)


def _open(stream: BinaryIO) -> tuple[list[tuple[int, str]] | None, Iterator[Record]]:
    """`(position and name of the columns that hold numbers, rows)`; None: every column may."""
    form = find_form(stream)
    if form.kind in {FileKind.JSON, FileKind.JSON_LINES}:
        source = read_json(stream, form)
        return _phone_columns(source.header), source.items
    records = read_csv(stream, form.encoding)[1] if form.kind is FileKind.CSV else read_xlsx(stream)[1]
    first = next((one for one in records if isinstance(one, BadRow) or any(cell.strip() for cell in one.cells)), None)
    if first is None:
        raise FileRefused(FileCode.EMPTY_FILE, "The file holds no numbers.", "Export the list again.")
    records = chain([first], records)
    if isinstance(first, RawRow) and _holds_a_number(first.cells):
        return None, records
    source = with_header(records, None)
    return _phone_columns(source.header), source.items


def _phone_columns(header: Sequence[str]) -> list[tuple[int, str]]:
    plan = plan_columns([clean_cell(name) for name in header])
    if not plan.phones:
        raise FileRefused(
            FileCode.NO_PHONE_COLUMN,
            f"No column holds phone numbers. Columns found: {shown_headers(plan.headers)}.",
            "Name the column 'phone', or send the numbers alone, one in a line and without a header.",
            plan.headers,
        )
    return [(column.position, plan.headers[column.position]) for column in plan.phones]


def _holds_a_number(cells: Sequence[str]) -> bool:
    return any(7 <= len(_DIGITS.sub("", cell)) <= 18 and not re.search(r"[A-Za-z]{3}", cell) for cell in cells)


def _read_row(
    record: RawRow, columns: list[tuple[int, str]] | None, default_country: str, read: NumberReader
) -> NumberRow:
    phones: dict[str, None] = {}
    problems = []
    for name, cell in _number_cells(record.cells, columns):
        try:
            phones[read(cell, default_country)] = None
        except PhoneRefused as refusal:
            problems.append(_problem(record.row, name, cell, refusal))
    if not phones and not problems:
        problems.append(
            RowProblem(
                row=record.row,
                code=RowCode.MISSING_PHONE,
                message="There is no phone number in this row.",
                fix="Fill in the number, or delete the row.",
            )
        )
    return NumberRow(record.row, tuple(phones), tuple(problems), record.cells)


def _number_cells(cells: tuple[str, ...], columns: list[tuple[int, str]] | None) -> Iterator[tuple[str, str]]:
    """Column and text of what may be numbers."""
    if columns is not None:
        yield from ((name, cells[position]) for position, name in columns if cells[position].strip())
        return
    filled = [(f"column {position}", cell.strip()) for position, cell in enumerate(cells, 1) if cell.strip()]
    if len(filled) == 2 and _is_split(filled[0][1], filled[1][1]):
        yield "column 1", filled[0][1] + filled[1][1]
    elif len(filled) == 1:
        yield filled[0]
    else:
        yield from ((name, cell) for name, cell in filled if _holds_a_number([cell]))


def _is_split(first: str, second: str) -> bool:
    return len(first) == 3 and len(second) == 7 and (first + second).isdigit()


def _problem(row: int, column: str, value: str, refusal: PhoneRefused) -> RowProblem:
    return RowProblem(
        row=row, column=column, value=value[:200], code=refusal.code, message=refusal.message, fix=refusal.fix
    )
