"""`cadenza audit ...`: the audit log, read and verified."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from cadenza.domain.audit_chain import ChainCheck, Head, SealedEntry, parse_head
from cadenza.operations.campaign_commands import connected
from cadenza.operations.screen import console, show_error
from cadenza.records.number_key import NUMBER_KEY

app = typer.Typer(no_args_is_help=True)
_BROKEN = 1
_UNUSABLE = 2
_OTHER_KEY = (
    "Numbers are hashed under another key since {} UTC. The chain needs no key and is judged all the same; but "
    "--number does not find entries from before. `cadenza doctor` says what to do."
)


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="POSITION:HASH, noted earlier: finds a log that was cut at its end")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Verify this export instead, without the system")
    ] = None,
) -> None:
    """Compute every hash anew. Exit code 1 and the first bad entry if the log is not as it was written."""
    try:
        noted = parse_head(head) if head else None
    except ValueError as error:
        show_error(str(error))
        raise typer.Exit(_UNUSABLE) from None
    verdict = _verified_file(file, noted) if file else _verified_by_the_api(noted)
    if changed := verdict["number_key_changed_at"]:
        console.print(_OTHER_KEY.format(str(changed)[:19].replace("T", " ")), soft_wrap=True)
    if verdict["is_intact"]:
        console.print(
            f"The audit log is as it was written. Note its head elsewhere:\n{verdict['head']}", soft_wrap=True
        )
        return
    entry = f", entry {verdict['entry_id']}" if verdict["entry_id"] else ""
    show_error(f"position {verdict['broken_at']}{entry}: {verdict['reason']}")
    console.print(f"Up to here it is as it was written: {verdict['head']}", soft_wrap=True)
    raise typer.Exit(_BROKEN)


@app.command()
def export(file: Annotated[Path, typer.Argument(dir_okay=False, help="JSON Lines to write")]) -> None:
    """Write the whole log to a file that `verify --file` verifies anywhere."""
    with connected() as client:
        client.download_to("/v1/audit/export", file)
    console.print(f"Wrote {file}")


@app.command()
def show(
    kind: Annotated[str | None, typer.Option(help="Of this kind, or beginning with it: campaign., gate.")] = None,
    who: Annotated[str | None, typer.Option(help="By this key (key:ak_...), or callee, gate")] = None,
    campaign: Annotated[str | None, typer.Option(help="About this campaign")] = None,
    lead: Annotated[str | None, typer.Option(help="About this lead")] = None,
    number: Annotated[str | None, typer.Option(help="About this number")] = None,
    most: Annotated[int, typer.Option(min=1, max=200, help="Newest entries")] = 30,
) -> None:
    """Show the newest entries."""
    with connected() as client:
        page = client.get(
            "/v1/audit", kind=kind, who=who, campaign=campaign, lead=lead, phone=number, limit=most
        )  # fmt: skip
    table = Table("Position", "At (UTC)", "Kind", "Who", "Why", "About", "Details")
    for entry in page["items"]:
        about = entry["attempt_id"] or entry["lead_id"] or entry["campaign_id"] or entry["number_hash"] or ""
        details = ", ".join(f"{name} {value}" for name, value in entry["details"].items())
        position = "" if entry["position"] is None else str(entry["position"])
        table.add_row(position, entry["at"][:19], entry["kind"], entry["who"], entry["why"], about, details)
    console.print(table)


def _verified_by_the_api(noted: Head | None) -> dict[str, Any]:
    with connected() as client:
        verdict: dict[str, Any] = client.get("/v1/audit/verify", head=str(noted) if noted else None)
    return verdict


def _verified_file(file: Path, noted: Head | None) -> dict[str, Any]:
    check = ChainCheck(noted)
    keys: list[datetime] = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                entry = SealedEntry.model_validate_json(line)
            except ValidationError:
                show_error(f"{file.name}: line {number} is no entry of an audit log; export it again")
                raise typer.Exit(_UNUSABLE) from None
            check.take(entry.position, entry.hash, entry)
            if entry.kind == NUMBER_KEY:
                keys.append(entry.at)
    broken = check.end()
    return {
        "is_intact": broken is None,
        "head": str(check.head),
        "broken_at": broken.position if broken else None,
        "entry_id": broken.entry_id if broken else None,
        "reason": broken.reason if broken else "",
        "number_key_changed_at": keys[-1].isoformat() if len(keys) > 1 else None,
    }
