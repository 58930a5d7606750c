"""A lead file, read row by row: which rows become leads, and why the others do not. Pure; the database's word comes
later. Good rows are taken and each bad one is reported: every row comes out exactly once, as a lead or as an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict

from cadenza.domain.csv_rows import read_csv
from cadenza.domain.file_form import FileForm, FileKind, find_form
from cadenza.domain.json_rows import read_json
from cadenza.domain.lead_columns import PHONE_NAMES, ColumnPlan, looks_like_data, plan_columns, shown_headers
from cadenza.domain.lead_row import LeadRow, RowReader, clean_cell
from cadenza.domain.row_problem import FileCode, FileRefused, RowCode, RowProblem
from cadenza.domain.row_source import BadRow, RowSource, with_header
from cadenza.domain.xlsx_rows import read_xlsx


class ReadOptions(BaseModel):
    """How a file is to be read. `mapping` overrides what a column is taken for, by header; `keep_unknown` keeps columns
    that are not understood as custom fields."""

    model_config = ConfigDict(frozen=True)

    default_country: str
    mapping: Mapping[str, str] = {}
    keep_unknown: bool = False
    max_rows: int = 250_000


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row. Without a lead, exactly one of the problems is an error. `cells` are as in the file, by
    header; cells beyond the header's follow them."""

    row: int
    cells: tuple[str, ...]
    lead: LeadRow | None
    problems: list[RowProblem] = field(default_factory=list)


class LeadFile:
    """An open file. `results` may be read once."""

    def __init__(self, form: FileForm, source: RowSource, plan: ColumnPlan, options: ReadOptions) -> None:
        self.form = form
        self.delimiter = source.delimiter
        self.plan = plan
        self.warnings = _file_warnings(form, source, plan)
        """Findings about the file as a whole."""
        self._source = source
        self._options = options

    def results(self) -> Iterator[RowResult]:
        """Every row that is not blank, in order. Raises FileRefused for one row too many, or a file that breaks off."""
        reader = RowReader(self.plan, self._options.default_country)
        first_rows: dict[int, int] = {}  # by the number's digits: a tenth of the memory of texts
        for count, item in enumerate(self._source.items, start=1):
            if count > self._options.max_rows:
                raise _too_many_rows(self._options.max_rows)
            if isinstance(item, BadRow):
                yield RowResult(item.row, item.cells, None, [item.problem])
                continue
            lead, problems = reader.read(item)
            if lead is not None:
                first = first_rows.setdefault(int(lead.phone[1:]), item.row)
                if first != item.row:
                    problems.append(reader.duplicate(item, lead, first))
                    lead = None
            yield RowResult(item.row, item.cells, lead, problems)


def open_lead_file(stream: BinaryIO, options: ReadOptions) -> LeadFile:
    """Find out what a seekable stream holds and which column is what. Raises FileRefused if nothing can be taken."""
    form = find_form(stream)
    source = _open_rows(stream, form, options.mapping)
    plan = plan_columns(
        [clean_cell(name) for name in source.header], options.mapping, keep_unknown=options.keep_unknown
    )
    if not plan.phones:
        raise _no_phone_column(plan)
    return LeadFile(form, source, plan, options)


def _open_rows(stream: BinaryIO, form: FileForm, override: Mapping[str, str]) -> RowSource:
    match form.kind:
        case FileKind.CSV:
            delimiter, records = read_csv(stream, form.encoding)
            return with_header(records, override, delimiter=delimiter)
        case FileKind.XLSX:
            warnings, records = read_xlsx(stream)
            return with_header(records, override, warnings=warnings)
        case FileKind.JSON | FileKind.JSON_LINES:
            return read_json(stream, form)


def peek(lead_file: LeadFile, rows: int) -> list[RowResult]:
    """The first rows. Raises FileRefused for a file without any."""
    found = list(islice(lead_file.results(), rows))
    if not found:
        raise no_rows(lead_file)
    return found


def no_rows(lead_file: LeadFile) -> FileRefused:
    return FileRefused(
        FileCode.EMPTY_FILE,
        "The file has a header and no rows.",
        "Add a row for each lead.",
        lead_file.plan.headers,
    )


def _too_many_rows(most: int) -> FileRefused:
    return FileRefused(
        FileCode.TOO_MANY_ROWS,
        f"The file has more than {most} rows; nothing was taken.",
        "Split it into smaller files and upload them one after the other, or raise MAX_UPLOAD_ROWS.",
    )


def _no_phone_column(plan: ColumnPlan) -> FileRefused:
    is_data = looks_like_data(plan.headers)
    hint = " The first line seems to hold a lead: add a line with the columns' names above it." * is_data
    return FileRefused(
        FileCode.NO_PHONE_COLUMN,
        f"No column holds phone numbers. Columns found: {shown_headers(plan.headers)}.",
        f"Name the column 'phone' (also understood: {', '.join(PHONE_NAMES)}), or map it.{hint}",
        () if is_data else plan.headers,
    )


def _file_warnings(form: FileForm, source: RowSource, plan: ColumnPlan) -> tuple[RowProblem, ...]:
    warnings = list(source.warnings)
    if form.encoding == "cp1252":
        warnings.append(
            RowProblem(
                row=0,
                code=RowCode.ENCODING_GUESSED,
                message="The file is not UTF-8; it was read as Windows-1252.",
                fix="Look whether names with accents are right; if not, save the file as 'CSV UTF-8' and upload again.",
            )
        )
    warnings += [
        RowProblem(
            row=1,
            column=name,
            code=RowCode.DUPLICATE_HEADER,
            message="Two columns have this name; the first one counts, the other is read under a numbered name.",
            fix="Give each column its own name.",
        )
        for name in plan.repeated
    ]
    warnings += [
        RowProblem(
            row=1,
            column=name,
            code=RowCode.UNKNOWN_COLUMN,
            message="This column is not understood and was not read.",
            fix="Map it to a field, or keep it as a custom field.",
        )
        for name in plan.unknown
    ]
    return tuple(warnings)
