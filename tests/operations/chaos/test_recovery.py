"""Recovery is measured from a death to the next call, and only where a call was due."""

from datetime import UTC, datetime, timedelta

from cadenza.domain.judge_facts import StopKind
from cadenza.operations.chaos.recovery import Death, recoveries, waits
from cadenza.operations.chaos.stops import StopLog


def at(seconds: float) -> datetime:
    return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=seconds)


def death(target: str, seconds: float, due: bool = True) -> Death:
    return Death(target=target, at=at(seconds), leads_were_due=due)


def test_the_wait_is_to_the_first_call_after_the_death_whatever_the_order() -> None:
    found = waits([death("worker", 10), death("worker", 20)], [at(24), at(9), at(13)])
    assert found == {"worker": [3.0, 4.0]}


def test_a_death_with_nothing_due_or_with_no_call_after_it_measures_nothing() -> None:
    lines = recoveries([death("api", 10, due=False), death("api", 50)], [at(12)])
    assert [(one.deaths, one.measured, one.median_seconds, one.longest_seconds) for one in lines] == [
        (2, 0, None, None)
    ]


def test_each_process_has_its_line_with_median_and_longest() -> None:
    deaths = [death("worker", 0), death("worker", 10), death("worker", 20), death("bridge", 30)]
    lines = recoveries(deaths, [at(1), at(12), at(29), at(30.5)])
    assert [(one.target, one.median_seconds, one.longest_seconds) for one in lines] == [
        ("bridge", 0.5, 0.5),
        ("worker", 2.0, 9.0),
    ]


def test_the_log_of_stops_knows_when_a_campaign_was_held_back() -> None:
    stops = StopLog()
    stops.paused("cp", at(10))
    assert stops.is_paused(at(11))
    stops.resumed("cp", at(20))
    stops.cancelled("other", at(30))
    assert [(stop.kind, stop.until) for stop in stops.of("cp")] == [(StopKind.PAUSED, at(20))]
    assert stops.of("other")[0].kind is StopKind.CANCELLED
    assert (stops.is_paused(at(9)), stops.is_paused(at(15)), stops.is_paused(at(25)), stops.is_paused(at(31))) == (
        False,
        True,
        False,
        False,
    )
    assert stops.of("unknown") == []
