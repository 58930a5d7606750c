"""Rows of an Excel workbook's first visible sheet, read one after the other.

A workbook is a zip archive of XML: small files can unfold to gigabytes. So its parts are measured before they are
opened, and a row is never longer than a header may be. Numbers and dates arrive as stored, not as shown: a phone number
that Excel shows as 1.21E+10 is whole. Of a formula the result is read that was stored with it.
"""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import Any, BinaryIO

from cadenza.domain.file_form import SAVE_AS_CSV
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem
from cadenza.domain.row_source import RawRow, Record

_Rows = Iterator[tuple[int, list[Any]]]

LAST_ROW = 1_048_576
"""Of a worksheet, by Excel's own limit."""

_MOST_PARTS = 5_000
_MOST_SHEET_BYTES = 500_000_000  # all sheets; read in pieces
_MOST_ROW_BYTES = 2_000_000  # held whole
_MOST_BYTES_AFTER_ROWS = 16_000_000  # hyperlinks, validations
_MOST_TEXT_BYTES = 64_000_000  # texts that cells share: held whole
_MOST_TEXTS = 1_500_000
_MOST_OTHER_BYTES = 8_000_000  # styles, the workbook itself: held whole
_PIECE = 1 << 18
_ROW = re.compile(rb"row(?:\s[^>]*?\br=\"(\d{1,9})\"|[\s/>])")
_BEFORE_NAME = re.compile(rb"<(/?)(?:\w+:)?\Z")
"""Tags are `<row`, `</row` or `<x:row`: their plain word is looked for first, as that is fast."""

_LONGEST_TAG = 1_000
_LONGEST_PREFIX = 30
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)")


def read_xlsx(stream: BinaryIO) -> tuple[tuple[RowProblem, ...], Iterator[Record]]:
    """`(warnings, records)`. Raises FileRefused, also while records are read."""
    stream.seek(0)
    last_rows = _measure(stream)
    stream.seek(0)
    # Here, for openpyxl takes a fifth of a second, and most processes never see a workbook
    from cadenza.domain.workbook import TooManyTexts, open_workbook

    try:
        book = open_workbook(stream, most_texts=_MOST_TEXTS)
        sheets = [sheet for sheet in book.sheets if sheet.is_visible] or book.sheets
        filled = [sheet for sheet in sheets if _has_cells(book.rows(sheet))] or sheets[:1]
        sheet, *others = filled
    except TooManyTexts as error:
        raise _too_large() from error
    except Exception as error:  # the library raises whatever its parts raise
        raise _bad_workbook() from error
    warnings = (_other_sheets(sheet.title, [other.title for other in others]),) if others else ()
    return warnings, _records(book.rows(sheet), max(last_rows))


def _records(rows: _Rows, last_row: int) -> Iterator[Record]:
    """Up to the last row: what stands below it, such as a link for each e-mail address, is not read. Rows that the file
    leaves out are there without cells; one that stands again, or too late, is left out."""
    number = 0
    while number < last_row:
        try:
            found, cells = next(rows, (0, None))
        except Exception as error:
            raise _bad_workbook() from error
        if cells is None:
            return
        for missing in range(number + 1, min(found, last_row + 1)):
            yield RawRow(missing, ())
        if number < found <= last_row:
            yield RawRow(found, tuple(map(_text, cells)))
        number = max(number, found)


def _has_cells(rows: _Rows) -> bool:
    return any(cell is not None for _, row in islice(rows, 100) for cell in row[:100])


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e17:
            return str(int(value))
        case datetime() if value.time() == time(0):
            return value.date().isoformat()
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _measure(stream: BinaryIO) -> list[int]:
    """The last row's number of each sheet. Raises FileRefused for what would unfold beyond bounds."""
    try:
        with zipfile.ZipFile(stream) as archive:
            return _measured(archive)
    except FileRefused:
        raise
    except zipfile.BadZipFile as error:
        raise FileRefused(
            FileCode.NOT_A_LEAD_FILE,
            "The file begins as a workbook does and cannot be opened: was it cut off?",
            SAVE_AS_CSV,
        ) from error
    except Exception as error:  # a damaged archive raises whatever its parts raise
        raise _bad_workbook() from error


def _measured(archive: zipfile.ZipFile) -> list[int]:
    parts = archive.infolist()
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise FileRefused(
            FileCode.NOT_A_LEAD_FILE, "The file is a zip archive, but not an Excel workbook (.xlsx).", SAVE_AS_CSV
        )
    sheets = [part for part in parts if part.filename.startswith("xl/worksheets/")]
    texts = [part for part in parts if part.filename.casefold().endswith("sharedstrings.xml")]
    others = [part for part in parts if part.filename.endswith((".xml", ".rels")) and part not in sheets + texts]
    limits = ((sheets, _MOST_SHEET_BYTES), (texts, _MOST_TEXT_BYTES), (others, _MOST_OTHER_BYTES))
    if len(parts) > _MOST_PARTS or any(sum(part.file_size for part in kind) > most for kind, most in limits):
        raise _too_large()
    return [
        _count(archive, part, _ROW, most=LAST_ROW, most_apart=_MOST_ROW_BYTES, most_after=_MOST_BYTES_AFTER_ROWS)
        for part in sheets
    ]


def _count(
    archive: zipfile.ZipFile,
    part: zipfile.ZipInfo,
    tag: re.Pattern[bytes],
    *,
    most: int,
    most_apart: int,
    most_after: int,
) -> int:
    """The number that the last of the tags has, or `most` if they have none. Raises FileRefused if there are more tags,
    or they are further apart, than a worksheet can have."""
    count, last_number, last_at, base, text, apart = 0, 0, 0, 0, b"", most_after
    with archive.open(part) as unfolded:
        while True:
            piece = unfolded.read(_PIECE)
            text += piece
            whole_until = len(text) - _LONGEST_TAG if piece else len(text)
            if _DECLARATION.search(text):
                raise _bad_workbook()
            for found in tag.finditer(text):
                if found.start() >= whole_until:
                    break
                before = _BEFORE_NAME.search(text, max(0, found.start() - _LONGEST_PREFIX), found.start())
                if before is None:
                    continue  # the word stands inside a cell, or ends another name
                if base + found.start() - last_at > apart:
                    raise _too_large()
                last_at = base + found.start()
                apart = most_after if before.group(1) else most_apart
                if not before.group(1):
                    count, last_number = count + 1, int(found.group(1) or most)
            if count > most or last_number > most or base + len(text) - last_at > apart:
                raise _too_large()
            if not piece:
                return last_number
            base, text = base + max(0, whole_until), text[max(0, whole_until) :]


def _other_sheets(title: str, others: list[str]) -> RowProblem:
    names = ", ".join(other[:31] for other in others[:5])
    return RowProblem(
        row=0,
        code=RowCode.OTHER_SHEETS,
        message=f"Only the sheet '{title[:31]}' was read; others hold rows too: {names}.",
        fix="If leads are on the other sheets, save each as a file of its own and upload it.",
    )


def _too_large() -> FileRefused:
    return FileRefused(
        FileCode.WORKBOOK_TOO_LARGE, "The workbook unfolds to far more than a lead file holds.", SAVE_AS_CSV
    )


def _bad_workbook() -> FileRefused:
    return FileRefused(FileCode.BAD_WORKBOOK, "The workbook is damaged or not in Excel's form.", SAVE_AS_CSV)
