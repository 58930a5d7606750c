"""A mutant replaces what is really there, in the process that has it; and only its own rules count as a catch."""

import importlib
import inspect
import sys
from typing import Any

import pytest

from cadenza.domain.judge_rules import COUNTED, BrokenRule
from cadenza.operations.chaos import mutants
from cadenza.operations.chaos.mutant_runs import MUTANTS, caught, mutant_order
from cadenza.operations.chaos.mutants import Mutation
from cadenza.operations.chaos.schedule import Misfortune, Target, deal
from tests.operations.chaos.showing import result

REPLACED: dict[Mutation, tuple[str, str, str]] = {
    Mutation.LEASE: ("workflows", "cadenza.records.attempts", "claim_for_submission"),
    Mutation.RECONCILE: ("workflows", "activities.calling.CallingActivities", "reconcile_call"),
    Mutation.WEBHOOK_STORE: ("api", "api.routes.twilio", "_take"),
    Mutation.LAST_GATE: ("api", "cadenza.records.attempts", "admit_answer"),
}


def place(name: str) -> Any:
    module, _, member = name.rpartition(".")
    return getattr(importlib.import_module(module), member) if member[0].isupper() else importlib.import_module(name)


@pytest.mark.parametrize("mutation", Mutation)
@pytest.mark.parametrize("module", ["workflows", "api", "voice_bridge"])
def test_the_process_that_has_the_safeguard_loses_it_and_the_others_stay_whole(
    mutation: Mutation, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_it, where, name = REPLACED[mutation]
    original = getattr(place(where), name)
    monkeypatch.setattr(place(where), name, original)  # put back afterwards
    monkeypatch.setattr(sys, "argv", sys.argv)
    started: list[str] = []
    monkeypatch.setattr(mutants.runpy, "run_module", lambda module, **_: started.append(module))
    mutants.main([mutation.value, module])
    replaced = getattr(place(where), name)
    assert started == [module]
    assert (replaced is not original) == (module == has_it)
    if mutation is not Mutation.LAST_GATE:
        assert list(inspect.signature(replaced).parameters) == list(inspect.signature(original).parameters)


def test_every_mutant_of_the_supervisor_starts_its_children_as_mutants(monkeypatch: pytest.MonkeyPatch) -> None:
    system: Any = importlib.import_module("cadenza.operations.system")
    monkeypatch.setattr(system, "_command", system._command)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(importlib.import_module("cadenza.cli"), "main", lambda: None)
    mutants.main(["lease", "up"])
    assert system._command("worker") == list(mutants.command(Mutation.LEASE, "workflows"))


def test_each_safeguard_has_a_run_and_rules_that_fail_it() -> None:
    assert set(MUTANTS) == set(Mutation)
    for run in MUTANTS.values():
        assert run.caught_by
        assert not run.caught_by & COUNTED


@pytest.mark.parametrize("mutation", Mutation)
def test_a_mutants_run_deals_its_whole_deck(mutation: Mutation, tmp_path: Any) -> None:
    order = mutant_order(mutation, 1, tmp_path)
    dealt = deal(order.seed, kills=order.kills, gap=order.gap, deck=order.deck)
    assert order.deck is not None
    assert len(dealt) == len(order.deck)
    assert sorted(one.card.name for one in dealt) == sorted(card.name for card in order.deck)


def test_the_lease_is_outlasted_by_every_freeze_that_should_break_it() -> None:
    freezes = MUTANTS[Mutation.LEASE].deck
    assert all(card.kind is Misfortune.FREEZE and card.target is Target.WORKER for card in freezes)


def test_only_the_mutants_own_rules_are_a_catch_and_running_out_of_time_is_none() -> None:
    other = result(BrokenRule.LEAD_WITHOUT_OUTCOME, BrokenRule.LINE_LEAKED, timed_out=True)
    assert not caught(Mutation.WEBHOOK_STORE, other)
    noticed = result(BrokenRule.WEBHOOK_LOST, BrokenRule.WEBHOOK_LOST, BrokenRule.LINE_LEAKED)
    assert caught(Mutation.WEBHOOK_STORE, noticed) == {BrokenRule.WEBHOOK_LOST: 2}
    assert not caught(Mutation.LEASE, noticed)
