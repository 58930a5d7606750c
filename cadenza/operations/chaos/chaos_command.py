"""`cadenza chaos`: break everything while a rehearsal campaign runs, and let the judge say what held."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cadenza.operations.api_client import ApiProblem
from cadenza.operations.chaos.mutant_runs import MUTANTS, caught, mutant_order
from cadenza.operations.chaos.mutants import Mutation
from cadenza.operations.chaos.results import ChaosOrder, ChaosResult, NotResults, read_results, write_results
from cadenza.operations.chaos.run import run_chaos
from cadenza.operations.chaos.score_view import report_view, result_view
from cadenza.operations.chaos.under_test import DidNotStart
from cadenza.operations.demo.demo_command import forget_last_time
from cadenza.operations.instance_lock import AlreadyRunning
from cadenza.operations.screen import console, show_error

app = typer.Typer()

_DATA_DIR = Path(".cadenza") / "chaos"
_LEAST_KILLS, _LEADS_FOR_A_KILL = 6, 20
_SECONDS_FOR_A_LEAD = 3.0
_LEAST_PATIENCE = 420.0
_BROKEN, _NOT_STARTED = 1, 2
_COULD_NOT_RUN = (DidNotStart, AlreadyRunning, ApiProblem)

DataDir = Annotated[Path, typer.Option(help="Where everything of the run lives; another one for a run beside it")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the results here too, after each run")]


@app.callback(invoke_without_command=True)
def chaos(
    context: typer.Context,
    leads: Annotated[int, typer.Option(help="Simulated people to call")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed deals the same misfortunes in the same order")] = 1,
    runs: Annotated[int, typer.Option(min=1, help="Run so many seeds, one after the other, from SEED on")] = 1,
    kills: Annotated[int | None, typer.Option(help="Processes to kill at most (default: one for 20 leads)")] = None,
    builds: Annotated[
        bool, typer.Option("--builds", help="Version the workers: each rolling restart deploys another build")
    ] = False,
    json_file: JsonFile = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Run it for one seed or several. Exit code 1: a promise was broken, or the campaigns did not come to their end; 2:
    it did not start."""
    if context.invoked_subcommand is not None:
        return
    results: list[ChaosResult] = []
    for one in range(seed, seed + runs):
        order = ChaosOrder(
            leads=leads,
            seed=one,
            kills=kills if kills is not None else max(_LEAST_KILLS, leads // _LEADS_FOR_A_KILL),
            data_dir=data_dir,
            builds=builds,
            opt_outs=max(2, leads // 30),
            patience=max(_LEAST_PATIENCE, leads * _SECONDS_FOR_A_LEAD),
        )
        results.append(_run(order, f"Cadenza chaos: {leads} leads, seed {one}, up to {order.kills} kills"))
        _keep(results, json_file)
    if runs > 1:
        console.print()
        console.print(report_view(results))
    raise typer.Exit(0 if all(result.passed for result in results) else _BROKEN)


@app.command()
def mutants(
    only: Annotated[list[Mutation] | None, typer.Argument(help="Safeguards to take out (default: each)")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the runs")] = 1,
    json_file: JsonFile = None,
    data_dir: DataDir = _DATA_DIR,
) -> None:
    """Take out one safeguard at a time: the judge must notice each. Exit code 1: it missed one."""
    results: dict[Mutation, ChaosResult] = {}
    for mutation in only or list(MUTANTS):
        order = mutant_order(mutation, seed, data_dir)
        results[mutation] = _run(order, f"Cadenza chaos without: {MUTANTS[mutation].missing}")
        _keep(list(results.values()), json_file)
    console.print()
    console.print(_mutant_table(results))
    missed = [mutation.value for mutation, result in results.items() if not caught(mutation, result)]
    if missed:
        show_error(f"the judge did not notice: {', '.join(missed)}")
    raise typer.Exit(_BROKEN if missed else 0)


@app.command()
def report(files: Annotated[list[Path], typer.Argument(help="Files that `cadenza chaos --json` wrote")]) -> None:
    """Sum up many runs, in Markdown. Exit code 1: a promise was broken in one of them."""
    try:
        results = read_results(files)
    except NotResults as error:
        show_error(str(error))
        raise typer.Exit(_NOT_STARTED) from None
    console.print(report_view(results))
    raise typer.Exit(0 if all(result.passed for result in results) else _BROKEN)


def _run(order: ChaosOrder, title: str) -> ChaosResult:
    console.print(f"{title}; nothing leaves this machine")
    folder = order.data_dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        forget_last_time(folder)
        result = asyncio.run(run_chaos(replace(order, data_dir=folder), _tell))
    except _COULD_NOT_RUN as error:
        show_error(str(error))
        raise typer.Exit(_NOT_STARTED) from None
    console.print()
    console.print(result_view(result))
    return result


def _keep(results: Sequence[ChaosResult], json_file: Path | None) -> None:
    if json_file is not None:
        write_results(json_file, results)


def _mutant_table(results: dict[Mutation, ChaosResult]) -> Table:
    table = Table(title="Mutation check", title_justify="left")
    for heading in ("Mutant", "What is missing", "Caught by", "Findings", "Seconds"):
        table.add_column(heading, justify="right" if heading in {"Findings", "Seconds"} else "left", overflow="fold")
    for mutation, result in results.items():
        found = caught(mutation, result)
        rules = ", ".join(rule.value for rule in found) or "NOT CAUGHT"
        seconds = f"{result.seconds:.0f}"
        table.add_row(mutation.value, MUTANTS[mutation].missing, rules, str(found.total()), seconds)
    return table


def _tell(words: str) -> None:
    console.print(f"  {words}", markup=False, soft_wrap=True)
