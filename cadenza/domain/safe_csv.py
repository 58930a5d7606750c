"""CSV for people who open it in a spreadsheet: no cell runs as a formula, and reading it back gives the same text."""

import re

_MAY_RUN = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"(?![\t\r])[+-]?[\d\s().-]*")


def without_formulas(cell: str) -> str:
    """An apostrophe before what may run. A phone number with its + and a negative number stay as they are."""
    return f"'{cell}" if _MAY_RUN.match(cell) and not _NUMBER.fullmatch(cell) else cell


def with_formulas(cell: str) -> str:
    """The text again that `without_formulas` was given; also takes the apostrophe with which spreadsheets mark text."""
    return cell[1:] if cell.startswith("'") and _MAY_RUN.match(cell) else cell
