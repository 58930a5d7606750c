"""When a supervised process is started again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.operations.restart_policy import LeaveDown, ProcessLife, ProcessState, RestartPolicy, StartAgain


def ready_life(now: float = 0.0) -> ProcessLife:
    life = ProcessLife()
    life.on_started(now)
    life.on_ready(now)
    return life


def test_the_first_restart_comes_almost_at_once() -> None:
    assert ready_life().on_exited(5.0) == StartAgain(0.2)


def test_a_process_that_keeps_dying_waits_longer_each_time_up_to_the_limit() -> None:
    life = ready_life()
    delays = []
    for _ in range(8):
        decision = life.on_exited(0.0)
        assert isinstance(decision, StartAgain)
        delays.append(decision.after)
        life.on_started(0.0)
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_a_healthy_spell_wipes_out_earlier_deaths() -> None:
    life = ready_life()
    life.on_exited(1.0)
    life.on_started(2.0)
    life.on_ready(2.0)
    assert life.on_exited(12.0) == StartAgain(0.2)


def test_a_process_that_was_ready_once_is_never_given_up() -> None:
    life = ready_life()
    for _ in range(1000):
        assert isinstance(life.on_exited(0.0), StartAgain)
        life.on_started(0.0)


def test_a_process_that_never_became_ready_is_given_up() -> None:
    life = ProcessLife(RestartPolicy(deaths_before_ready=2))
    life.on_started(0.0)
    assert isinstance(life.on_exited(1.0), StartAgain)
    life.on_started(2.0)
    assert life.on_exited(3.0) == LeaveDown(given_up=True)
    assert life.state is ProcessState.GIVEN_UP


@pytest.mark.parametrize("ready", [False, True])
def test_a_death_after_a_stop_was_asked_is_no_fault(ready: bool) -> None:
    life = ready_life() if ready else ProcessLife()
    if not ready:
        life.on_started(0.0)
    life.on_stop_asked()
    assert life.on_exited(1.0) == LeaveDown(given_up=False)
    assert life.state is ProcessState.STOPPED


def test_a_stop_asked_during_the_wait_leaves_the_process_down() -> None:
    life = ready_life()
    life.on_exited(1.0)
    life.on_stop_asked()
    assert life.state is ProcessState.STOPPED


def test_a_stop_asked_during_the_launch_is_carried_out_after_it() -> None:
    life = ProcessLife()
    life.on_stop_asked()
    life.on_started(1.0)
    life.on_stop_asked()
    assert life.on_exited(2.0) == LeaveDown(given_up=False)


def test_a_process_that_starts_for_too_long_is_stuck() -> None:
    life = ProcessLife(RestartPolicy(ready_within=30.0))
    life.on_started(100.0)
    assert not life.is_stuck(129.9)
    assert life.is_stuck(130.0)
    life.on_ready(130.0)
    assert not life.is_stuck(1000.0)


@pytest.mark.parametrize("died_meanwhile", [False, True])
def test_a_successor_that_is_ready_takes_over(died_meanwhile: bool) -> None:
    life = ready_life()
    if died_meanwhile:
        life.on_exited(1.0)
    assert life.on_successor_ready(2.0)
    assert life.state is ProcessState.READY


def test_a_successor_does_not_take_over_after_a_stop_was_asked() -> None:
    life = ready_life()
    life.on_stop_asked()
    assert not life.on_successor_ready(2.0)
    assert life.on_exited(3.0) == LeaveDown(given_up=False)
    assert not life.on_successor_ready(4.0)


def test_the_healthy_spell_of_a_successor_begins_when_it_takes_over() -> None:
    life = ready_life(0.0)
    life.on_exited(1.0)
    life.on_started(2.0)
    life.on_ready(2.0)
    life.on_successor_ready(11.0)
    assert life.on_exited(12.5) == StartAgain(0.4)


def test_what_is_starting_or_waiting_to_start_is_coming_up() -> None:
    life = ProcessLife()
    coming = [life.is_coming_up]
    life.on_started(0.0)
    coming.append(life.is_coming_up)
    life.on_ready(1.0)
    coming.append(life.is_coming_up)
    life.on_exited(2.0)
    coming.append(life.is_coming_up)
    life.on_stop_asked()
    coming.append(life.is_coming_up)
    assert coming == [False, True, False, True, False]


@given(deaths=st.integers(1, 10_000))
def test_every_wait_is_within_its_bounds(deaths: int) -> None:
    policy = RestartPolicy()
    assert policy.first_delay <= policy.delay(deaths) <= policy.longest_delay
