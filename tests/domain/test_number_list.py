"""Lists of numbers not to be called, in the forms in which registers and people have them."""

import io

import pytest

from cadenza.domain.number_list import NumberRow, read_numbers, read_registered
from cadenza.domain.phone import parse_any_phone
from cadenza.domain.row_problem import FileCode, FileRefused

ADA, BEN = "+12125550146", "+16175550136"


def rows(content: str | bytes, country: str = "US") -> list[NumberRow]:
    return list(read_numbers(io.BytesIO(content.encode() if isinstance(content, str) else content), country))


def phones(content: str | bytes, country: str = "US") -> list[str]:
    return [phone for row in rows(content, country) for phone in row.phones]


@pytest.mark.parametrize(
    "content",
    [
        "2125550146\n6175550136\n",
        "212,5550146\n617,5550136\n",
        "+12125550146\r\n\r\n(617) 555-0136\r\n",
        "Phone\n212-555-0146\n617-555-0136\n",
        "Name,Mobile Phone,Note\nAda,2125550146,x\nBen,6175550136,y\n",
        "Name;Phone;Work Phone\nAda;2125550146;6175550136\n",
        '{"phone": "2125550146"}\n{"phone": "6175550136"}\n',
        "Our list of November\n\nName,Number\nAda,2125550146\nBen,6175550136\n",
        "2125550146,2026-11-01\n6175550136,2026-11-02\n".encode("utf-16"),
    ],
    ids=["numbers alone", "area code and number", "as people write them", "one column", "a lead file", "two columns",
         "JSON Lines", "titles above", "with a date, UTF-16"],
)  # fmt: skip
def test_every_form_is_understood(content: str | bytes) -> None:
    assert phones(content) == [ADA, BEN]


def test_a_bad_row_is_reported_with_row_value_code_and_fix_and_the_others_are_taken() -> None:
    found = rows("2125550146\nnonsense\n1.21E+10\n6175550136\n")
    assert [row.phones for row in found] == [(ADA,), (), (), (BEN,)]
    problems = [problem for row in found for problem in row.problems]
    assert [(problem.row, problem.value, problem.code) for problem in problems] == [
        (2, "nonsense", "not_a_number"), (3, "1.21E+10", "scientific_notation"),
    ]  # fmt: skip
    assert all(problem.fix for problem in problems)


def test_numbers_that_are_never_called_may_be_listed_all_the_same() -> None:
    assert phones("+18005550100\n+4930901820\n") == ["+18005550100", "+4930901820"]


@pytest.mark.parametrize(
    ("content", "code"), [("", FileCode.EMPTY_FILE), ("Name,City\nAda,Boston\n", FileCode.NO_PHONE_COLUMN)]
)
def test_a_file_without_numbers_is_refused(content: str, code: FileCode) -> None:
    with pytest.raises(FileRefused) as refused:
        rows(content)
    assert refused.value.code is code


@pytest.mark.parametrize("written", ["2125550146", "12125550146", "+12125550146", "212-555-0146", "(212) 555.0146"])
def test_a_registers_number_is_read_as_any_other(written: str) -> None:
    assert read_registered(written, "US") == parse_any_phone(written, "US") == ADA


def test_a_registers_number_of_another_country_is_read_in_its_own_way() -> None:
    assert read_registered("0491 570 156", "AU") == "+61491570156"
