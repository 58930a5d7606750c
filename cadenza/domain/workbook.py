"""A workbook's sheets and what their cells need, as openpyxl finds them; the cells themselves are for `sheet_cells`.

openpyxl is pinned: its reader is used part by part, as its own `load_workbook` would parse each sheet once more, for a
size that files state or leave out as they like.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.xml.constants import SHARED_STRINGS

from cadenza.domain.sheet_cells import SheetStyle, TooManyTexts, shared_texts, sheet_rows

__all__ = ["Sheet", "TooManyTexts", "Workbook", "open_workbook"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A worksheet and the part that holds it."""

    title: str
    is_visible: bool
    part: str


class Workbook:
    """An open workbook. Rows are read from the stream: one sheet at a time."""

    def __init__(self, archive: Any, sheets: list[Sheet], style: SheetStyle) -> None:
        self.sheets = sheets
        self._archive = archive
        self._style = style

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, list[Any]]]:
        """`(row number, values)` of the rows that are there. Raises BadSheet, and what a damaged archive raises."""
        with self._archive.open(sheet.part) as source:
            yield from sheet_rows(source, self._style)


def open_workbook(stream: BinaryIO, *, most_texts: int) -> Workbook:
    """Raises TooManyTexts, BadSheet, and whatever openpyxl raises for what is no workbook."""
    reader = ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
    reader.read_manifest()
    texts = reader.package.find(SHARED_STRINGS)
    shared: list[str] = []
    if texts is not None:
        with reader.archive.open(texts.PartName[1:]) as source:
            shared = shared_texts(source, most_texts)
    reader.read_workbook()
    book = reader.wb
    apply_stylesheet(reader.archive, book)
    sheets = [
        Sheet(sheet.name, sheet.state == "visible", rel.target)
        for sheet, rel in reader.parser.find_sheets()
        if rel.target in reader.valid_files and "chartsheet" not in rel.Type
    ]
    style = SheetStyle(
        texts=shared,
        date_styles=frozenset(book._date_formats),
        span_styles=frozenset(book._timedelta_formats),
        epoch=book.epoch,
    )
    return Workbook(reader.archive, sheets, style)
