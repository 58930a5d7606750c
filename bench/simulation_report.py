"""What the simulation's days came to, for people (`python -m bench simulation`)."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from rich.console import Console
from rich.table import Table

from bench.simulated_days import Simulation
from bench.simulated_world import SimulatedCampaign


@dataclass(frozen=True)
class Stored:
    """What the database holds at the end: refusals by rule and jurisdiction, and leads by how they stand."""

    refusals: Counter[tuple[str, str]]
    leads: Counter[str]

    @classmethod
    def read(cls, database_url: str) -> "Stored":
        with psycopg.connect(database_url) as connection:
            refusals = connection.execute("select rule, jurisdiction, count(*) from gate_refusal group by 1, 2")
            leads = connection.execute(
                "select case when state = 'final' then outcome when held_rule is not null then 'held: ' || held_rule "
                "else 'still to be called' end, count(*) from lead group by 1"
            )
            return cls(
                Counter({(rule, place): count for rule, place, count in refusals}),
                Counter({str(standing): count for standing, count in leads}),
            )


def jain(shares: Iterable[float]) -> float:
    """Jain's index of fairness: 1 where all have the same, 1/n where one of n has everything."""
    found = list(shares)
    squares = sum(share * share for share in found)
    return sum(found) ** 2 / (len(found) * squares) if squares else 1.0


def report(console: Console, simulation: Simulation, stored: Stored) -> None:
    """Print every table."""
    _by_rule(console, simulation, stored.refusals)
    _by_campaign(console, simulation)
    _counts(console, "How calls ended", "calls", simulation.outcome.calls)
    _counts(console, "Where leads stand at the end", "leads", stored.leads)
    _sums(console, simulation)


def _by_rule(console: Console, simulation: Simulation, refusals: Counter[tuple[str, str]]) -> None:
    ledger = simulation.ledger
    rules: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for (rule, place), count in refusals.items():
        rules[rule] += count
        places[place] += count
    for title, rings, refused in (
        ("Rule", ledger.by_rule, rules),
        ("Jurisdiction", ledger.by_jurisdiction, places),
    ):
        table = Table(title, "rings judged by it", "calls refused")
        for name in sorted(rings | refused, key=lambda name: (-rings[name], name)):
            counts = (f"{count:,}" if count else "-" for count in (rings[name], refused[name]))
            table.add_row(name or "none: the campaign's own, or the person's word", *counts)
        console.print(table)


def _by_campaign(console: Console, simulation: Simulation) -> None:
    outcome, rings = simulation.outcome, simulation.ledger.rings
    minutes = max(1, len(outcome.lines))
    table = Table(
        "campaign", "its own limits", "rings", "share", "contested", "share", "lines", "most",
        title=f"{outcome.admitted:,} rings of six campaigns",
    )  # fmt: skip
    for one in simulation.campaigns.values():
        table.add_row(
            one.id, _own_limits(one), f"{rings[one.id]:,}", _share(rings, one.id), f"{outcome.full[one.id]:,}",
            _share(outcome.full, one.id), f"{outcome.line_minutes[one.id] / minutes:.1f}",
            str(outcome.most_lines[one.id]),
        )  # fmt: skip
    console.print(table)
    twins = [one for one in simulation.campaigns if one.startswith("cp_twin")]
    for name, ids in (("all six", list(simulation.campaigns)), ("the twins, which are equal", twins)):
        console.print(
            f"Jain's index of {name}: rings {jain(rings[one] for one in ids):.3f}, "
            f"contested calls {jain(outcome.full[one] for one in ids):.3f}"
        )
    console.print("Contested: admitted in ticks that used the account's whole rate, so that campaigns had to share it")


def _own_limits(campaign: SimulatedCampaign) -> str:
    policy = campaign.policy
    limits = [f"priority {policy.priority}", f"{policy.max_attempts} attempts"]
    if policy.max_lines is not None:
        limits.append(f"{policy.max_lines} lines")
    if policy.calls_per_second is not None:
        limits.append(f"{policy.calls_per_second:g} calls a second")
    if campaign.callers:
        limits.append(f"{len(campaign.callers)} numbers")
    return ", ".join(limits)


def _share(counts: Counter[str], key: str) -> str:
    return f"{counts[key] / counts.total():.1%}" if counts.total() else "-"


def _counts(console: Console, title: str, what: str, counts: Counter[str]) -> None:
    table = Table("", what, title=title)
    for name, count in counts.most_common():
        table.add_row(name, f"{count:,}")
    console.print(table)


def _sums(console: Console, simulation: Simulation) -> None:
    outcome, gate, ledger = simulation.outcome, simulation.gate, simulation.ledger
    numbers = ", ".join(f"{count:,} {_ordinal(number)}" for number, count in sorted(outcome.attempts.items()))
    retries = outcome.admitted - outcome.attempts[1]
    console.print(f"Calls by attempt: {numbers or 'none'}; {retries:,} retries")
    console.print(f"Lines: {_lines_used(outcome.lines, simulation.lines)}")
    if len(outcome.ticks) > 1:
        p95 = statistics.quantiles(outcome.ticks, n=20)[18]
        console.print(
            f"Admission ticks that admitted or refused: {len(outcome.ticks):,}, "
            f"p50 {statistics.median(outcome.ticks):.1f} ms, p95 {p95:.1f} ms"
        )
    if gate.seconds and outcome.took:
        console.print(
            f"Gate: {gate.decisions:,} decisions, {gate.decisions / outcome.took:,.0f} in a second of the whole run, "
            f"{gate.decisions / gate.seconds:,.0f} in a second of its own; {gate.plans:,} instants planned"
        )
    console.print(f"Rings: {outcome.admitted / max(outcome.took, 0.001):,.0f} in a second of the whole run")
    console.print(f"Violations: {ledger.violations.total()} {dict(ledger.violations) or ''}")


def _lines_used(lines: Sequence[int], limit: int) -> str:
    if not lines:
        return "none was used"
    full = sum(used >= limit for used in lines) / len(lines)
    return (
        f"{statistics.mean(lines):.1f} on average in {len(lines):,} minutes of calling, "
        f"{max(lines)} at most, of {limit}; all of them in {full:.0%} of the minutes"
    )


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
