"""Does the gate agree with the rules written once more (`bench.gate_reference`), on random cases from a seed?

Every case compares the decision and its rule; some also the next allowed instant, found by walking minute by minute.

    python -m bench gate_check [--cases 1000000] [--next 20000] [--seed 1]
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table

from bench.gate_cases import World, draw_case, draw_world, rule_books
from bench.gate_reference import Reference
from bench.machine import describe
from cadenza.domain.gate import Gate, GateDecision, GateFacts, Rule

CASES_A_WORLD = 500
HORIZON = timedelta(days=10)
"""How far the reference walks. What the gate finds beyond is only checked to be lawful, and nothing before it."""

_NO_HOURS = {"outside_hours", "outside_legal_hours", "public_holiday", "blackout_day", "holidays_unknown", "never_open"}


@dataclass
class Tally:
    """What was compared, and what differed. Times in seconds."""

    rules: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    instants: int = 0
    instants_beyond: int = 0
    gate_time: float = 0.0
    reference_time: float = 0.0

    @property
    def cases(self) -> int:
        return self.rules.total()


def compare(seed: int, cases: int, instants: int) -> Tally:
    """Ask both about `cases` cases, and about the next instant of `instants` of them."""
    tally, draw, books = Tally(), random.Random(seed), rule_books(seed)
    gates = {book.version: Gate(book) for book in books}
    every = max(1, cases // instants) if instants else cases + 1
    while tally.cases < cases:
        world = draw_world(draw, books)
        reference: Reference | None = None
        for _ in range(min(CASES_A_WORLD, cases - tally.cases)):
            facts, now = draw_case(draw, world)
            reference = reference or Reference(world.book, facts)
            _compare_decision(tally, gates[world.book.version], reference, world, facts, now)
            if tally.cases % every == 0:
                _compare_next(tally, gates[world.book.version], reference, world, facts, now)
    return tally


def _compare_decision(
    tally: Tally, gate: Gate, reference: Reference, world: World, facts: GateFacts, now: datetime
) -> None:
    started = time.perf_counter()
    decision = gate.check(facts, now)
    answered = time.perf_counter()
    violated = reference.violated(facts, now)
    tally.gate_time += answered - started
    tally.reference_time += time.perf_counter() - answered
    tally.rules[decision.rule.value if decision.rule else "allowed"] += 1
    if not _agree(decision, violated):
        tally.differences.append(f"{_case(world, now)}: the gate says {decision.rule}, violated are {sorted(violated)}")


def _agree(decision: GateDecision, violated: set[str]) -> bool:
    if decision.rule is None:
        return not violated
    if decision.rule is Rule.NEVER_OPEN:
        return bool(violated & _NO_HOURS)  # that it is never: by the next instants
    return decision.rule.value in violated


def _compare_next(
    tally: Tally, gate: Gate, reference: Reference, world: World, facts: GateFacts, now: datetime
) -> None:
    found = gate.next_allowed(facts, now)
    walked = reference.first_allowed(facts, now, HORIZON)
    tally.instants += 1
    right = found == walked
    if walked is None and found is not None and found > now + HORIZON:
        tally.instants_beyond += 1
        just_before = found - timedelta(microseconds=1)
        right = not reference.violated(facts, found) and bool(reference.violated(facts, just_before))
    if not right:
        tally.differences.append(f"{_case(world, now)}: next is {found} by the gate, {walked} by the minute")


def _case(world: World, now: datetime) -> str:
    return f"rules {world.book.version}, {', '.join(place.id for place in world.places)}, {now.isoformat()}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the comparison; exits with 1 if there is any disagreement."""
    parser = argparse.ArgumentParser(prog="python -m bench gate_check", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--next", type=int, default=1_000, dest="instants", help="next instants to walk to")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    console = Console()
    console.print(f"Machine: {describe()}")
    started = time.perf_counter()
    tally = compare(options.seed, options.cases, options.instants)
    elapsed = time.perf_counter() - started
    table = Table("the gate's answer", "cases", title=f"{tally.cases:,} random cases, seed {options.seed}")
    for rule, count in tally.rules.most_common():
        table.add_row(rule, f"{count:,}")
    console.print(table)
    console.print(
        f"{elapsed:.0f} s, {tally.cases / elapsed:,.0f} cases/s (gate {tally.gate_time:.0f} s, reference "
        f"{tally.reference_time:.0f} s, the rest is drawing cases and walking)"
    )
    console.print(f"Next instants walked to: {tally.instants:,}, of them beyond ten days: {tally.instants_beyond:,}")
    for difference in tally.differences[:10]:
        console.print(difference, markup=False)
    console.print(f"Disagreements: {len(tally.differences)}")
    if tally.differences:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
