"""What an uploaded file is: CSV, JSON, JSON Lines or a workbook, and the encoding of its text. Reads in pieces."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import BinaryIO, TextIO

from pydantic import BaseModel, ConfigDict

from cadenza.domain.row_problem import FileCode, FileRefused

_SIGNATURES = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook, or one with a password",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE = 1 << 18
_HEAD = 4096
_MOST_CONTROL_CHARACTERS = 0.08  # packed data has a tenth; text with NULs between its cells has less
SAVE_AS_CSV = "Open it in the spreadsheet program and save it as 'CSV UTF-8'; then upload that file."


class FileKind(StrEnum):
    """Forms of a lead file."""

    CSV = "csv"
    JSON = "json"
    JSON_LINES = "json_lines"
    XLSX = "xlsx"


class FileForm(BaseModel):
    """`encoding` is utf-8, utf-16, utf-32 or cp1252 (a guess, to be warned about); empty for a workbook."""

    model_config = ConfigDict(frozen=True)

    kind: FileKind
    encoding: str = ""


def find_form(stream: BinaryIO) -> FileForm:
    """Look at all of a seekable stream. Raises FileRefused for what is empty, not a lead file, or not decodable."""
    stream.seek(0)
    head = stream.read(_HEAD)
    if head.startswith(b"PK\x03\x04"):
        return FileForm(kind=FileKind.XLSX)
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature):
            raise _not_a_lead_file(f"The file is {what}, not CSV, XLSX or JSON.")
    encoding = _encoding(stream, head)
    start = _first_words(stream, encoding)
    if not start:
        raise FileRefused(FileCode.EMPTY_FILE, "The file is empty.", "Export the leads again; the file needs rows.")
    if start.startswith("<"):
        raise _not_a_lead_file("The file is a web page or XML, whatever its name says.")
    if start.startswith("["):
        return FileForm(kind=FileKind.JSON, encoding=encoding)
    if start.startswith("{"):
        return FileForm(kind=FileKind.JSON_LINES, encoding=encoding)
    return FileForm(kind=FileKind.CSV, encoding=encoding)


@contextmanager
def open_text(stream: BinaryIO, encoding: str) -> Iterator[TextIO]:
    """The stream from its start as text, its line ends left alone. The stream stays open."""
    stream.seek(0)
    name, errors = _codec(encoding)
    text = io.TextIOWrapper(stream, name, errors=errors, newline="")
    try:
        yield text
    finally:
        if not stream.closed:  # an abandoned reader ends after its file
            text.detach()


def _first_words(stream: BinaryIO, encoding: str) -> str:
    with open_text(stream, encoding) as text:
        while piece := text.readline(_HEAD):
            if words := piece.strip("\ufeff \t\r\n\x00"):
                return words
    return ""


def _encoding(stream: BinaryIO, head: bytes) -> str:
    """A byte order mark is believed; else UTF-8 if all of it is, UTF-16 if every other byte is zero, or cp1252."""
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None) or _utf16_without_mark(head)
    if encoding is None and _share_of_control_characters(head) > _MOST_CONTROL_CHARACTERS:
        raise _not_a_lead_file("The file is binary, not CSV, XLSX or JSON.")
    for candidate in [encoding] if encoding else ["utf-8", "cp1252"]:
        if _can_decode(stream, candidate):
            return candidate
    raise FileRefused(
        FileCode.WRONG_ENCODING, "The file's text is neither UTF-8, UTF-16 nor Windows-1252.", SAVE_AS_CSV
    )


def _utf16_without_mark(head: bytes) -> str | None:
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) < 4 or max(even, odd) < 0.4 * len(head) / 2 or min(even, odd) > 0.05 * len(head) / 2:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _can_decode(stream: BinaryIO, encoding: str) -> bool:
    name, errors = _codec(encoding)
    decoder = codecs.getincrementaldecoder(name)(errors)
    stream.seek(0)
    try:
        while piece := stream.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _codec(encoding: str) -> tuple[str, str]:
    """cp1252 is read as UTF-8 with the bytes that are not as Windows-1252: files glued from both come out right."""
    if encoding == "cp1252":
        return "utf-8-sig", _CP1252_WHERE_NOT_UTF8
    return "utf-8-sig" if encoding == "utf-8" else encoding, "strict"


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252"), error.end


_CP1252_WHERE_NOT_UTF8 = "cadenza-cp1252"
codecs.register_error(_CP1252_WHERE_NOT_UTF8, _as_cp1252)


def _share_of_control_characters(head: bytes) -> float:
    return sum(1 for byte in head if byte < 32 and byte not in b"\t\r\n\x1e\x1f") / max(1, len(head))


def _not_a_lead_file(message: str) -> FileRefused:
    return FileRefused(FileCode.NOT_A_LEAD_FILE, message, SAVE_AS_CSV)
