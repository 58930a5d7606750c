"""Answers of the reassigned numbers database: number, the date that was asked about, yes, no or no data. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from cadenza.domain.csv_rows import read_csv
from cadenza.domain.file_form import FileKind, find_form
from cadenza.domain.number_list import read_registered
from cadenza.domain.phone import PhoneRefused
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem
from cadenza.domain.row_source import BadRow, RawRow
from cadenza.domain.suppression import ReassignedWord

_WORDS = {
    "yes": ReassignedWord.YES, "y": ReassignedWord.YES, "true": ReassignedWord.YES, "1": ReassignedWord.YES,
    "no": ReassignedWord.NO, "n": ReassignedWord.NO, "false": ReassignedWord.NO, "0": ReassignedWord.NO,
    "no data": ReassignedWord.NO_DATA, "no_data": ReassignedWord.NO_DATA, "nodata": ReassignedWord.NO_DATA,
    "2": ReassignedWord.NO_DATA,
}  # fmt: skip
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """`asked_about`: when the number was last known to be the person's."""

    phone: str
    asked_about: date
    word: ReassignedWord


def read_answers(stream: BinaryIO) -> Iterator[Answer | RowProblem]:
    """One for each row: number, date, answer, in this order; a header line is left out. Raises FileRefused."""
    form = find_form(stream)
    if form.kind is not FileKind.CSV:
        raise FileRefused(
            FileCode.NOT_A_LEAD_FILE, "This is no CSV.", "Send the answers as CSV: number, date asked about, answer."
        )
    _, records = read_csv(stream, form.encoding)
    for count, record in enumerate(records):
        if isinstance(record, BadRow):
            yield record.problem
        elif any(cell.strip() for cell in record.cells) and not (count == 0 and _is_header(record)):
            yield _read(record)


def _is_header(record: RawRow) -> bool:
    return not any(character.isdigit() for character in record.cells[0])


def _read(record: RawRow) -> Answer | RowProblem:
    cells = [cell.strip() for cell in record.cells]
    if len(cells) < _COLUMNS:
        return _problem(record.row, "", "", RowCode.RAGGED_ROW, "The row has fewer than three cells.",
                        "Each row holds number, date asked about (2026-11-20) and yes, no or no data.")  # fmt: skip
    try:
        phone = read_registered(cells[0], "US")
    except PhoneRefused as refusal:
        return _problem(record.row, "number", cells[0], refusal.code, refusal.message, refusal.fix)
    asked_about = _date(cells[1])
    if asked_about is None:
        return _problem(record.row, "date", cells[1], RowCode.BAD_DATE, "This is not a date.", "Write it 2026-11-20.")
    word = _WORDS.get(cells[2].lower())
    if word is None:
        return _problem(record.row, "answer", cells[2], RowCode.BAD_ANSWER, "This is no answer of the database.",
                        "Write yes, no, or no data.")  # fmt: skip
    return Answer(phone, asked_about, word)


def _date(text: str) -> date | None:
    try:
        if found := _DATE.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _US_DATE.fullmatch(text):
            return date(int(found[3]), int(found[1]), int(found[2]))
    except ValueError:
        return None
    return None


def _problem(row: int, column: str, value: str, code: RowCode, message: str, fix: str) -> RowProblem:
    return RowProblem(row=row, column=column, value=value[:200], code=code, message=message, fix=fix)
