"""The dial queue gives out faster than admission fills it: a backlog older than the lease would starve every call."""

from hypothesis import given
from hypothesis import strategies as st

from workflows.worker import dial_rate


@given(rate=st.floats(min_value=0.1, max_value=500))
def test_a_backlog_always_shrinks(rate: float) -> None:
    assert dial_rate(rate) >= 1.4 * rate


def test_the_carriers_queue_fills_slowly_while_a_backlog_drains() -> None:
    assert (dial_rate(1.0), dial_rate(5.0), dial_rate(0.2)) == (1.5, 7.5, 1.5)
