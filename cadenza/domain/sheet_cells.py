"""What stands in a worksheet's XML, read in pieces: the texts that cells share, and the cells row by row.

openpyxl knows a workbook's parts, styles and dates, and is slow at the two things of which there are many. These are
read here, straight from the parser's events. An entity that is declared could unfold without end: none is let in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from xml.parsers import expat

from openpyxl.utils.datetime import from_excel, from_ISO8601

MOST_COLUMNS = 16_384
"""Of a worksheet, by Excel's own limit."""

_PIECE = 1 << 16


class BadSheet(Exception):
    """This is no worksheet that Excel could have written."""


class TooManyTexts(Exception):
    """More texts than `most`."""


@dataclass(frozen=True, slots=True)
class SheetStyle:
    """What a workbook's cells need to be understood: the texts they share, and which styles show a date."""

    texts: list[str]
    date_styles: frozenset[int]
    span_styles: frozenset[int]  # lengths of time
    epoch: Any


def shared_texts(source: BinaryIO, most: int) -> list[str]:
    """The table of texts, without formatting and without how they are pronounced. Raises BadSheet, TooManyTexts."""
    texts: list[str] = []
    text = _Text()

    def start(name: str, _attributes: dict[str, str]) -> None:
        if name == "si":
            text.begin()
        else:
            text.start(name)

    def end(name: str) -> None:
        if name == "si":
            texts.append(text.taken().replace("x005F_", ""))
            if len(texts) > most:
                raise TooManyTexts
        else:
            text.end(name)

    for _ in _parsed(source, start, end, text.add):
        pass
    return texts


def sheet_rows(source: BinaryIO, style: SheetStyle) -> Iterator[tuple[int, list[Any]]]:
    """`(row number, values)` of the rows that are there, in the file's order. A value is None, a text, a number, a bool
    or a date as openpyxl gives it. Raises BadSheet."""
    reading = _Rows(style)
    for _ in _parsed(source, reading.start, reading.end, reading.text.add):
        yield from reading.taken()
    yield from reading.taken()


class _Text:
    """Text between tags: of `t` and its runs, or of `v`; not of `rPh`, which says how it is pronounced."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._is_open = False
        self._spoken = 0

    def begin(self) -> None:
        self._parts, self._is_open, self._spoken = [], False, 0

    def start(self, name: str) -> None:
        if name == "rPh":
            self._spoken += 1
        elif name in ("t", "v") and not self._spoken:
            self._is_open = True

    def end(self, name: str) -> None:
        if name == "rPh":
            self._spoken -= 1
        elif name in ("t", "v"):
            self._is_open = False

    def add(self, piece: str) -> None:
        if self._is_open:
            self._parts.append(piece)

    def taken(self) -> str:
        return "".join(self._parts)


class _Rows:
    """Rows as their ends are seen."""

    def __init__(self, style: SheetStyle) -> None:
        self.text = _Text()
        self._style = style
        self._rows: list[tuple[int, list[Any]]] = []
        self._row = 0
        self._cells: list[Any] = []
        self._column = 0
        self._kind = "n"
        self._style_id = 0
        self._columns: dict[str, int] = {}

    def taken(self) -> list[tuple[int, list[Any]]]:
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._column = self._place(attributes.get("r"))
            self._kind = attributes.get("t", "n")
            self._style_id = int(attributes.get("s", 0))
            self.text.begin()
        elif name == "row":
            number = attributes.get("r")
            self._row = self._row + 1 if number is None else int(float(number))
            self._cells, self._column = [], 0
        else:
            self.text.start(name)

    def end(self, name: str) -> None:
        if name == "c":
            written = self.text.taken()
            value = self._value(written) if written else None
            if value is not None:
                self._cells.extend([None] * (self._column - len(self._cells)))
                self._cells[self._column - 1] = value
        elif name == "row":
            self._rows.append((self._row, self._cells))
            self._cells = []
        else:
            self.text.end(name)

    def _place(self, reference: str | None) -> int:
        """The cell's column, counted from 1: `AB12` is 28. Cells without a reference follow one another."""
        if reference is None:
            column = self._column + 1
        else:
            letters = reference.rstrip("0123456789")
            column = self._columns.get(letters) or self._columns.setdefault(letters, _column_number(letters))
        if not 1 <= column <= MOST_COLUMNS:
            raise BadSheet
        return column

    def _value(self, written: str) -> Any:
        style = self._style
        match self._kind:
            case "s":
                return style.texts[int(written)]
            case "n":
                number = float(written) if any(sign in written for sign in ".Ee") else int(written)
                if self._style_id not in style.date_styles:
                    return number
                try:
                    return from_excel(number, style.epoch, timedelta=self._style_id in style.span_styles)
                except (OverflowError, ValueError):
                    return "#VALUE!"
            case "b":
                return bool(int(written))
            case "d":
                return from_ISO8601(written)
            case _:  # a formula's text, a text in its place, an error
                return written


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        if not "A" <= letter <= "Z" or number > MOST_COLUMNS:
            raise BadSheet
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _parsed(
    source: BinaryIO,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    characters: Callable[[str], None],
) -> Iterator[None]:
    """Parses piece by piece; a turn for each. Names come without their namespace's prefix, which few files have."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: start(_plain(tag) if ":" in tag else tag, attributes)
    parser.EndElementHandler = lambda tag: end(_plain(tag) if ":" in tag else tag)
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = _refuse_declarations
    try:
        while piece := source.read(_PIECE):
            parser.Parse(piece, False)
            yield
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, IndexError) as error:
        raise BadSheet from error


def _plain(tag: str) -> str:
    return tag.rpartition(":")[2]


def _refuse_declarations(*_: object) -> None:
    raise BadSheet
