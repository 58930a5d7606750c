"""How long callees wait for a reply, judged by the goals."""

import pytest

from cadenza.domain.reporting import REPLY_GOAL_P50_MS, REPLY_GOAL_P95_MS, reply_time


@pytest.mark.parametrize(
    ("p50", "p95", "met"),
    [
        (REPLY_GOAL_P50_MS - 1, REPLY_GOAL_P95_MS - 1, True),
        (REPLY_GOAL_P50_MS, REPLY_GOAL_P95_MS - 1, False),
        (REPLY_GOAL_P50_MS - 1, REPLY_GOAL_P95_MS, False),
    ],
    ids=["both", "the median is late", "the slow ones are late"],
)
def test_both_goals_have_to_be_met(p50: float, p95: float, met: bool) -> None:
    assert reply_time(7, p50, p95).met is met


def test_nothing_measured_is_neither_met_nor_missed() -> None:
    nothing = reply_time(0, None, None)
    assert (nothing.count, nothing.p50, nothing.met) == (0, None, None)
