"""Workbooks for the corpus: well-made ones, and ones that no spreadsheet program writes."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl

_CONTENT_TYPES = """<?xml version="1.0"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>
<Override PartName="/xl/sharedStrings.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>
</Types>"""
_RELATIONSHIPS = """<?xml version="1.0"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Target="{target}"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"/></Relationships>"""
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_WORKBOOK = f"""<?xml version="1.0"?>
<workbook {_MAIN} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>
<sheet name="Leads" sheetId="1" r:id="rId1"/></sheets></workbook>"""


def workbook(*sheets: Sequence[Sequence[Any]], hidden: Sequence[int] = ()) -> bytes:
    """As Excel writes it. Sheets are lists of rows; those at the positions `hidden` are hidden."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for position, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet {position + 1}")
        for row in rows:
            sheet.append(list(row))
        if position in hidden:
            sheet.sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def raw_workbook(
    rows: str, *, texts: Sequence[str] = (), before: str = "", after: str = "", top: str = ""
) -> bytes:  # fmt: skip
    """A workbook of one sheet from the XML of its rows. `texts` are shared by its cells (plain or XML), `top` stands
    before the sheet's element."""
    shared = "".join(f"<si>{text if text.startswith('<') else f'<t>{text}</t>'}</si>" for text in texts)
    sheet = f'<?xml version="1.0"?>{top}<worksheet {_MAIN}>{before}<sheetData>{rows}</sheetData>{after}</worksheet>'
    return zipped(
        {
            "[Content_Types].xml": _CONTENT_TYPES,
            "_rels/.rels": _RELATIONSHIPS.format(kind="officeDocument", target="xl/workbook.xml"),
            "xl/workbook.xml": _WORKBOOK,
            "xl/_rels/workbook.xml.rels": _RELATIONSHIPS.format(kind="worksheet", target="worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": sheet,
            "xl/sharedStrings.xml": f"<sst {_MAIN}>{shared}</sst>",
        }
    )


def zipped(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def row(number: int | None, *cells: str) -> str:
    """A row of texts written in place. Without a number, as some programs leave it out."""
    place = "" if number is None else f' r="{number}"'
    return f"<row{place}>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells) + "</row>"
