"""The corpus of ugly lead files: each gives exactly the leads and findings that were written down for it by hand."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cadenza.domain.row_problem import FileCode, FileRefused, RowCode
from tests.domain.lead_files.make_files import make_files
from tests.domain.lead_files.reading import assert_accounted_for, read_file

EXPECTED: dict[str, dict[str, Any]] = yaml.load(
    (Path(__file__).parent / "lead_files/expected.yaml").read_text(), yaml.CSafeLoader
)


@cache
def corpus_files() -> dict[str, bytes]:
    """Made when the first test asks: every test process reads this module, and few run its tests."""
    return make_files()


def test_every_file_has_its_expected_result_and_there_are_enough() -> None:
    assert set(corpus_files()) == set(EXPECTED)
    assert len(corpus_files()) >= 60


def test_the_corpus_meets_every_code_that_a_file_alone_can_have() -> None:
    """The others need a campaign and suppressions: `tests/api/test_uploads.py` has them."""
    found = {code for expected in EXPECTED.values() for _, code in expected.get("findings", [])}
    needs_records = {
        RowCode.DUPLICATE_IN_CAMPAIGN, RowCode.DUPLICATE_IN_OTHER_CAMPAIGN, RowCode.OPTED_OUT,
        RowCode.ACTIVE_ELSEWHERE, RowCode.OTHER_NUMBER_OPTED_OUT, RowCode.WRONG_NUMBER,
    }  # fmt: skip
    # Numbers without a place are refused for their kind before; answers are no part of lead files.
    elsewhere = {RowCode.AMBIGUOUS_TIMEZONE, RowCode.BAD_ANSWER, RowCode.BAD_DATE}
    assert set(RowCode) - {RowCode(code) for code in found} == needs_records | elsewhere
    refused = {FileCode(expected["refused"]) for expected in EXPECTED.values() if "refused" in expected}
    assert set(FileCode) - refused == {FileCode.TOO_MANY_ROWS, FileCode.BAD_MAPPING}


_LONG = {"xlsx_bomb_of_texts", "xlsx_bomb_of_rows", "xlsx_far_cell"}
"""A million cells of lines that other files cover."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.no_cover if name in _LONG else ()) for name in EXPECTED]
)
def test_a_file_gives_what_was_expected(name: str) -> None:
    expected = EXPECTED[name]
    country = expected.get("country", "US")
    if "refused" in expected:
        with pytest.raises(FileRefused) as refused:
            read_file(corpus_files()[name], country)
        assert refused.value.code == expected["refused"]
        assert refused.value.message and refused.value.fix
        return
    read = read_file(corpus_files()[name], country)
    assert_accounted_for(read)
    assert [[problem.row, problem.code.value] for problem in read.problems] == expected.get("findings", [])
    wanted = expected.get("leads", {})
    found = {lead.row: lead.model_dump(mode="json") for lead in read.leads}
    assert {row: {field: _shown(found[row], field, value) for field, value in fields.items()} for row, fields in
            wanted.items() if row in found} == _as_json(wanted)  # fmt: skip
    assert set(found) == set(wanted)
    assert all(problem.message and problem.fix for problem in read.problems)


def _shown(lead: dict[str, Any], field: str, wanted: Any) -> Any:
    """A lead's field, of an object only the parts that are asked about."""
    if field == "others":
        return [
            other["phone"] + (f" x{other['extension']}" if other["extension"] else "") for other in lead["other_phones"]
        ]
    value = lead[field]
    if field != "custom" and isinstance(wanted, dict) and isinstance(value, dict):
        return {part: value[part] for part in wanted}
    return value


def _as_json(wanted: Any) -> Any:
    """YAML reads days as dates."""
    if isinstance(wanted, dict):
        return {key: _as_json(value) for key, value in wanted.items()}
    return wanted if wanted is None or isinstance(wanted, str | list) else str(wanted)
