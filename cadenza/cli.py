"""The `cadenza` command. Thin: each command's work is in `cadenza.operations`.

A command imports its work when it is called: all of it together takes seconds.
"""

import asyncio
import runpy
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cadenza.loading import loading
from cadenza.operations.findings import Verdict
from cadenza.operations.screen import console, show_findings, show_setting_problems
from cadenza.operations.settings_check import SettingsError, load_settings, problems_for_calling

_GROUPS = {
    "account": "cadenza.operations.account_commands",
    "audit": "cadenza.operations.audit_commands",
    "campaign": "cadenza.operations.campaign_commands",
    "chaos": "cadenza.operations.chaos.chaos_command",
    "lead": "cadenza.operations.lead_commands",
    "person": "cadenza.operations.person_commands",
    "registers": "cadenza.operations.register_commands",
    "rules": "cadenza.operations.rules_command",
    "suppression": "cadenza.operations.suppression_commands",
}
"""Groups of commands, by the module that holds each as `app`."""


class _ImportingGroup(TyperGroup):
    """Imports a group of commands when it is asked for."""

    def list_commands(self, context: Any) -> list[str]:
        return [*super().list_commands(context), *_GROUPS]

    def get_command(self, context: Any, name: str) -> Any:
        if name not in _GROUPS:
            return super().get_command(context, name)
        command = typer.main.get_group(import_module(_GROUPS[name]).app)
        command.name = name
        return command


app = typer.Typer(
    name="cadenza",
    cls=_ImportingGroup,
    help="Outbound calling campaigns: durable, within the rules, and never the same person twice for one attempt.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold names, numbers and keys
    add_completion=False,
)

# Exit codes: 1 something failed or is wrong, 2 the settings or this machine need a change before a start.
_NEEDS_ATTENTION = 2


@app.command()
def up() -> None:
    """Start the real system from .env and keep it running until Ctrl-C."""
    with loading():
        from cadenza.operations.up_command import run_system

    settings = load_settings()
    if problems := problems_for_calling(settings):
        raise SettingsError(problems)
    raise typer.Exit(run_system(settings))


@app.command()
def restart() -> None:
    """Replace the processes of the running `cadenza up` by new ones, one after another, without dropping a call."""
    from cadenza.operations.restart_command import restart_running

    raise typer.Exit(restart_running(load_settings()))


@app.command()
def demo(
    keep: Annotated[
        bool | None,
        typer.Option("--keep/--no-keep", help="Stay up after the report until Ctrl-C (default: with a terminal)"),
    ] = None,
) -> None:
    """Rehearse a whole campaign against the simulated world: no account, no real call, about three minutes."""
    from cadenza.operations.demo.demo_command import run_demo

    raise typer.Exit(run_demo(keep=keep))


@app.command()
def doctor() -> None:
    """Check settings, ports, database, Temporal and every vendor's key, and say what to fix."""
    from cadenza.operations.doctor import examine

    findings = asyncio.run(examine(load_settings()))
    show_findings(findings)
    raise typer.Exit(1 if any(one.verdict is Verdict.WRONG for one in findings) else 0)


@app.command()
def settings(
    write: Annotated[bool, typer.Option("--write", help="Write .env.example instead of printing it")] = False,
) -> None:
    """Print every setting with its meaning and default, in the form of a .env file."""
    from cadenza.operations.settings_example import EXAMPLE_FILE, settings_example

    if write:
        Path(EXAMPLE_FILE).write_text(settings_example())
        console.print(f"Wrote {EXAMPLE_FILE}")
    else:
        console.print(settings_example(), end="", markup=False, soft_wrap=True)


def _run_process(module: str) -> None:
    load_settings()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


@app.command()
def worker() -> None:
    """Run one worker (workflows and activities) in the foreground."""
    _run_process("workflows")


@app.command()
def bridge() -> None:
    """Run one voice bridge in the foreground."""
    _run_process("voice_bridge")


@app.command()
def api() -> None:
    """Run one API server in the foreground."""
    _run_process("api")


@app.command()
def rehearsal() -> None:
    """Run the rehearsal world in the foreground."""
    _run_process("rehearsal")


def main() -> None:
    """Entry point: settings that cannot be used become a message, not a traceback."""
    try:
        app()
    except SettingsError as error:
        show_setting_problems(error.problems)
        raise SystemExit(_NEEDS_ATTENTION) from None


if __name__ == "__main__":
    main()
