"""Pins down: however ticks fall, no stretch of time sees more calls than its rate and one bucket allow."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.pacing import CARRIED_SECONDS, Paces, bucket_depth

START = datetime(2026, 11, 1, tzinfo=UTC)


@given(
    rate=st.floats(0.01, 5),
    ticks=st.lists(st.tuples(st.floats(0.1, 400), st.integers(0, 6)), min_size=1, max_size=30),
)
@pytest.mark.no_cover
def test_a_rate_holds_over_every_stretch_of_time(rate: float, ticks: list[tuple[float, int]]) -> None:
    now, stored = START, {}
    made: list[datetime] = []
    for wait, wanted in ticks:
        now += timedelta(seconds=wait)
        paces = Paces(stored, now)
        for _ in range(wanted):
            if paces.left("cp", rate) >= 1:
                paces.take("cp")
                made.append(now)
        stored = paces.kept()
    for first, last in combinations(range(len(made)), 2):
        seconds = (made[last] - made[first]).total_seconds()
        assert last - first + 1 <= bucket_depth(rate) + (seconds + CARRIED_SECONDS) * rate + 1e-3


@given(rate=st.floats(0.01, 5))
@pytest.mark.no_cover
def test_who_always_wants_to_call_gets_the_whole_rate(rate: float) -> None:
    made, stored = 0, {}
    for tick in range(400):
        paces = Paces(stored, START + timedelta(seconds=tick / 2))
        while paces.left("cp", rate) >= 1:
            paces.take("cp")
            made += 1
        stored = paces.kept()
    assert made >= int(200 * rate) - 1


def test_what_is_stored_is_forgotten_once_it_says_nothing_any_more() -> None:
    paces = Paces({}, START)
    paces.left("cp", 0.01)
    paces.take("cp")
    stored = paces.kept()
    assert Paces(stored, START + timedelta(seconds=50)).left("cp", 0.01) == pytest.approx(0.5)
    assert Paces(stored, START + timedelta(seconds=101)).kept() == {}
    assert Paces({}, START).kept() == {}
