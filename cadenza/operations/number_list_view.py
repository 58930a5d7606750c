"""What became of a list of numbers, on the screen."""

from typing import Any

from rich.table import Table

from cadenza.operations.screen import console

_SHOWN = 30


def show_list(result: dict[str, Any]) -> None:
    console.print(
        f"{result['id']}: {result['numbers']} numbers of {result['rows']} rows, {result['new']} of them new; "
        f"{result['rejected']} rows were not taken"
    )
    if not result["findings"]:
        return
    table = Table("Row", "Column", "Value", "Code", "Fix")
    for finding in result["findings"][:_SHOWN]:
        table.add_row(str(finding["row"]), finding["column"], finding["value"], finding["code"], finding["fix"])
    console.print(table)
    if len(result["findings"]) > _SHOWN:
        console.print(f"... and {len(result['findings']) - _SHOWN} more")
