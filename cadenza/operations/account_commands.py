"""`cadenza account ...`: all calling at once, over the API."""

from typing import Annotated, Any

import typer

from cadenza.operations.campaign_commands import connected
from cadenza.operations.campaign_view import how_it_goes_on
from cadenza.operations.screen import console

app = typer.Typer(no_args_is_help=True)


@app.command()
def show() -> None:
    """Show the limits, the lines in use, and why nobody is called if so."""
    with connected() as client:
        _print(client.get("/v1/account"))


@app.command()
def pause(reason: Annotated[str, typer.Option(help="For those who look later")] = "paused by a user") -> None:
    """Ring nobody new in any campaign; calls under way go on."""
    with connected() as client:
        _print(client.post("/v1/account/pause", {"reason": reason}))


@app.command()
def resume() -> None:
    """Call again, after a pause or when what the carrier refused has been put right."""
    with connected() as client:
        _print(client.post("/v1/account/resume"))


def _print(account: dict[str, Any]) -> None:
    state = f"paused: {account['paused_reason']}" if account["paused_reason"] else "calling"
    console.print(
        f"{account['id']}  {state}  ({account['lines_in_use']} of {account['max_lines']} lines, "
        f"{account['calls_per_second']:g} calls a second)"
    )
    if account["breaker"]:
        console.print(how_it_goes_on(account["breaker"], "cadenza account resume"))
    if account["waiting_reason"]:
        console.print(f"Nobody new is called now: {account['waiting_reason']}")
