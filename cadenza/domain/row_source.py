"""The rows of a lead file, whatever its form. Every row comes out exactly once, as cells by header or as a bad row,
with the number a person would give it: spreadsheet rows as the program shows them (the header is row 1, or below the
title lines), JSON objects from 1. Nothing is held but the row under way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from cadenza.domain.lead_columns import known_columns, squashed
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem

MAX_COLUMNS = 1000
_LINES_ABOVE_HEADER = 10


@dataclass(frozen=True, slots=True)
class RawRow:
    """Cells in the order of the header."""

    row: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and what was seen of it."""

    row: int
    cells: tuple[str, ...]
    problem: RowProblem


Record = RawRow | BadRow


@dataclass(frozen=True)
class RowSource:
    """A header and the rows under it. `warnings` are about the file as a whole."""

    header: tuple[str, ...]
    items: Iterator[Record]
    delimiter: str = ""
    warnings: tuple[RowProblem, ...] = field(default=())


def with_header(
    records: Iterator[Record],
    override: Mapping[str, str] | None,
    *,
    delimiter: str = "",
    warnings: tuple[RowProblem, ...] = (),
) -> RowSource:
    """Find the header: the first line whose names are understood (or that has those of the override), among titles and
    remarks above it; else the first line that is not blank."""
    first: list[RawRow] = []
    bad: list[BadRow] = []
    for record in records:
        if isinstance(record, BadRow):
            bad.append(record)
        elif any(cell.strip() for cell in record.cells):
            first.append(record)
        if len(first) + len(bad) == _LINES_ABOVE_HEADER:
            break
    at = _header_among(first, override or {}) if first else 0
    header = _without_empty_end(first[at].cells) if first else ()
    if not 0 < len(header) <= MAX_COLUMNS:
        raise FileRefused(
            FileCode.NOT_A_LEAD_FILE,
            "The file has no header line that can be read.",
            "The first line must hold the columns' names, for example: name,phone,company",
        )
    below: list[Record] = [*first[at + 1 :], *(record for record in bad if record.row > first[at].row)]
    if at:
        warnings = (*warnings, _lines_skipped(first[at].row))
    below.sort(key=lambda record: record.row)
    return RowSource(
        header=header, items=_fitted(chain(below, records), header), delimiter=delimiter, warnings=warnings
    )


def _header_among(records: list[RawRow], override: Mapping[str, str]) -> int:
    """Names of the override count most; a single name that is understood may be a word of a title."""
    wanted = {squashed(name) for name in override}

    def score(record: RawRow) -> tuple[int, int]:
        return len(wanted & set(map(squashed, record.cells))), known_columns(record.cells)

    scores = [score(record) for record in records]
    best = scores.index(max(scores))
    return best if max(scores) > (scores[0][0], max(1, scores[0][1])) else 0


def _fitted(records: Iterator[Record], header: tuple[str, ...]) -> Iterator[Record]:
    """Blank rows left out, short rows filled up, long ones reported."""
    width = len(header)
    named = tuple(cell.strip() for cell in header)
    for record in records:
        cells = record.cells
        if isinstance(record, BadRow):
            yield record
        elif not any(cells) or not any(cell.strip() for cell in cells):
            continue
        elif len(cells) > width and any(cell.strip() for cell in cells[width:]):
            yield BadRow(record.row, cells, _ragged(record.row, len(cells), width))
        elif cells[0].strip("\ufeff ") == named[0] and _stripped(cells[:width]) == named:
            yield BadRow(record.row, cells[:width], _header_again(record.row))
        elif len(cells) != width:
            yield RawRow(record.row, cells[:width] + ("",) * (width - len(cells)))
        else:
            yield record


def _stripped(cells: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cell.strip("\ufeff \t\r\n") for cell in cells)


def _without_empty_end(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Spreadsheets export columns that only ever held a format."""
    width = max(position for position, cell in enumerate(cells, start=1) if cell.strip())
    return cells[:width]


def _ragged(row: int, cells: int, width: int) -> RowProblem:
    return RowProblem(
        row=row,
        code=RowCode.RAGGED_ROW,
        message=f"The row has {cells} cells, the header has {width}.",
        fix="Put text that holds the delimiter into double quotes, or remove the extra cells.",
    )


def _header_again(row: int) -> RowProblem:
    return RowProblem(
        row=row,
        code=RowCode.HEADER_REPEATED,
        message="This is the header once more, as in files that were put together.",
        fix="Nothing to do; delete the line if the file is used again.",
    )


def _lines_skipped(row: int) -> RowProblem:
    return RowProblem(
        row=row,
        code=RowCode.LINES_SKIPPED,
        message=f"The columns' names were found in row {row}; the lines above it were not read.",
        fix="Nothing to do, unless a lead stands above the header.",
    )
