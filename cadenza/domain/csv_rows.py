"""Records of a CSV, read line by line. Its delimiter is declared (`sep=;`) or found from the first lines.

A quote that is never closed would swallow the rows after it. So a record of several lines must be strictly valid;
where it is not, its first line is reported and the others are read again, each on its own.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from cadenza.domain.file_form import open_text
from cadenza.domain.lead_columns import known_columns
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem
from cadenza.domain.row_source import BadRow, RawRow, Record

USUAL_DELIMITERS = (",", ";", "\t", "|")
_UNUSUAL_DELIMITERS = (":", "^", "~", "\x1f", "\x1e", "\x01", "¦", "§")
"""Taken only where they make a column's name understood: most of them occur inside cells."""

_SAMPLE = 1 << 16
_SAMPLED_RECORDS = 10
_MAX_LINE = 1_000_000
_SHOWN = 10_000  # characters of a line that cannot be read
_DECLARED = re.compile(r"^\ufeff?\"?sep=(.)\"?\r?\n?$", re.IGNORECASE)


def read_csv(stream: BinaryIO, encoding: str) -> tuple[str, Iterator[Record]]:
    """`(delimiter, records)`, the header among them. Raises FileRefused, also while records are read."""
    with open_text(stream, encoding) as text:
        first = text.readline(_MAX_LINE)
        declared = _DECLARED.match(first)
        sample = "" if declared else first + text.read(_SAMPLE)
    delimiter = declared.group(1) if declared else _find_delimiter(sample.replace("\x00", "").lstrip("\ufeff"))
    return delimiter, _records(stream, encoding, delimiter, has_declaration=declared is not None)


def _records(stream: BinaryIO, encoding: str, delimiter: str, *, has_declaration: bool) -> Iterator[Record]:
    with open_text(stream, encoding) as text:
        if has_declaration:
            text.readline()  # Excel's own line; it does not count as a row
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        row = 0
        while True:
            lines.taken.clear()
            try:
                cells = next(reader)
                is_readable = len(lines.taken) == 1 or _is_strict(lines.taken, delimiter)
            except StopIteration:
                return
            except csv.Error:
                is_readable = False
            row += 1
            if is_readable:
                yield RawRow(row, tuple(cells))
            else:
                yield BadRow(row, _cells_as_seen(lines.taken[0], delimiter), _broken_quotes(row))
                lines.give_back()


def _cells_as_seen(line: str, delimiter: str) -> tuple[str, ...]:
    """A line that is not CSV, cut at its delimiters."""
    return tuple(next(csv.reader([line[:_SHOWN]], delimiter=delimiter, quoting=csv.QUOTE_NONE), ()))


class _Lines:
    """The file's lines, without NULs; those of the record under way can be given back."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        """All but the first line of the record."""
        self._again.extendleft(reversed(self.taken[1:]))

    def _read(self) -> str:
        line = self._text.readline(_MAX_LINE)
        if not line:
            raise StopIteration
        if len(line) == _MAX_LINE:
            raise FileRefused(
                FileCode.NOT_A_LEAD_FILE,
                f"A line of the file has more than {_MAX_LINE} characters.",
                "Export the leads again, with one line for each lead.",
            )
        return line.replace("\x00", "")


def _is_strict(lines: list[str], delimiter: str) -> bool:
    try:
        return len(list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))) == 1
    except csv.Error:
        return False


def _broken_quotes(row: int) -> RowProblem:
    return RowProblem(
        row=row,
        code=RowCode.BROKEN_QUOTES,
        message="A double quote is opened in this row and not closed, or a cell is far too long.",
        fix='Close the quote, or write "" for a quote inside a cell. The lines after it were read each on its own.',
    )


def _find_delimiter(sample: str) -> str:
    """The one that gives the most columns that are understood, then the most rows of one width, then the most columns.

    A file with a single column has none; it is read as comma-separated (`csv.Sniffer` fails on such files).
    """
    scores = {delimiter: _score(sample, delimiter) for delimiter in (*USUAL_DELIMITERS, *_UNUSUAL_DELIMITERS)}
    best = max(USUAL_DELIMITERS, key=scores.__getitem__)
    unusual = max(_UNUSUAL_DELIMITERS, key=scores.__getitem__)
    return unusual if scores[unusual][0] > scores[best][0] else best


def _score(sample: str, delimiter: str) -> tuple[int, int, int]:
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True):
            if any(cell.strip() for cell in record):
                records.append(record)
            if len(records) == _SAMPLED_RECORDS:
                break
    except csv.Error:
        pass
    if not records:
        return (0, 0, 0)
    header = max(records, key=known_columns)
    alike = sum(1 for record in records if len(record) == len(header)) if len(header) > 1 else 0
    return (known_columns(header), alike, len(header))
