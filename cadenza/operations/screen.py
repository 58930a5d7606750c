"""What the commands print: one console, one look."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cadenza.operations.findings import Finding, Verdict
from cadenza.operations.restart_policy import ProcessState
from cadenza.operations.settings_check import SettingProblem

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)

_VERDICT_LOOK = {
    Verdict.GOOD: ("ok", "green"),
    Verdict.DOUBTFUL: ("look", "yellow"),
    Verdict.WRONG: ("fix", "bold red"),
    Verdict.SKIPPED: ("-", "dim"),
}
_STATE_LOOK = {
    ProcessState.READY: "green",
    ProcessState.BACKING_OFF: "yellow",
    ProcessState.GIVEN_UP: "bold red",
}


def show_setting_problems(problems: Iterable[SettingProblem]) -> None:
    """One line for the problem and one for the fix, per variable."""
    error_console.print("[bold red]The settings need attention[/] (environment or .env):")
    for one in problems:
        error_console.print(Text.assemble("  ", (one.variable, "bold"), f" {one.problem}"))
        error_console.print(Text.assemble("    -> ", one.fix), soft_wrap=True)


def show_error(message: str) -> None:
    """A failure that the user can do something about."""
    error_console.print(Text(message, style="bold red"), soft_wrap=True)


def show_findings(findings: Iterable[Finding]) -> None:
    """The doctor's table."""
    table = Table(title="Cadenza doctor", title_justify="left")
    for heading in ("", "Checked", "Found", "To do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        label, style = _VERDICT_LOOK[finding.verdict]
        table.add_row(Text(label, style=style), Text(finding.subject), Text(finding.detail), Text(finding.fix))
    console.print(table)


def show_state(name: str, state: ProcessState, words: str) -> None:
    """One line of the supervisor's story. Starts are told by the readiness that follows."""
    if state is ProcessState.STARTING and not words:
        return
    console.print(Text.assemble("  ", f"{name:<10}", (f" {state.value}", _STATE_LOOK.get(state, "")), f" {words}"))
