"""`cadenza rules apply|withdraw|versions`: change the rules of the running system, and see which held when."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cadenza.domain.rules.rule_book import RuleBook
from cadenza.operations.api_client import ApiClient
from cadenza.operations.campaign_commands import connected
from cadenza.operations.screen import console, show_error

_OVERLAY = "/v1/rules/overlay"
_Reason = Annotated[str, typer.Option(help="Why: kept with the rules and in the audit log")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would change")]
_Weaker = Annotated[
    bool, typer.Option("--accept-weaker", help="Also if rules of law do not hold any more: ask counsel before")
]


def apply(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Changes (JSON), as in docs/rules.md")],
    reason: _Reason,
    dry_run: _DryRun = False,
    accept_weaker: _Weaker = False,
) -> None:
    """Put changes in force in every process at once. They take the place of those applied before."""
    try:
        overlay = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        show_error(f"{file.name} is not JSON in UTF-8: {error}")
        raise typer.Exit(2) from None
    with connected() as client:
        _show_change(
            client.put(_OVERLAY, overlay, reason=reason, dry_run=dry_run, accept_weaker=accept_weaker), dry_run
        )


def withdraw(reason: _Reason, dry_run: _DryRun = False, accept_weaker: _Weaker = False) -> None:
    """Take back what was applied: the standard rules hold again, with the file of CALLING_RULES."""
    with connected() as client:
        change = client.delete(_OVERLAY, reason=reason, dry_run=dry_run, accept_weaker=accept_weaker)
    _show_change(change, dry_run)


def versions(
    at: Annotated[
        datetime | None,
        typer.Option(
            help="UTC: which rules were in force then?", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=200, help="Newest versions")] = 20,
) -> None:
    """List the rules that were in force: from when to when, by whom, why, and what changed."""
    with connected() as client:
        page = client.get("/v1/rules/versions", at=at and f"{at.isoformat()}Z", limit=1 if at else most)
    if not page["items"]:
        console.print("No rules were on record then: nobody was called under any.")
    for one in page["items"]:
        until = one["in_force_until"]
        span = f"from {one['in_force_at'][:19]}" + (f" to {until[:19]}" if until else ", in force now")
        console.print(Text(f"{one['version']}  {span} (UTC)", style="bold"), soft_wrap=True)
        console.print(Text(f"  {one['who']}: {one['why'] or '-'}; zone data {one['zone_data']}"), soft_wrap=True)
        _show_lines(one)


def book_in_force(client: ApiClient) -> RuleBook:
    """The running system's book, whole."""
    version = client.get("/v1/rules/versions", limit=1)["items"][0]["version"]
    rules = client.get(f"/v1/rules/versions/{version}")["rules"]
    return RuleBook(version.rpartition("-")[0], rules["jurisdictions"], rules["blackout_days"])


def _show_change(change: dict[str, Any], dry_run: bool) -> None:
    if not change["changes"]:
        console.print(f"Nothing changes: version {change['version']}")
        return
    console.print(Text(f"{'Would be' if dry_run else 'Is'} in force: {change['version']}"), soft_wrap=True)
    _show_lines(change)


def _show_lines(change: dict[str, Any]) -> None:
    for line in change["changes"]:
        console.print(Text(f"  {line}"), soft_wrap=True)
    if change["weakened"]:
        table = Table("Rules of law that are not kept")
        for line in change["weakened"]:
            table.add_row(line)
        console.print(table)
