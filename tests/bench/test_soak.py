"""What the soak makes of its samples."""

from random import Random
from statistics import median

import pytest

from bench.soak.callers import LONGEST_SECONDS, SHORTEST_SECONDS, natural_length
from bench.soak.figures import MEBIBYTE, Sample, growth, judge, window
from bench.voice_bridge.figures import Turn

HOUR = 3600.0


def samples(an_hour_mib: float = 0.0, warm_up_mib: float = 40.0, hours: float = 2.0) -> list[Sample]:
    """Every ten seconds; the memory fills in the first minutes, then grows so much an hour."""
    found = []
    for place in range(int(hours * 360) + 1):
        at = 10.0 * place
        rss = 160 + min(warm_up_mib, warm_up_mib * at / 300) + an_hour_mib * at / HOUR + (place % 3) * 0.2
        found.append(Sample(at, int(rss * MEBIBYTE), 50, 40, 100, 75, 75, cpu_seconds=at * 0.375))
    return found


@pytest.mark.parametrize(
    ("an_hour", "flat"), [(0.0, True), (1.0, True), (-5.0, True), (10.0, False)], ids=["level", "slow", "falls", "leak"]
)
def test_memory_is_flat_or_it_grows(an_hour: float, flat: bool) -> None:
    verdict = judge(samples(an_hour), [], calls=9000, lost_calls=0, stuck_calls=0)
    assert verdict.memory is not None
    assert verdict.memory.an_hour == pytest.approx(an_hour, abs=0.1)
    assert verdict.memory.is_flat is flat
    assert len(verdict.failures) == (0 if flat else 1)


def test_the_warm_up_does_not_count() -> None:
    found = growth([(one.seconds, one.rss / MEBIBYTE) for one in samples(0.0, warm_up_mib=80.0)])
    assert found is not None and found.is_flat
    assert found.at_begin == pytest.approx(240.2, abs=0.2)


def test_a_few_open_files_more_are_no_leak() -> None:
    found = growth([(10.0 * place, 36 + place / 40) for place in range(720)], slack=20.0)
    assert found is not None and found.is_flat
    leak = growth([(10.0 * place, 36 + place / 4) for place in range(720)], slack=20.0)
    assert leak is not None and not leak.is_flat


def test_too_few_samples_say_nothing() -> None:
    assert growth([]) is None
    assert growth([(0.0, 1.0), (10.0, 2.0), (20.0, 3.0)]) is None


def test_processor_time_is_that_of_a_call_minute() -> None:
    verdict = judge(samples(), [], calls=1, lost_calls=0, stuck_calls=0)
    assert verdict.cpu_seconds_a_call_minute == pytest.approx(0.3)
    assert verdict.seconds == 2 * HOUR


@pytest.mark.parametrize(
    ("calls", "callers", "moving", "stuck"),
    [(75, 75, 0, 0), (75, 70, 5, 0), (75, 70, 4, 1), (70, 75, 3, 0)],
    ids=["all there", "five have just left", "one of five left long ago", "some wait to be let in"],
)
def test_a_call_is_stuck_that_none_of_those_who_just_left_can_be(
    calls: int, callers: int, moving: int, stuck: int
) -> None:
    assert Sample(10.0, 1, 50, 40, 100, calls, callers, cpu_seconds=1.0, moving=moving).stuck == stuck


def test_a_stuck_call_and_a_lost_one_are_failures() -> None:
    verdict = judge(samples(), [], calls=9, lost_calls=1, stuck_calls=2)
    assert [failure.split()[:4] for failure in verdict.failures] == [
        ["2", "calls", "are", "stuck:"],
        ["1", "calls", "were", "ended"],
    ]


def test_a_window_counts_replies_and_gaps() -> None:
    whole = Turn(silent_at=0, heard_at=0.01, final_at=0.1, asked_at=0.11, sentence_at=0.3, voice_asked_at=0.3,
                 voice_at=0.4, reply_at=0.41, gaps=[0.01, 0.05])  # fmt: skip
    found = window(600.0, [whole, Turn(reply_at=1.0)], lost=1)
    assert (found.replies, found.lost, found.gaps) == (1, 1, 1)
    assert found.added_p50_ms == pytest.approx(30)
    assert found.longest_gap_ms == 50


def test_calls_are_mostly_short_and_never_endless() -> None:
    random = Random(1)
    lengths = [natural_length(random) for _ in range(2000)]
    assert min(lengths) >= SHORTEST_SECONDS and max(lengths) <= LONGEST_SECONDS
    assert 45 < median(lengths) < 75
