"""`cadenza suppression ...`: numbers that are never called again."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.table import Table

from cadenza.operations.campaign_commands import connected
from cadenza.operations.number_list_view import show_list
from cadenza.operations.screen import console

app = typer.Typer(no_args_is_help=True)
_Number = Annotated[str, typer.Argument(help="A number, +12125550123")]
_Country = Annotated[str | None, typer.Option(help="Country of numbers without +, such as US")]


@app.command()
def add(number: _Number, reason: Annotated[str, typer.Option(help="Why: kept with it")]) -> None:
    """Never call this number again. Acts at once, in every campaign, also while it rings."""
    with connected() as client:
        client.post("/v1/suppressions", {"phone": number, "reason": reason})
    console.print("Suppressed")


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX or JSON with numbers")],
    reason: Annotated[str | None, typer.Option(help="Why: kept with each number")] = None,
    country: _Country = None,
) -> None:
    """Suppress every number of a file. Good rows are taken, each bad one is explained."""
    with connected() as client:
        show_list(client.upload("/v1/suppressions/upload", file, reason=reason, country=country))


@app.command()
def show(number: _Number) -> None:
    """Show whether a number is suppressed, and who asked what."""
    with connected() as client:
        found = client.get(f"/v1/suppressions/{quote(number)}")
    console.print("suppressed" if found["is_suppressed"] else "not suppressed")
    table = Table("At (UTC)", "What", "How", "Why", "Who", "From")
    for event in found["events"]:
        table.add_row(
            event["at"][:19], event["action"], event["source"], event["reason"], event["who"], event["reference"]
        )
    console.print(table)


@app.command()
def lift(number: _Number, reason: Annotated[str, typer.Option(help="Why: kept in the audit log")]) -> None:
    """Let a number be called again, with a reason such as a new written consent. Closed leads stay closed."""
    with connected() as client:
        client.delete(f"/v1/suppressions/{quote(number)}", reason=reason)
    console.print("Lifted")
