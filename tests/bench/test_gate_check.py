"""The comparison of the gate with the rules written once more: it agrees, and it would notice if it did not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bench import gate, gate_check
from cadenza.domain import gate_checks, gate_hours, open_times
from cadenza.domain.rules.rule_book import RuleBook

pytestmark = [pytest.mark.no_cover, pytest.mark.computes(20)]  # many examples of lines that other tests cover

CASES = 4000


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Any:
    """A spoilt offset must not be remembered beyond its test."""
    open_times._stretches.cache_clear()
    yield
    open_times._stretches.cache_clear()


def test_the_gate_agrees_with_the_rules_written_once_more() -> None:
    tally = gate_check.compare(seed=11, cases=CASES, instants=60)
    assert tally.differences == []
    assert tally.cases == CASES
    assert tally.instants >= 60
    assert tally.rules["allowed"] > CASES / 50
    assert len(tally.rules) > 15  # nearly every rule has refused something


def _the_clocks_of_1970(original: Callable[..., int]) -> Callable[..., int]:
    return lambda zone, moment: original(zone, 0)


def _a_cap_that_frees_early(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda calls, most, hours, moment: original(calls, most, hours - 1, moment)


@pytest.mark.parametrize(
    ("where", "name", "spoilt"),
    [
        (open_times, "_offset", _the_clocks_of_1970),
        (gate_checks, "_still_theirs", lambda original: lambda case: None),
        (gate_checks, "_full", _a_cap_that_frees_early),
        (gate_hours, "has_calendar", lambda original: lambda country, state: False),
        (RuleBook, "blackouts_at", lambda original: lambda self, place: ()),
        (RuleBook, "knows", lambda original: lambda self, place: True),
    ],
)  # fmt: skip
def test_a_gate_that_errs_is_noticed(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, spoilt: Callable[[Any], Any]
) -> None:
    monkeypatch.setattr(where, name, spoilt(getattr(where, name)))
    assert gate_check.compare(seed=11, cases=CASES, instants=0).differences


def test_a_next_instant_that_is_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = gate_check.Gate.next_allowed

    def late(*asked: Any) -> Any:
        found = original(*asked)
        return found and found + timedelta(minutes=1)

    monkeypatch.setattr(gate_check.Gate, "next_allowed", late)
    assert gate_check.compare(seed=11, cases=500, instants=30).differences


def test_the_commands_print_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    gate_check.main(["--cases", "300", "--next", "3", "--seed", "5"])
    gate.main(["--decisions", "200"])
    printed = capsys.readouterr().out
    assert "Disagreements: 0" in printed
    assert "decisions" in printed
