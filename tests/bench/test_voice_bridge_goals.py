"""Which goals a run of the voice bridge's bench reaches, and when a contender has failed."""

import dataclasses

import pytest

from bench.voice_bridge.figures import Row
from bench.voice_bridge.goals import AT_CALLS, CALLS_A_CORE, goals


def figures(contender: str = "Cadenza", callers: int = 25, **changes: float) -> Row:
    """A row that meets every goal."""
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
        figures("Pipecat example", 5, added_p50_ms=200.0, added_p95_ms=240.0),
        figures("Pipecat example", 10, added_p50_ms=270.0, added_p95_ms=340.0),
        figures("Pipecat lightest", 25),
        figures("Pipecat lightest", 50, gaps=3),
    ]


def test_a_good_run_reaches_all_goals() -> None:
    assert [goal.met for goal in goals(run())] == [True] * 6


@pytest.mark.parametrize(
    ("ours", "missed"),
    [
        ({"added_p95_ms": 47.0}, {4}),
        ({"gaps": 1}, {0, 1, 2, 4}),
        ({"added_p95_ms": 60.0}, {0, 1, 2, 4}),
        ({"cpu_seconds_a_call_minute": 0.41}, {3}),
        ({"rss_a_call_mib": 1.2}, {5}),
    ],
    ids=["late", "a gap", "too late", "dear beside the bare one", "large"],
)
def test_what_a_worse_run_misses(ours: dict[str, float], missed: set[int]) -> None:
    assert {place for place, goal in enumerate(goals(run(**ours))) if goal.met is False} == missed


def test_fewer_calls_than_the_goal_are_fewer_times_the_others_too() -> None:
    fewer = [figures(callers=100), figures(callers=150, added_p95_ms=60.0), *run()[2:]]
    found = goals(fewer)
    assert [goal.met for goal in found[:3]] == [False, False, False]
    assert "20.0 times (100 and 5 calls)" in found[1].found


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
