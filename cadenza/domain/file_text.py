"""The text of an uploaded lead file, and whether it is a text file at all."""

from cadenza.domain.row_problem import FileCode, FileRefused

_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}
_SAVE_AS_CSV = "Open it in the spreadsheet program and save it as 'CSV UTF-8'; then upload that file."


def decode_file(data: bytes) -> tuple[str, str]:
    """`(text, encoding)`. UTF-8 first, then UTF-16 by its mark, then Windows-1252, which a caller should warn about.

    Raises FileRefused for an empty file, a file that is not text, or an encoding that is none of these.
    """
    if not data.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe"):
        raise FileRefused(FileCode.EMPTY_FILE, "The file is empty.", "Export the leads again; the file needs rows.")
    for signature, what in _SIGNATURES.items():
        if data.startswith(signature):
            raise FileRefused(FileCode.NOT_A_LEAD_FILE, f"The file is {what}, not CSV or JSON.", _SAVE_AS_CSV)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decoded(data, "utf-16"), "utf-16"
    if b"\x00" in data[:4096]:
        raise FileRefused(FileCode.NOT_A_LEAD_FILE, "The file is binary, not CSV or JSON.", _SAVE_AS_CSV)
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text = _decoded(data, "cp1252")
    if _share_of_control_characters(text) > 0.02:
        raise FileRefused(FileCode.NOT_A_LEAD_FILE, "The file is binary, not CSV or JSON.", _SAVE_AS_CSV)
    return text, "cp1252"


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise FileRefused(
            FileCode.WRONG_ENCODING,
            "The file's text is neither UTF-8, UTF-16 nor Windows-1252.",
            _SAVE_AS_CSV,
        ) from None


def _share_of_control_characters(text: str) -> float:
    sample = text[:4096]
    return sum(1 for character in sample if character < " " and character not in "\t\r\n") / max(1, len(sample))
