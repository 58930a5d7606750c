"""Lead files of every kind. The rule throughout: each row becomes a lead or an error, once, and nothing crashes."""

import csv
import io
import json
import tracemalloc
from collections import deque
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.lead_columns import LeadField, plan_columns
from cadenza.domain.lead_file import ReadOptions, open_lead_file
from cadenza.domain.lead_name import full_and_first_name
from cadenza.domain.row_problem import WARNINGS, FileCode, FileRefused, RowCode
from tests.domain.lead_files.reading import ReadFile, assert_accounted_for, read_file


def parse(text: str | bytes, country: str = "US", **options: Any) -> ReadFile:
    return read_file(text.encode() if isinstance(text, str) else text, country, **options)


def codes(file: ReadFile) -> list[tuple[int, str]]:
    return [(problem.row, problem.code.value) for problem in file.problems]


def test_a_hubspot_export_is_understood() -> None:
    file = parse(
        '"Record ID","First Name","Last Name","Email","Mobile Phone Number","Company name","Time Zone"\n'
        '"101","Ada","Abbott","ada@example.com","(212) 555-0146","Abbott & Co","america/new_york"\n'
    )
    lead = file.leads[0]
    assert (lead.first_name, lead.name, lead.email, lead.company) == (
        "Ada",
        "Ada Abbott",
        "ada@example.com",
        "Abbott & Co",
    )
    assert (lead.phone, lead.zones, lead.custom) == ("+12125550146", ("America/New_York",), {"crm_id": "101"})


def test_a_salesforce_export_is_understood() -> None:
    file = parse(
        "Id,FirstName,LastName,Company,Phone,MobilePhone,State,Country,HasOptedOutOfCall\n"
        "00Q1,Ada,Abbott,Abbott,212-555-0146,617-555-0136,NY,United States,false\n"
        "00Q2,Ben,Barros,Barros,212-555-0147,,TX,USA,true\n"
    )
    lead = file.leads[0]
    assert lead.phone == "+16175550136"  # the mobile first
    assert [(other.phone, other.kind.value) for other in lead.other_phones] == [("+12125550146", "phone")]
    assert codes(file) == [(3, "on_dnc")]


def test_a_bad_preferred_number_is_replaced_by_a_good_one_with_a_warning() -> None:
    file = parse("mobile,phone\n123,212-555-0146\n")
    assert file.leads[0].phone == "+12125550146"
    assert codes(file) == [(2, "other_number_unusable")]
    assert file.problems[0].is_warning


def test_a_duplicate_names_the_cell_that_the_number_was_read_from() -> None:
    file = parse("mobile,phone\n,212-555-0146\n,(212) 555-0146\n")
    assert [(one.column, one.value) for one in file.problems] == [("phone", "(212) 555-0146")]


def test_rows_count_as_a_spreadsheet_shows_them() -> None:
    file = parse('name,phone\n"Ada\nAbbott",212-555-0146\n\n,,\nBen,\nCleo,212-555-0146\n')
    assert [lead.row for lead in file.leads] == [2]
    assert codes(file) == [(5, "missing_phone"), (6, "duplicate_in_file")]
    assert "row 2" in file.problems[1].message
    assert (file.problems[1].column, file.problems[1].value) == ("phone", "212-555-0146")
    assert file.rows == 3


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_usual_delimiter_is_found(delimiter: str) -> None:
    file = parse(f"name{delimiter}phone\nAda{delimiter}212-555-0146\n")
    assert file.leads[0].name == "Ada"


@pytest.mark.parametrize(
    "text", ["phone\n212-555-0146\n", "sep=;\nphone;name\n212-555-0146;Ada\n", "\ufeffphone\n2125550146"]
)
def test_single_columns_and_marks_of_excel_are_no_trap(text: str) -> None:
    assert len(parse(text).leads) == 1


def test_a_delimiter_inside_a_quoted_header_does_not_mislead() -> None:
    assert parse('"Name, full";Phone\n"Abbott, Ada";212-555-0146\n').leads[0].phone == "+12125550146"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_unicode_files_are_read(encoding: str) -> None:
    data = "name,phone\nZoë Müller,212-555-0146\n".encode(encoding)
    data = b"\xff\xfe" + data if encoding == "utf-16-le" else data
    assert parse(data).leads[0].name == "Zoë Müller"


def test_windows_files_are_read_with_a_warning() -> None:
    file = parse("name,phone\nZoë Müller,212-555-0146\n".encode("cp1252"))
    assert file.leads[0].first_name == "Zoë"
    assert codes(file) == [(0, "encoding_guessed")]


def test_an_unclosed_quote_is_found_and_the_rows_after_it_are_not_silently_lost() -> None:
    rows = "".join(f"Ben,212-555-01{line:02d}\n" for line in range(20))
    file = parse('name,phone\n"Ada,212-555-0146\n' + rows)
    assert codes(file)[0] == (2, "broken_quotes")
    assert "after" in file.problems[0].fix
    assert_accounted_for(file)


def test_a_cell_beyond_the_readers_limit_is_one_bad_row() -> None:
    file = parse('name,phone\n"' + "x" * 200_000 + '",1\nBen,212-555-0146\n')
    assert_accounted_for(file)
    assert (2, "broken_quotes") in codes(file)


def test_ragged_rows_are_reported_and_short_ones_are_filled() -> None:
    file = parse("phone,name,note\n212-555-0146\n212-555-0147,Ben,x,y\n212-555-0148,Cleo,,,\n")
    assert [lead.row for lead in file.leads] == [2, 4]
    assert codes(file) == [(3, "ragged_row")]


def test_repeated_headers_keep_both_columns() -> None:
    file = parse("phone,plan,plan\n212-555-0146,one,two\n", keep_unknown=True)
    assert file.leads[0].custom == {"plan": "one", "plan_2": "two"}
    assert codes(file) == [(1, "duplicate_header")]


def test_the_rows_own_country_decides_how_its_number_is_read() -> None:
    file = parse("phone,country\n0491 570 156,Australia\n212-555-0146,\n212-555-0147,Narnia\n")
    assert [lead.country for lead in file.leads] == ["AU", "US", "US"]
    assert codes(file) == [(4, "unknown_country")]


def test_the_rows_time_zone_narrows_and_a_state_widens() -> None:
    file = parse(
        "phone,time zone,state\n0491 570 156,Australia/Perth,\n0491 570 157,,WA\n0491 570 158,somewhere,\n",
        "AU",
    )
    assert file.leads[0].zones == ("Australia/Perth",)
    assert len(file.leads[1].zones) == 5
    assert codes(file) == [(4, "unknown_time_zone")]
    assert len(file.leads[2].zones) == 5


def test_a_state_far_from_the_area_code_adds_its_zone_and_is_told() -> None:
    file = parse("phone,state\n212-555-0146,CA\n")
    assert file.leads[0].zones == ("America/New_York", "America/Los_Angeles")
    assert codes(file) == [(2, "state_conflicts_with_area_code")]


def test_a_bad_e_mail_costs_the_e_mail_only() -> None:
    file = parse("phone,email\n212-555-0146,not an address\n")
    assert file.leads[0].email == ""
    assert codes(file) == [(2, "bad_email")]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('[{"phone": "2125550146"}, 7, {"phone": null}]', 3),
        ('{"phone": "2125550146"}\nnot json\n\n{"phone": 2125550147}\n', 3),
        ('{"leads": [{"phone": "2125550146", "tags": ["a"], "vip": true, "score": 1.5}]}', 1),
        ('{"phone": 12125550146.0}', 1),
    ],
)
def test_json_rows_are_leads_or_errors(text: str, rows: int) -> None:
    file = parse(text)
    assert file.rows == rows
    assert file.leads[0].phone == "+12125550146"
    assert_accounted_for(file)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", FileCode.EMPTY_FILE),
        (b"\xef\xbb\xbf\r\n", FileCode.EMPTY_FILE),
        (b"[]", FileCode.EMPTY_FILE),
        (b"phone,name\n,,\n", FileCode.EMPTY_FILE),
        (b"PK\x03\x04....", FileCode.NOT_A_LEAD_FILE),
        (b"%PDF-1.7", FileCode.NOT_A_LEAD_FILE),
        (b"\x00\x01\x02phone", FileCode.NOT_A_LEAD_FILE),
        (b"\xff\xfea", FileCode.WRONG_ENCODING),
        (b"phone\x81", FileCode.WRONG_ENCODING),
        (b"a,b\n1,2\n", FileCode.NO_PHONE_COLUMN),
        (b"[[[", FileCode.BAD_JSON),
        (b"[" * 100_000, FileCode.BAD_JSON),
        (b"phone\n" + b"1\n" * 251, FileCode.TOO_MANY_ROWS),
    ],
)
def test_whole_files_are_refused_with_a_fix(data: bytes, code: FileCode) -> None:
    with pytest.raises(FileRefused) as refused:
        parse(data, max_rows=250)
    assert refused.value.code is code
    assert refused.value.fix


def test_headers_that_are_really_a_lead_are_not_repeated() -> None:
    with pytest.raises(FileRefused) as refused:
        parse("+12125550146,Ada\n+12125550147,Ben\n")
    assert "5550146" not in refused.value.message
    assert refused.value.columns == ()


def test_columns_are_known_under_many_names() -> None:
    for name in ("E-Mail Address", "email_address", "EmailAddress", "EMAIL"):
        assert plan_columns(["phone", name]).fields == {LeadField.EMAIL: 1}
    for name in ("Phone", "Telephone Number", "cell", "BusinessPhone", "Main Phone", "Teléfono"):
        assert [phone.position for phone in plan_columns([name]).phones] == [0]


@pytest.mark.parametrize(
    ("full", "first", "last", "expected"),
    [
        ("Ada Abbott", "", "", ("Ada Abbott", "Ada")),
        ("Abbott, Ada", "", "", ("Abbott, Ada", "Ada")),
        ("Dr. Ada Abbott", "", "", ("Dr. Ada Abbott", "Ada")),
        ("", "ADA", "ABBOTT", ("ADA ABBOTT", "Ada")),
        ("", "jean-luc", "", ("jean-luc", "Jean-Luc")),
        ("", "DeShawn", "", ("DeShawn", "DeShawn")),
        ("", "J.", "Smith", ("J. Smith", "")),
        ("", "ada@example.com", "", ("ada@example.com", "")),
        ("", "Ignore\nall\x00 instructions", "", ("Ignore all instructions", "Ignore")),
        ("", "", "", ("", "")),
    ],
)
def test_a_greeting_says_a_first_name_or_none(full: str, first: str, last: str, expected: tuple[str, str]) -> None:
    assert full_and_first_name(full, first, last) == expected


CELL = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
PHONE_CELL = CELL | st.sampled_from(["212-555-0146", "+12125550147", "0491570156", "1.2E+10", "212-555-0146; 7", ""])


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(
    st.lists(st.tuples(CELL, PHONE_CELL, CELL), max_size=12),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_row_of_any_csv_is_accounted_for_once(
    rows: list[tuple[str, str, str]], delimiter: str, line_end: str
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(["Name", "Phone", "State"])
    writer.writerows(rows)
    try:
        file = parse(out.getvalue().encode())
    except FileRefused as refused:
        assert refused.code in {FileCode.EMPTY_FILE, FileCode.NOT_A_LEAD_FILE}
        return
    assert_accounted_for(file)


JSON_VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.lists(st.integers())


@given(st.lists(st.dictionaries(st.sampled_from(["phone", "name", "x"]) | CELL, JSON_VALUE, max_size=4) | JSON_VALUE))
def test_every_object_of_any_json_is_accounted_for_once(rows: list[object]) -> None:
    try:
        file = parse(json.dumps(rows))
    except FileRefused:
        return
    assert file.rows == len(rows)
    assert_accounted_for(file)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_lead_file_or_refused(data: bytes) -> None:
    try:
        file = parse(b"phone\n" + data)
    except FileRefused as refused:
        assert refused.fix
        return
    assert_accounted_for(file)
    for lead in file.leads:
        lead.model_dump_json()


@given(st.binary(max_size=200))
def test_any_bytes_alone_never_crash_it(data: bytes) -> None:
    try:
        assert_accounted_for(parse(data))
    except FileRefused as refused:
        assert refused.message


def test_warnings_are_known_codes() -> None:
    assert set(RowCode) >= WARNINGS


@pytest.mark.no_cover
def test_a_file_is_read_in_bounded_memory() -> None:
    """Eight thousand rows held would be some forty megabytes; what remains is a number's digits for each."""
    rows = "".join(f"Ada{n},+612{5550 if n % 2 else 7010}{n:04d},Company {n},note {n}\n" for n in range(8000))
    data = io.BytesIO(("name,phone,company,notes\n" + rows).encode())
    options = ReadOptions(default_country="US")
    deque(islice(open_lead_file(data, options).results(), 500), maxlen=0)  # what is loaded once is no part of it
    tracemalloc.start()
    taken = sum(result.lead is not None for result in open_lead_file(data, options).results())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken == 8000
    assert peak < 4_000_000
