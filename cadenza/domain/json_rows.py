"""Objects of a JSON array, of an object that holds them under `leads`, or of JSON Lines. Read twice, in pieces: once
for the names that occur, once for the rows."""

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, BinaryIO, TextIO

from cadenza.domain.file_form import FileForm, open_text
from cadenza.domain.lead_columns import holds_numbers
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem
from cadenza.domain.row_source import MAX_COLUMNS, BadRow, RawRow, Record, RowSource

_PIECE = 1 << 16
_MAX_OBJECT = 1_000_000
_BETWEEN = re.compile(r"[\s,\ufeff]*")
_ARRAY_START = re.compile(
    r"""[\s\ufeff]* (?: \[ | \{ (?: \s* "[^"]*" \s*:\s* (?: "(?:[^"\\]|\\.)*" | [^][{},"]+ ) \s*, )*
        \s* "leads" \s*:\s* \[ )""",
    re.VERBOSE,
)
"""An array, or an object whose `leads` is one; only plain values may stand before it."""


class _Layout(Enum):
    ARRAY = "array"
    VALUES = "values"  # one object after the other, over several lines each
    LINES = "lines"


def read_json(stream: BinaryIO, form: FileForm) -> RowSource:
    """Open the objects. Raises FileRefused: a file that is cut or broken is found before any row is taken."""
    names: dict[str, None] = {}
    count = 0
    for _, value in _objects(stream, form):
        count += 1
        if isinstance(value, dict):
            names.update(dict.fromkeys(_flat(value)))
        if len(names) > MAX_COLUMNS:
            raise FileRefused(
                FileCode.NOT_A_LEAD_FILE,
                f"The objects have more than {MAX_COLUMNS} different names.",
                "Send one object for each lead, with the same names in each.",
            )
    if not count:
        raise FileRefused(FileCode.EMPTY_FILE, "The file holds no leads.", "Export the leads again.")
    return RowSource(header=tuple(names), items=_rows(stream, form, tuple(names)))


def _rows(stream: BinaryIO, form: FileForm, names: tuple[str, ...]) -> Iterator[Record]:
    for row, value in _objects(stream, form):
        if isinstance(value, dict):
            cells = _flat(value)
            yield RawRow(row, tuple(_cell(cells.get(name)) for name in names))
        else:
            yield BadRow(row, (), _not_an_object(row))


def _objects(stream: BinaryIO, form: FileForm) -> Iterator[tuple[int, Any]]:
    with open_text(stream, form.encoding) as text:
        layout, start = _layout(text.read(_PIECE))
    with open_text(stream, form.encoding) as text:
        if layout is _Layout.LINES:
            yield from _lines(text)
        else:
            yield from _values(_Window(text, start), "]" if layout is _Layout.ARRAY else "")


def _layout(sample: str) -> tuple[_Layout, int]:
    """How the objects are laid out, and where the first may begin."""
    if array := _ARRAY_START.match(sample):
        return _Layout.ARRAY, array.end()
    objects = sample.lstrip("\ufeff \t\r\n")
    if _decoded(objects.split("\n", 1)[0]) is None:
        try:
            _DECODER.raw_decode(objects)
        except (ValueError, RecursionError):
            return _Layout.LINES, 0
        return _Layout.VALUES, 0
    return _Layout.LINES, 0


def _lines(text: TextIO) -> Iterator[tuple[int, Any]]:
    number = 0
    while line := text.readline(_MAX_OBJECT):
        number += 1
        if len(line) == _MAX_OBJECT:
            raise _bad_json(number - 1)
        if written := line.strip("\ufeff \t\r\n\x00"):
            yield number, _decoded(written)


def _values(window: "_Window", end: str) -> Iterator[tuple[int, Any]]:
    """Values up to `end`, or the end of the text."""
    count = 0
    while (character := window.skip(_BETWEEN)) != end:
        if not character:
            raise _bad_json(count)
        count += 1
        yield count, window.value(count)


class _Window:
    """A piece of the text, from `at` on; more is read as it is needed."""

    def __init__(self, source: TextIO, start: int) -> None:
        self._source = source
        self._text = source.read(_PIECE)
        self._at = start
        self._is_whole = False

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Go past what matches; the next character, or an empty text at the end."""
        while True:
            match = pattern.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or self._is_whole:
                return self._text[self._at : self._at + 1]
            self._fill()

    def value(self, count: int) -> Any:
        """The next value. Raises FileRefused if there is none, or if it is far too large for a lead."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                if self._is_whole or len(self._text) - self._at > _MAX_OBJECT:
                    raise _bad_json(count - 1) from None
            else:
                if end < len(self._text) or self._is_whole:  # a number at the edge may go on
                    self._at = end
                    return value
            self._fill()

    def _fill(self) -> None:
        """Forget what was read, and read on."""
        piece = self._source.read(max(_PIECE, len(self._text) - self._at))
        self._is_whole = not piece
        self._text, self._at = self._text[self._at :] + piece, 0


def _decoded(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _float(text: str) -> Any:
    """A number in scientific notation stays text: its digits may be lost, as in a number that Excel spoiled."""
    return text if "e" in text.casefold() else float(text)


_DECODER = json.JSONDecoder(parse_float=_float)


def _bad_json(good: int) -> FileRefused:
    return FileRefused(
        FileCode.BAD_JSON,
        f"The JSON cannot be read after {good} good objects; nothing was taken.",
        "Send an array of objects, or one object on each line. Was the file cut off?",
    )


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    """With what stands one level down, as APIs nest it: `address.city`, and a list of numbers as `phones 1`,
    `phones 2`."""
    if not any(isinstance(item, dict | list) for item in value.values()):
        return value
    cells: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            cells |= {f"{name}.{inner}": below for inner, below in item.items()}
        elif isinstance(item, list) and holds_numbers(name) and all(isinstance(one, str | int) for one in item):
            cells |= {f"{name} {place}": one for place, one in enumerate(item, start=1)}
        else:
            cells[name] = item
    return cells


def _not_an_object(row: int) -> RowProblem:
    return RowProblem(
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
