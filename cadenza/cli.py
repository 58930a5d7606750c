"""The `cadenza` command. Thin: each command's work is in `cadenza.operations`.

A command imports its work when it is called: all of it together takes seconds.
"""

import asyncio
import runpy
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from cadenza.loading import loading
from cadenza.operations.findings import Verdict
from cadenza.operations.screen import console, show_findings, show_setting_problems
from cadenza.operations.settings_check import SettingsError, load_settings, problems_for_calling


class _Group(NamedTuple):
    """Commands that belong together."""

    module: str
    """Holds them as `app`."""
    help: str


_GROUPS = {
    "account": _Group("account_commands", "See, pause and resume the telephony account: every campaign at once."),
    "audit": _Group("audit_commands", "Read and verify the log of every decision and change."),
    "campaign": _Group("campaign_commands", "Create, fill, run and watch campaigns."),
    "chaos": _Group(
        "chaos.chaos_command",
        "Kill, freeze and mislead every process during a rehearsal campaign, and judge what held.",
    ),
    "lead": _Group("lead_commands", "Look at one lead."),
    "person": _Group("person_commands", "Export or erase all that is known of a number."),
    "registers": _Group("register_commands", "Do-not-call registers and reassigned numbers, loaded from files."),
    "rules": _Group("rules_command", "See and change the calling rules. Research, not legal advice."),
    "suppression": _Group("suppression_commands", "Numbers that no campaign calls: added, listed from files, lifted."),
}


class _ImportingGroup(TyperGroup):
    """Imports a group of commands when one of them is called; what --help lists needs none of it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, group in _GROUPS.items():
            self.add_command(TyperGroup(name=name, help=group.help))

    def resolve_command(self, context: Any, arguments: list[str]) -> Any:
        name, command, rest = super().resolve_command(context, arguments)
        return name, _imported(name) if name in _GROUPS else command, rest


def _imported(name: str) -> TyperGroup:
    command = typer.main.get_group(import_module(f"cadenza.operations.{_GROUPS[name].module}").app)
    command.name, command.help = name, _GROUPS[name].help
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
    settings = load_settings()
    if problems := problems_for_calling(settings):
        raise SettingsError(problems)
    with loading():
        from cadenza.operations.up_command import run_system

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
