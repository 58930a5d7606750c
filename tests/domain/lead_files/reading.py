"""A whole lead file, read and held: for tests only, which know that theirs are small."""

import io
from dataclasses import dataclass
from typing import Any

from cadenza.domain.lead_file import LeadFile, ReadOptions, RowResult, no_rows, open_lead_file
from cadenza.domain.lead_row import LeadRow
from cadenza.domain.row_problem import WARNINGS, RowProblem


@dataclass
class ReadFile:
    file: LeadFile
    results: list[RowResult]

    @property
    def rows(self) -> int:
        return len(self.results)

    @property
    def leads(self) -> list[LeadRow]:
        return [result.lead for result in self.results if result.lead is not None]

    @property
    def problems(self) -> list[RowProblem]:
        return [*self.file.warnings, *(problem for result in self.results for problem in result.problems)]


def read_file(data: bytes, country: str = "US", **options: Any) -> ReadFile:
    file = open_lead_file(io.BytesIO(data), ReadOptions(default_country=country, **options))
    results = list(file.results())
    if not results:
        raise no_rows(file)
    return ReadFile(file, results)


def assert_accounted_for(read: ReadFile) -> None:
    """Each row is a lead or has one error, once; no number is taken twice."""
    assert len({result.row for result in read.results}) == read.rows
    for result in read.results:
        errors = [problem for problem in result.problems if problem.code not in WARNINGS]
        assert len(errors) == (result.lead is None)
        assert all(problem.row == result.row for problem in result.problems)
    assert len({lead.phone for lead in read.leads}) == len(read.leads)
    assert all(lead.zones for lead in read.leads)
