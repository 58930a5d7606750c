"""`cadenza person ...`: what a person may ask for."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cadenza.operations.campaign_commands import connected
from cadenza.operations.screen import console

app = typer.Typer(no_args_is_help=True)
_Number = Annotated[str, typer.Argument(help="The person's number, +12125550123")]


@app.command()
def export(
    number: _Number,
    file: Annotated[Path | None, typer.Option(dir_okay=False, help="Write to this file instead of the screen")] = None,
    reason: Annotated[str, typer.Option(help="Why: kept in the audit log")] = "",
) -> None:
    """All that is known of a number, over all campaigns, as JSON."""
    with connected() as client:
        known = client.change("/v1/people/export", {"phone": number}, reason=reason)
    written = json.dumps(known, indent=2, ensure_ascii=False)
    if file is None:
        console.print(written, markup=False, highlight=False, soft_wrap=True)
    else:
        file.write_text(written, encoding="utf-8")
        console.print(f"Wrote {file}")


@app.command()
def erase(
    number: _Number,
    reason: Annotated[str, typer.Option(help="Why: kept in the audit log; no name here")],
    may_be_called: Annotated[
        bool, typer.Option("--may-be-called", help="Do not suppress the number: another upload may bring it back")
    ] = False,
) -> None:
    """Erase names, e-mails, notes, transcripts and recordings, here and at the carrier. Says what is kept, and why."""
    with connected() as client:
        erased = client.post(
            "/v1/people/erase", {"phone": number, "reason": reason, "suppress": not may_be_called}
        )  # fmt: skip
    console.print(
        f"Erased: {erased['leads']} leads, {erased['transcript_rows']} rows of transcripts, {erased['upload_rows']} "
        f"rejected rows; {erased['recordings']} recordings are being deleted; {erased['closed_leads']} leads closed"
    )
    for what, why in erased["kept"].items():
        console.print(f"Kept: {what.replace('_', ' ')} ({why})")
    if not erased["is_complete"]:
        console.print(f"{erased['calls_under_way']} calls are under way: erase again when they are over")
        raise typer.Exit(1)
