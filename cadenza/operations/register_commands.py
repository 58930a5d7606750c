"""`cadenza registers ...`: do-not-call registers, and answers about reassigned numbers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cadenza.operations.campaign_commands import connected
from cadenza.operations.number_list_view import show_list
from cadenza.operations.screen import console

app = typer.Typer(no_args_is_help=True)
_File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, XLSX or JSON")]
_Jurisdiction = Annotated[str, typer.Argument(help="As in the calling rules: US, US-FL, AU, GB")]
_Name = Annotated[str, typer.Option(help="Which of its registers: national, TPS, CTPS")]


@app.command(name="list")
def list_all() -> None:
    """Show the copies that are loaded: of which day, how many numbers."""
    with connected() as client:
        found = client.get("/v1/registers")["items"]
    table = Table("Jurisdiction", "Name", "Copy of (UTC)", "Numbers", "Internal", "Loaded at", "By")
    for copy in found:
        table.add_row(
            copy["jurisdiction"], copy["name"], copy["copied_at"][:16], f"{copy['entries']:,}",
            "yes" if copy["is_internal"] else "", copy["loaded_at"][:16], copy["loaded_by"],
        )  # fmt: skip
    console.print(table)


@app.command()
def load(
    jurisdiction: _Jurisdiction,
    file: _File,
    copied_on: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="When its keeper gave it out, UTC")
    ],
    name: _Name = "national",
    internal: Annotated[bool, typer.Option("--internal", help="Your own list, not the register of the law")] = False,
) -> None:
    """Load a whole copy of a register; it replaces the copy before in one step."""
    with connected() as client:
        show_list(
            client.upload(
                "/v1/registers", file, jurisdiction=jurisdiction, name=name, internal=internal,
                copied_at=copied_on.replace(tzinfo=UTC).isoformat(),
            )
        )  # fmt: skip


@app.command()
def remove(
    jurisdiction: _Jurisdiction,
    reason: Annotated[str, typer.Option(help="Why: kept in the audit log")],
    name: _Name = "national",
) -> None:
    """Forget a register. Where the rules ask for it, nobody is called until a copy is loaded."""
    with connected() as client:
        client.delete("/v1/registers", jurisdiction=jurisdiction, name=name, reason=reason)
    console.print("Removed")


@app.command()
def reassigned(
    file: _File,
    checked_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When the database was asked; default: today")
    ] = None,
) -> None:
    """Load answers of the reassigned numbers database: number, date asked about, yes, no or no data."""
    with connected() as client:
        show_list(
            client.upload(
                "/v1/reassigned-numbers", file, checked_on=checked_on.date().isoformat() if checked_on else None
            )
        )  # fmt: skip
