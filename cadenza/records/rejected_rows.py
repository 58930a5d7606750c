"""The rows of an upload that were not taken, as a CSV to correct and to send again."""

import csv
import io
from collections.abc import AsyncIterator, Sequence

from cadenza.domain.lead_columns import ERROR_COLUMNS
from cadenza.domain.safe_csv import without_formulas
from cadenza.records.database import Database
from cadenza.records.tables import RowError, Upload
from cadenza.records.uploads import list_row_errors

_ROWS_AT_ONCE = 500


async def rejected_csv(database: Database, upload: Upload) -> AsyncIterator[str]:
    """Pieces of the CSV, in the file's order: the file's own columns, then what is wrong. No cell runs as a formula."""
    yield "\ufeff" + _lines([[*upload.columns, *ERROR_COLUMNS]])  # the mark tells Excel that it is UTF-8
    after = 0
    while True:
        async with database.transaction() as session:
            errors = await list_row_errors(session, upload.id, after=after, limit=_ROWS_AT_ONCE, with_warnings=False)
        if not errors:
            return
        yield _lines([_line(error, len(upload.columns)) for error in errors])
        after = errors[-1].id or 0


def _line(error: RowError, width: int) -> list[str]:
    cells = error.cells or []
    own = [*cells[:width], *[""] * (width - len(cells))]
    return [*own, str(error.row), error.code, error.column, error.message, error.fix, " | ".join(cells[width:])]


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([without_formulas(cell) for cell in row] for row in rows)
    return text.getvalue()
