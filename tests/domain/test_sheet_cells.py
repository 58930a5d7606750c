"""Our own reading of a worksheet against openpyxl's: the same values at the same places, whatever the cells hold."""

import io
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.domain.sheet_cells import BadSheet, TooManyTexts, shared_texts
from cadenza.domain.workbook import open_workbook
from tests.domain.lead_files.workbooks import raw_workbook, workbook

PLAIN = "<row><c><v>1</v></c></row>"


def ours(data: bytes) -> list[list[tuple[Any, ...]]]:
    """Each sheet's rows, as openpyxl gives them: those that the file leaves out are empty."""
    book = open_workbook(io.BytesIO(data), most_texts=1000)
    sheets = []
    for sheet in book.sheets:
        found = {number: tuple(cells) for number, cells in book.rows(sheet)}
        sheets.append([found.get(number, ()) for number in range(1, max(found, default=0) + 1)])
    return sheets


def theirs(data: bytes) -> list[list[tuple[Any, ...]]]:
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    sheets = []
    for sheet in book.worksheets:
        sheet.reset_dimensions()
        sheets.append([tuple(row) for row in sheet.iter_rows(values_only=True)])
    return sheets


def without_blank_ends(sheets: list[list[tuple[Any, ...]]]) -> list[list[tuple[Any, ...]]]:
    def cut(row: tuple[Any, ...]) -> tuple[Any, ...]:
        while row and row[-1] is None:
            row = row[:-1]
        return row

    return [[cut(row) for row in rows] for rows in sheets]


_CELLS = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12),
    st.integers(-(10**15), 10**15),
    st.floats(-1e15, 1e15, allow_nan=False),
    st.booleans(),
    st.dates(date(1900, 3, 1), date(2200, 1, 1)),
    st.datetimes(datetime(1900, 3, 1), datetime(2200, 1, 1)),
    st.times(),
    st.timedeltas(timedelta(0), timedelta(days=400)),
)


@pytest.mark.no_cover
@settings(max_examples=60)
@given(st.lists(st.lists(st.lists(_CELLS, max_size=5), max_size=6), min_size=1, max_size=2))
def test_every_kind_of_cell_is_read_as_openpyxl_reads_it(sheets: list[list[list[Any]]]) -> None:
    data = workbook(*sheets)
    assert without_blank_ends(ours(data)) == without_blank_ends(theirs(data))


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="3"><c r="AB3"><v>7</v></c><c><v>8</v></c></row>',
        '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c></row>',
        '<row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>A1</f><v>text</v></c><c><f>1+1</f></c></row>',
        '<row><c t="inlineStr"><is><r><t>bo</t></r><r><t>th</t></r><rPh sb="0" eb="1"><t>said</t></rPh></is></c></row>',
        '<row><c t="d"><v>2026-03-04T00:00:00</v></c><c><v>1.2E10</v></c><c><v></v></c><c/></row>',
        '<row r="2.0"><c r="c2"><v>1</v></c></row>',
    ],
)
def test_what_programs_write_is_read_as_openpyxl_reads_it(rows: str) -> None:
    texts = (
        "plain",
        "<r><t>in </t></r><r><t xml:space='preserve'> runs</t></r>",
        '<t>x</t><rPh sb="0" eb="1"><t>spoken</t></rPh>',
    )
    data = raw_workbook(rows, texts=texts)
    assert without_blank_ends(ours(data)) == without_blank_ends(theirs(data))


def test_names_may_have_a_prefix() -> None:
    plain = raw_workbook('<row><c t="inlineStr"><is><t>Ada</t></is></c></row>')
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].replace("<?xml", "\0").replace("</", "\1").replace("<", "<x:")
    sheet = sheet.replace("\0", "<?xml").replace("\1", "</x:").replace("xmlns=", "xmlns:x=")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in (parts | {"xl/worksheets/sheet1.xml": sheet}).items():
            archive.writestr(name, text)
    assert ours(out.getvalue()) == [[("Ada",)]]


@pytest.mark.parametrize(
    "rows",
    [
        '<row><c t="s"><v>9</v></c></row>',
        '<row><c r="XFE1"><v>1</v></c></row>',
        '<row><c r="ZZZZZZ1"><v>1</v></c></row>',
        '<row><c r="é1"><v>1</v></c></row>',
        "<row><c><v>one</v></c></row>",
        '<row r="two"/>',
        "<row>",
    ],
)
def test_what_no_program_writes_is_refused(rows: str) -> None:
    with pytest.raises(BadSheet):
        ours(raw_workbook(rows))


def test_declared_entities_are_refused_before_they_unfold() -> None:
    with pytest.raises(BadSheet):
        ours(raw_workbook(PLAIN, top='<!DOCTYPE x [<!ENTITY a "aaaa">]>'))


def test_texts_are_counted_as_they_are_read() -> None:
    table = b"<sst><si><t>a</t></si><si><t>b</t></si></sst>"
    assert shared_texts(io.BytesIO(table), 2) == ["a", "b"]
    with pytest.raises(TooManyTexts):
        shared_texts(io.BytesIO(table), 1)


def test_times_of_day_stay_times() -> None:
    assert ours(workbook([[time(14, 30), date(2026, 3, 4)]])) == [[(time(14, 30), datetime(2026, 3, 4))]]
