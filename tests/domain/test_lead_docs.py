"""`docs/leads.md` lists what the code has: every code with its severity, every target of a column."""

import re
from pathlib import Path

from cadenza.domain.lead_columns import CUSTOM, ERROR_COLUMNS, IGNORE, LeadField, PhoneKind
from cadenza.domain.row_problem import WARNINGS, FileCode, RowCode

TEXT = (Path(__file__).parents[2] / "docs/leads.md").read_text()


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_code_of_a_row_is_listed_with_its_severity() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (error|warning) \| \S", section("Codes of rows"), re.MULTILINE))
    assert listed == {code.value: "warning" if code in WARNINGS else "error" for code in RowCode}


def test_every_code_of_a_file_is_listed() -> None:
    listed = re.findall(r"^\| `(\w+)` \| \S", section("Codes of whole files"), re.MULTILINE)
    assert listed == [code.value for code in FileCode]


def test_every_target_of_a_column_is_listed() -> None:
    first_cells = re.findall(r"^\| (`.*?`) \| ", section("Columns"), re.MULTILINE)
    listed = re.findall(r"`([\w:]+)`", " ".join(first_cells))
    assert sorted(listed) == sorted([*PhoneKind, *LeadField, CUSTOM, f"{CUSTOM}:NAME", IGNORE])


def test_the_columns_of_rejected_rows_are_listed() -> None:
    assert set(re.findall(r"`(cadenza_\w+)`", section("Rows to correct"))) == set(ERROR_COLUMNS)
