"""Days of calling through the real admission, on PostgreSQL, by a virtual clock: does any ring break a rule?

Every tick is the dialer's (`cadenza.records.admission`), and so are the plans of what comes after a call
(`cadenza.domain.retry` with the gate). People answer by the hour, from a seed. Several campaigns share lines, numbers
and people; registers of numbers grow old and are renewed; people opt out. Every ring is judged by the rules written
once more (`bench.gate_reference`) on a ledger that is kept apart from the database.

    python -m bench simulation [--leads 100000] [--days 14] [--seed 1]
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from bench.machine import describe
from bench.simulated_days import Simulation
from bench.simulated_world import START
from bench.virtual_clock import install_clock
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.records.migrate import migrate


def simulate(leads: int, days: float, *, lines: int = 60, rate: float = 30.0, seed: int = 1, url: str) -> Simulation:
    """In the empty database at `url`."""
    install_clock(url, START)
    migrate(url)
    simulation = Simulation(url, leads, lines, rate, seed)
    asyncio.run(simulation.run(days))
    return simulation


def _report(console: Console, simulation: Simulation, refused: Sequence[tuple[str, int]]) -> None:
    outcome, ledger = simulation.outcome, simulation.ledger
    table = Table("refused by", "times", title="Leads refused by the gate")
    for rule, count in refused:
        table.add_row(rule, f"{count:,}")
    console.print(table)
    table = Table("campaign", "rings", title=f"{outcome.admitted:,} rings")
    for campaign, count in sorted(ledger.rings.items()):
        table.add_row(campaign, f"{count:,}")
    console.print(table)
    one, other = outcome.full["cp_twin_1"], outcome.full["cp_twin_2"]
    if one + other:
        console.print(f"In ticks that used the whole rate the twins, equal campaigns, had {one:,} and {other:,} calls")
    else:
        console.print("No tick used the whole rate: nothing is told of fairness")
    if outcome.lines:
        console.print(
            f"Lines while calling: {statistics.mean(outcome.lines):.1f} on average, {max(outcome.lines)} at most"
        )
    if len(outcome.ticks) > 1:
        p95 = statistics.quantiles(outcome.ticks, n=20)[18]
        console.print(
            f"Admission ticks that admitted or refused: {len(outcome.ticks):,}, "
            f"p50 {statistics.median(outcome.ticks):.1f} ms, p95 {p95:.1f} ms"
        )
    console.print(f"Violations: {ledger.violations.total()} {dict(ledger.violations) or ''}")


def main(arguments: Sequence[str]) -> None:
    """Print what happened; exits with 1 if any ring broke a rule."""
    parser = argparse.ArgumentParser(prog="python -m bench simulation")
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--days", type=float, default=14)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    console.print(f"\nSimulation\n{describe()}")
    with tempfile.TemporaryDirectory(prefix="cadenza-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder / "postgres")
        server.start(folder / "server.log")
        try:
            simulation = simulate(options.leads, options.days, seed=options.seed, url=server.url)
            with psycopg.connect(server.url) as connection:
                refused = connection.execute(
                    "select rule, count(*) from gate_refusal group by 1 order by 2 desc"
                ).fetchall()
        finally:
            server.stop()
    console.print(
        f"{options.leads:,} leads, {options.days:g} days from {START:%d %B %Y}, in {simulation.outcome.took:.0f} s"
    )
    _report(console, simulation, refused)
    if simulation.ledger.violations:
        raise SystemExit(1)
