"""What single cells mean: consent, days, languages, columns' targets, and text that is safe in a spreadsheet."""

import csv
import io
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cadenza.domain.language import language_code
from cadenza.domain.lead_columns import ERROR_COLUMNS, LeadField, PhoneKind, custom_name, plan_columns
from cadenza.domain.lead_row import clean_cell
from cadenza.domain.row_problem import FileCode, FileRefused
from cadenza.domain.safe_csv import with_formulas, without_formulas
from cadenza.domain.stated_consent import ConsentKind, consent_kind, read_day


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Express Written", ConsentKind.EXPRESS_WRITTEN),
        ("PEWC", ConsentKind.EXPRESS_WRITTEN),
        ("e-signed form", ConsentKind.EXPRESS_WRITTEN),
        ("yes", ConsentKind.EXPRESS),
        ("TRUE", ConsentKind.EXPRESS),
        ("Opted-in", ConsentKind.EXPRESS),
        ("verbal", ConsentKind.EXPRESS),
        ("existing_customer", ConsentKind.IMPLIED),
        ("inquiry", ConsentKind.IMPLIED),
        ("no", ConsentKind.REFUSED),
        ("Opted out", ConsentKind.REFUSED),
        ("no written consent", ConsentKind.REFUSED),
        ("consent withdrawn", ConsentKind.REFUSED),
        ("not given", ConsentKind.REFUSED),
        ("unsubscribed", ConsentKind.REFUSED),
        ("perhaps", None),
        ("42", None),
        ("", None),
    ],
)
def test_consent_is_never_read_as_stronger_than_it_was_written(text: str, kind: ConsentKind | None) -> None:
    assert consent_kind(text) is kind


@given(st.text(max_size=30))
def test_what_begins_with_no_is_never_a_consent(text: str) -> None:
    assert consent_kind(f"no {text}") is ConsentKind.REFUSED


@pytest.mark.parametrize(
    ("text", "month_first", "day"),
    [
        ("2026-03-04", True, date(2026, 3, 4)),
        ("2026/3/4 10:22", False, date(2026, 3, 4)),
        ("2026-03-04T10:00:00.000Z", True, date(2026, 3, 4)),
        ("3/4/2026", True, date(2026, 3, 4)),
        ("3/4/2026", False, date(2026, 4, 3)),
        ("13/4/26", True, date(2026, 4, 13)),
        ("4/13/2026", False, date(2026, 4, 13)),
        ("3.4.2026", True, date(2026, 4, 3)),
        ("4 Mar 2026", True, date(2026, 3, 4)),
        ("March 4, 2026", False, date(2026, 3, 4)),
        ("04-Mar-26", True, date(2026, 3, 4)),
        ("46085", True, date(2026, 3, 4)),
        ("1772582400000", True, date(2026, 3, 4)),
        ("31/2/2026", True, None),
        ("2026-13-40", True, None),
        ("3/4-2026", True, None),
        ("99999", True, None),
        ("soon", True, None),
    ],
)
def test_a_day_is_read_as_the_country_writes_it_or_not_at_all(text: str, month_first: bool, day: date | None) -> None:
    assert read_day(text, month_first=month_first) == day


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.booleans())
def test_an_iso_day_and_a_spreadsheet_s_day_number_are_always_read(day: date, month_first: bool) -> None:
    assert read_day(day.isoformat(), month_first=month_first) == day
    assert read_day(str((day - date(1899, 12, 30)) // timedelta(days=1)), month_first=month_first) == day


@given(st.text(max_size=20), st.booleans())
def test_any_text_is_a_day_or_none(text: str, month_first: bool) -> None:
    read_day(text, month_first=month_first)


@pytest.mark.parametrize(
    ("text", "code"),
    [("English", "en"), ("EN", "en"), ("es_mx", "es-MX"), ("español", "es"), ("Chinese (PRC)", "zh"), ("qq", None)],
)
def test_languages_become_codes(text: str, code: str | None) -> None:
    assert language_code(text) == code


@given(st.text(max_size=60))
@example("\t")
@example("\r5")
def test_what_is_exported_comes_back_the_same_and_never_runs(text: str) -> None:
    exported = without_formulas(text)
    assert with_formulas(exported) == text
    assert exported[:1] not in set("=@\t\r")
    if exported[:1] in {"+", "-"}:
        assert not any(letter.isalpha() or letter in "|!=*/" for letter in exported)


@pytest.mark.parametrize(
    ("cell", "exported"),
    [
        ("+12125550146", "+12125550146"),
        ("+1 (212) 555-0146", "+1 (212) 555-0146"),
        ("-5", "-5"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("O'Neill", "O'Neill"),
    ],
)
def test_formulas_are_made_harmless_and_numbers_left_alone(cell: str, exported: str) -> None:
    assert without_formulas(cell) == exported
    assert with_formulas(exported) == cell


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00")).map(str.strip)


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(st.lists(st.lists(CELL, min_size=3, max_size=3)))
def test_a_whole_export_survives_the_way_through_a_csv(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([without_formulas(cell) for cell in row] for row in rows)
    assert [[clean_cell(cell) for cell in row] for row in csv.reader(io.StringIO(text.getvalue(), newline=""))] == rows


@given(st.lists(st.text(max_size=12), min_size=1, max_size=12), st.booleans())
def test_every_column_has_one_target_and_its_mapping_gives_the_same_plan(header: list[str], keep: bool) -> None:
    plan = plan_columns(header, keep_unknown=keep)
    used = [phone.position for phone in plan.phones] + list(plan.fields.values()) + list(plan.custom.values())
    assert len(used) == len(set(used))
    assert len(plan.headers) == len(set(plan.headers)) == len(header)
    assert set(plan.mapping) == set(plan.headers)
    again = plan_columns(plan.headers, plan.mapping)
    assert (again.fields, again.custom) == (plan.fields, plan.custom)
    assert {phone.position: phone.kind for phone in again.phones} == {
        phone.position: phone.kind for phone in plan.phones
    }


def test_an_override_takes_a_field_from_the_column_that_had_it() -> None:
    plan = plan_columns(["Phone", "Company", "Account"], {"Account": "company"})
    assert plan.fields == {LeadField.COMPANY: 2}
    assert plan.unknown == ("Company",)


def test_numbers_are_preferred_by_their_kind_then_by_their_place() -> None:
    header = ["Home Phone", "Phone 2", "Work Phone", "Phone", "Cell", "Direct Dial", "Mobile Phone"]
    kinds = [phone.kind for phone in plan_columns(header).phones]
    assert kinds == [PhoneKind.MOBILE, PhoneKind.MOBILE, PhoneKind.DIRECT, PhoneKind.PHONE, PhoneKind.PHONE,
                     PhoneKind.WORK, PhoneKind.HOME]  # fmt: skip
    assert [plan_columns(header).headers[phone.position] for phone in plan_columns(header).phones][3:5] == [
        "Phone", "Phone 2",
    ]  # fmt: skip


def test_the_columns_of_rejected_rows_are_never_read() -> None:
    plan = plan_columns(["phone", *ERROR_COLUMNS], keep_unknown=True)
    assert (plan.custom, plan.unknown) == ({}, ())


def test_a_header_that_looks_like_a_lead_is_not_repeated() -> None:
    with pytest.raises(FileRefused) as refused:
        plan_columns(["+12125550146", "Ada"], {"Phone": "phone"})
    assert (refused.value.code, refused.value.columns) == (FileCode.BAD_MAPPING, ())
    assert "5550146" not in refused.value.fix


@pytest.mark.parametrize(
    ("header", "name"), [("Plan Type (2026)", "plan_type_2026"), ("  a--b ", "a_b"), ("***", "column"), ("Ä", "ä")]
)
def test_custom_fields_have_names_that_scripts_can_write(header: str, name: str) -> None:
    assert custom_name(header) == name
