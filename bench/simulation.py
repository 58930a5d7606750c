"""Days of calling through the real admission, on PostgreSQL, by a virtual clock: does any ring break a rule?

Every tick is the dialer's (`cadenza.records.admission`), and so are the plans of what comes after a call
(`cadenza.domain.retry` with the gate). People answer by the hour, from a seed. Several campaigns share lines, numbers
and people; registers of numbers grow old and are renewed; people opt out. Every ring is judged by the rules written
once more (`bench.gate_reference`) on a ledger that is kept apart from the database.

The database does not wait for its disk: nothing is cut off here, and what the gate says does not depend on it.

    python -m bench simulation [--leads 100000] [--days 14] [--seed 1]
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.machine import describe
from bench.simulated_days import Outcome, Simulation, Told
from bench.simulated_world import START
from bench.simulation_report import Stored, report
from bench.virtual_clock import install_clock
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.records.migrate import migrate


def simulate(
    leads: int,
    days: float,
    *,
    lines: int = 60,
    rate: float = 30.0,
    seed: int = 1,
    url: str,
    told: Told = lambda outcome: None,
) -> Simulation:
    """In the empty database at `url`."""
    install_clock(url, START)
    migrate(url)
    simulation = Simulation(url, leads, lines, rate, seed)
    asyncio.run(simulation.run(days, told))
    return simulation


@contextmanager
def shown_progress(console: Console, days: float) -> Iterator[Told]:
    """A bar with the time left; a line for each simulated day where the output is no terminal."""
    if not console.is_terminal:
        yield _LineADay(console, days)
        return
    columns = (
        TextColumn("day {task.completed:.1f} of {task.total:g}"),
        BarColumn(),
        TextColumn("{task.fields[rings]:,} rings"),
        TimeElapsedColumn(),
        TextColumn("elapsed,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, speed_estimate_period=300) as progress:
        task = progress.add_task("", total=days, rings=0)

        def told(outcome: Outcome) -> None:
            progress.update(task, completed=outcome.days, rings=outcome.admitted)

        yield told


class _LineADay:
    def __init__(self, console: Console, days: float) -> None:
        self._console, self._days, self._next = console, days, 1

    def __call__(self, outcome: Outcome) -> None:
        if outcome.days < self._next or not outcome.days:
            return
        self._next = int(outcome.days) + 1
        left = outcome.took / outcome.days * (self._days - outcome.days)
        self._console.print(
            f"day {outcome.days:.1f} of {self._days:g}: {outcome.admitted:,} rings, {outcome.refused:,} refusals, "
            f"{outcome.took:.0f} s; about {left:.0f} s left"
        )


def main(arguments: Sequence[str]) -> None:
    """Print what happened; exits with 1 if any ring broke a rule."""
    parser = argparse.ArgumentParser(prog="python -m bench simulation")
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--days", type=float, default=14)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    console.print(f"\nSimulation\n{describe()}")
    with tempfile.TemporaryDirectory(prefix="cadenza-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder / "postgres", durable=False)
        server.start(folder / "server.log")
        try:
            with shown_progress(console, options.days) as told:
                simulation = simulate(options.leads, options.days, seed=options.seed, url=server.url, told=told)
            stored = Stored.read(server.url)
        finally:
            server.stop()
    console.print(
        f"{options.leads:,} leads, {options.days:g} days from {START:%d %B %Y}, in {simulation.outcome.took:.0f} s"
    )
    report(console, simulation, stored)
    if simulation.ledger.violations:
        raise SystemExit(1)
