"""A chaos run's result, as one that went well; `more` replaces what a test is about."""

from datetime import UTC, datetime
from typing import Any

from cadenza.domain.judge import ScoreCard
from cadenza.domain.judge_rules import BrokenRule, Finding
from cadenza.operations.chaos.results import ChaosResult


def card(*rules: BrokenRule, **more: Any) -> ScoreCard:
    """A score card with a finding for each of the rules."""
    figures: dict[str, Any] = {
        "leads": 60, "attempts": 90, "calls": 85, "rings": 80, "conversations": 50, "streams_broken": 3,
        "unknown_attempts": 1, "unheard_opt_outs": 0, "mailbox_fragments": 2,
        "findings": tuple(Finding(rule=rule, ids=("ld_1",)) for rule in rules),
    }  # fmt: skip
    return ScoreCard.model_validate({**figures, **more})


def result(*rules: BrokenRule, **more: Any) -> ChaosResult:
    facts: dict[str, Any] = {
        "seed": 1, "leads": 60, "commit": "abc1234567", "began_at": datetime(2026, 3, 2, tzinfo=UTC), "seconds": 120.0,
        "processors": 2, "busy": 0.8, "timed_out": False, "kills": {"worker": 2, "api": 1}, "freezes": {"worker": 1},
        "cuts": {"bridge": 1}, "rolls": 1, "pauses": 2, "faults": {"callbacks get lost": 1}, "not_played": [],
        "breaker_trips": 0, "opted_out_while_ringing": 2, "struck": 40, "recoveries": [],
        "waits": {"worker": [2.0, 4.0]}, "outcomes": {"booked": 60}, "card": card(*rules),
    }  # fmt: skip
    return ChaosResult.model_validate({**facts, **more})
