"""Which goals a run of the voice bridge's bench reaches, and when a contender has failed."""

import dataclasses

import pytest

from bench.voice_bridge.figures import Row
from bench.voice_bridge.goals import AT_CALLS, CALLS_A_CORE, goals


def figures(contender: str = "Cadenza", callers: int = 25, **changes: float) -> Row:
    """A row that meets every goal: a call costs 0.3 CPU-s a minute, Pipecat's example thirty times as much."""
    good = Row(
        contender=contender,
        callers=callers,
        replies=100,
        lost=0,
        added_p50_ms=9.0,
        added_p95_ms=30.0,
        stages_p50_ms={},
        stages_p95_ms={},
        stop_p50_ms=0.0,
        stop_p95_ms=0.0,
        stop_after_words_p95_ms=0.0,
        gaps=0,
        longest_gap_ms=0.0,
        cpu_seconds_a_call_minute=0.3,
        cpu_share=0.5,
        rss_a_call_mib=0.4,
        pss_a_call_mib=0.4,
        callers_late_p99_ms=1.0,
    )
    return dataclasses.replace(good, **changes)  # type: ignore[arg-type]


def run(**ours: float) -> list[Row]:
    return [
        figures(callers=AT_CALLS, **ours),
        figures(callers=CALLS_A_CORE, **ours),
        figures("bare websockets", cpu_seconds_a_call_minute=0.2),
        figures("Pipecat example", cpu_seconds_a_call_minute=9.3),
        figures("Pipecat lightest", cpu_seconds_a_call_minute=2.0),
    ]


def test_a_good_run_reaches_all_goals() -> None:
    assert [goal.met for goal in goals(run())] == [True] * 6


@pytest.mark.parametrize(
    ("ours", "missed"),
    [
        ({"added_p95_ms": 47.0}, {4}),
        ({"gaps": 1}, {0, 4}),
        ({"added_p95_ms": 60.0}, {0, 4}),
        ({"cpu_seconds_a_call_minute": 0.32}, {1}),
        ({"cpu_seconds_a_call_minute": 0.41}, {1, 2, 3}),
        ({"rss_a_call_mib": 1.2}, {5}),
    ],
    ids=["late", "a gap", "too late", "dear beside the example", "dear beside all", "large"],
)
def test_what_a_worse_run_misses(ours: dict[str, float], missed: set[int]) -> None:
    assert {place for place, goal in enumerate(goals(run(**ours))) if goal.met is False} == missed


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {goal.met for goal in goals([])} == {None}
    few = {goal.words: goal.met for goal in goals([figures(callers=10)])}
    assert list(few.values()) == [None, None, None, None, None, True]


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, False),
        ({"lost": 4}, False),
        ({"lost": 10}, True),
        ({"replies": 0, "lost": 3}, True),
        ({"replies": 0}, False),
        ({"cpu_share": 0.98}, True),
        ({"added_p95_ms": 2000.0}, True),
    ],
)
def test_a_contender_that_failed_is_not_shown_more_callers(changes: dict[str, float], failed: bool) -> None:
    assert figures(**changes).failed is failed
