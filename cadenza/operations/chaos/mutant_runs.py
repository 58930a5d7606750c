"""The mutation check: for each safeguard a run whose misfortunes need it, and the rules that its absence breaks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cadenza.domain.judge_rules import BrokenRule
from cadenza.operations.chaos.mutants import Mutation, command
from cadenza.operations.chaos.results import ChaosOrder, ChaosResult
from cadenza.operations.chaos.schedule import (
    LEASE_SECONDS,
    UNSEEN_CALL,
    Card,
    Misfortune,
    Target,
    freeze,
    full_deck,
    kill,
)

_MAX_CALL_SECONDS = 45
_PATIENCE = 100.0
_SETTLE = 15.0
"""What a mutant has lost never settles."""


@dataclass(frozen=True)
class MutantRun:
    """How one safeguard's absence is provoked. `caught_by`: rules that nothing else in this run breaks."""

    missing: str
    caught_by: frozenset[BrokenRule]
    deck: Sequence[Card]
    leads: int
    calls_per_second: float
    gap: tuple[float, float]
    opt_outs: int = 0
    opt_out_gap: float = 2.0


_FAULTS = tuple(card for card in full_deck() if card.kind is Misfortune.FAULT)

MUTANTS: dict[Mutation, MutantRun] = {
    Mutation.LEASE: MutantRun(
        missing="a claim is refused after its lease",
        caught_by=frozenset({BrokenRule.PLACED_AFTER_LEASE, BrokenRule.RING_DENIED}),
        # Each time it is thawed, the worker holds attempts whose leases have lapsed and whose leads are due again.
        deck=(freeze(Target.WORKER, LEASE_SECONDS + 4.0),) * 3,
        leads=30,
        calls_per_second=5.0,
        gap=(2.5, 3.0),
    ),
    Mutation.RECONCILE: MutantRun(
        missing="a doubtful request is asked about, not repeated",
        caught_by=frozenset({BrokenRule.ATTEMPT_PLACED_TWICE, BrokenRule.ATTEMPT_RUNG_TWICE}),
        # Where a callback or the list tells of the call in time, nothing is left to ask about.
        deck=(Card(Misfortune.FAULT, "nobody tells of the call for a while", orders=UNSEEN_CALL),) * 4,
        leads=24,
        calls_per_second=2.0,
        gap=(1.0, 2.0),
    ),
    Mutation.WEBHOOK_STORE: MutantRun(
        missing="a webhook is stored before it is answered",
        caught_by=frozenset({BrokenRule.WEBHOOK_LOST}),
        # What comes while the database is away is acted on by nobody. Little of that shows in the records, for a later
        # word or the carrier's answer says the same: hence many deaths.
        deck=(kill(Target.API), *(kill(Target.POSTGRES),) * 9),
        leads=60,
        calls_per_second=5.0,
        gap=(3.0, 4.0),
    ),
    Mutation.LAST_GATE: MutantRun(
        missing="an answered call is asked about once more",
        caught_by=frozenset({BrokenRule.TALKED_AFTER_OPT_OUT}),
        deck=_FAULTS,
        leads=24,
        calls_per_second=2.0,
        gap=(1.0, 2.0),
        opt_outs=6,
    ),
}


def mutant_order(mutation: Mutation, seed: int, data_dir: Path) -> ChaosOrder:
    """The run without that safeguard."""
    run = MUTANTS[mutation]
    return ChaosOrder(
        leads=run.leads,
        seed=seed,
        kills=sum(card.kind is Misfortune.KILL for card in run.deck),
        data_dir=data_dir,
        talkers=False,
        calls_per_second=run.calls_per_second,
        patience=_PATIENCE,
        settle_seconds=_SETTLE,
        opt_outs=run.opt_outs,
        opt_out_gap=run.opt_out_gap,
        max_call_seconds=_MAX_CALL_SECONDS,
        gap=run.gap,
        deck=run.deck,
        command=command(mutation),
    )


def caught(mutation: Mutation, result: ChaosResult) -> Counter[BrokenRule]:
    """Violations by which the judge noticed; empty if it did not. A run out of time is no catch."""
    rules = MUTANTS[mutation].caught_by
    return Counter(finding.rule for finding in result.card.violations if finding.rule in rules)
