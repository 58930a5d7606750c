"""`cadenza lead ...`: one lead over the API."""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cadenza.operations.campaign_commands import connected
from cadenza.operations.screen import console

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _leads() -> None:
    """A group, though it has one command."""


@app.command()
def why(
    lead_id: Annotated[str, typer.Argument(help="The lead's id, as the API and the report print it")],
    everything: Annotated[bool, typer.Option("--all", help="Show the rules that pass, too")] = False,
) -> None:
    """Why is this lead not being called? Every rule's answer now, with grade and source."""
    with connected() as client:
        show_why(client.get(f"/v1/leads/{lead_id}/why"), everything=everything)


def show_why(found: dict[str, Any], *, everything: bool) -> None:
    """The lead's state, the answer, and a row for each rule that refuses (or for each rule)."""
    state = f"{found['state']}: {found['outcome']}" if found["outcome"] else found["state"]
    _line(f"{found['lead_id']}  {state}", style="bold")
    if found["next_step"]:
        _line(f"Next: {found['next_step']}")
    for label, name in (("Due", "due"), ("Asked", "asked"), ("May be called from", "next_allowed")):
        if found[name]:
            _line(f"{label}: {_moment(found[name])}")
    _line(f"Places: {', '.join(found['places']) or 'none'}.  Rules {found['rules_version']}")
    if found["allowed"]:
        _line("The rules let it be called now.", style="green")
    else:
        end = " (final)" if found["is_final"] else " (a person has to act)" if not found["next_allowed"] else ""
        _line(f"Not called because of {found['rule']}{end}: {found['reason']}", style="red")
    table = Table(title="Every rule" if everything else "Rules that refuse", title_justify="left")
    for heading in ("", "Rule", "Asks for", "Says", "Until", "Of", "Grade", "Source"):
        table.add_column(heading, overflow="fold")
    verdicts = [one for one in found["verdicts"] if everything or not one["passed"]]
    for one in verdicts:
        table.add_row(
            Text("yes" if one["passed"] else "no", style="green" if one["passed"] else "red"),
            *map(Text, (one["rule"], one["demands"], one["reason"])),
            Text(_moment(one["until"]) if one["until"] else ""),
            *map(Text, (one["jurisdiction"], one["grade"], one["source"])),
        )
    if verdicts:
        console.print(table)


def _moment(moment: dict[str, Any]) -> str:
    local = "; ".join(f"{at} in {zone}" for zone, at in moment["local"].items())
    utc = f"{moment['utc'][:16].replace('T', ' ')} UTC"
    return f"{utc} ({local})" if local else utc


def _line(words: str, style: str = "") -> None:
    console.print(Text(words, style=style), soft_wrap=True)
