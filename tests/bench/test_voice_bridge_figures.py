"""How the voice bridge's bench makes figures of instants, and what its wire and its words are."""

import math

import pytest

from bench.voice_bridge.figures import Row, Turn, Usage, capacity, core_limit, quantile, row
from bench.voice_bridge.speech import find_tag, tag
from bench.voice_bridge.wire import BINARY, TEXT, FrameReader, frame

MEBIBYTE = 2**20


def turn(at: float = 0.0, *, listening: float = 0.01, playing: float = 0.003) -> Turn:
    """A reply for which the vendors took 0.4 s and the bridge `listening` and `playing`, and 2 and 1 ms between."""
    heard = at + listening
    return Turn(
        spoke_at=at - 0.2,
        silent_at=at,
        heard_at=heard,
        final_at=heard + 0.1,
        asked_at=heard + 0.102,
        sentence_at=heard + 0.302,
        voice_asked_at=heard + 0.303,
        voice_at=heard + 0.403,
        reply_at=heard + 0.403 + playing,
    )


def figures(contender: str, callers: int, turns: list[Turn], lost: int = 0, cpu: float = 6.0) -> Row:
    idle, before = Usage(1.0, 100 * MEBIBYTE, 90 * MEBIBYTE), Usage(10.0, 0, 0)
    after = Usage(10.0 + cpu, 100 * MEBIBYTE + callers * MEBIBYTE // 2, 90 * MEBIBYTE + callers * MEBIBYTE // 4)
    return row(contender, callers, turns, 60.0, idle, before, after, [0.001] * 100, lost)


def test_added_latency_is_what_the_vendors_did_not_take() -> None:
    assert turn().added == pytest.approx(0.016)
    assert turn().stages == pytest.approx((0.01, 0.002, 0.001, 0.003))


def test_a_turn_without_a_reply_has_no_latency() -> None:
    assert Turn(spoke_at=1.0, silent_at=1.2, heard_at=1.3).added is None


def test_a_row_is_in_milliseconds_call_minutes_and_mebibytes() -> None:
    made = figures("ours", 10, [turn(listening=0.01), turn(listening=0.03)])
    assert made.replies == 2
    assert made.added_p50_ms == pytest.approx(26.0)
    assert made.stages_p50_ms == pytest.approx({"listening": 20.0, "thinking": 2.0, "speaking": 1.0, "playing": 3.0})
    assert made.cpu_seconds_a_call_minute == pytest.approx(0.6)
    assert made.cpu_share == pytest.approx(0.1)
    assert (made.rss_a_call_mib, made.pss_a_call_mib) == pytest.approx((0.5, 0.25))
    assert made.callers_late_p99_ms == pytest.approx(1.0)


def test_the_stop_is_counted_from_the_first_sound_and_only_where_the_agent_was_broken_into() -> None:
    broken_into = Turn(began_at=5.0, interrupts=True, words_at=5.3, cleared_at=5.35)
    made = figures("ours", 1, [turn(), Turn(began_at=1.0, cleared_at=1.5), broken_into])
    assert made.stop_p95_ms == pytest.approx(350)
    assert made.stop_after_words_p95_ms == pytest.approx(50)
    assert math.isnan(figures("ours", 1, [turn()]).stop_p95_ms)


def test_a_gap_is_a_whole_missing_frame() -> None:
    gapped = turn()
    gapped.gaps = [0.004, 0.019, 0.021, 0.3]
    made = figures("ours", 1, [gapped])
    assert (made.gaps, made.longest_gap_ms) == (2, pytest.approx(300))
    assert not made.holds


@pytest.mark.parametrize(("late", "lost", "holds"), [(0.01, 0, True), (0.06, 0, False), (0.01, 1, False)])
def test_calls_are_carried_well_when_quick_and_answered(late: float, lost: int, holds: bool) -> None:
    assert figures("ours", 1, [turn(listening=late)], lost).holds is holds


def test_nothing_answered_is_not_carried_well() -> None:
    assert not figures("ours", 1, []).holds


def test_capacity_ends_at_the_first_number_that_is_not_carried_well() -> None:
    good, slow = [turn()], [turn(listening=0.2)]
    rows = [figures("ours", 50, good), figures("ours", 10, good), figures("ours", 25, slow), figures("bare", 100, good)]
    assert capacity(rows, "ours") == 10
    assert capacity(rows, "bare") == 100
    assert capacity(rows, "nobody") == 0


def test_a_framework_that_waits_by_design_is_measured_against_its_own_single_call() -> None:
    waits = [turn(listening=0.3)]
    rows = [figures("theirs", 1, waits), figures("theirs", 5, [turn(listening=0.32)])]
    rows.append(figures("theirs", 10, [turn(listening=0.4)]))
    assert capacity(rows, "theirs") == 0
    assert capacity(rows, "theirs", own_wait=True) == 5


def test_the_limit_by_processor_time_is_that_of_the_most_callers_whose_turns_were_all_answered() -> None:
    rows = [figures("ours", 10, [turn()], cpu=6), figures("ours", 20, [turn()], cpu=8), figures("ours", 40, [], 3)]
    assert core_limit(rows, "ours") == pytest.approx(60 / 0.4)
    assert core_limit(rows, "nobody") == 0


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 2.5), (0.95, 3.85), (1.0, 4.0)])
def test_a_quantile_lies_between_its_neighbours(share: float, expected: float) -> None:
    assert quantile([4.0, 1.0, 3.0, 2.0], share) == pytest.approx(expected)


@pytest.mark.parametrize(("caller", "number"), [(1, 1), (207, 34), (1000, 9)])
def test_a_caller_is_found_again_in_what_is_said(caller: int, number: int) -> None:
    text = f"First {tag(3, 3)}. Of course, {tag(caller, number).capitalize()} is easy."
    assert find_tag(text) == (caller, number)
    assert find_tag("Nothing of the kind") is None


@pytest.mark.parametrize("length", [0, 5, 125, 126, 500, 70_000])
@pytest.mark.parametrize("masked", [False, True])
def test_messages_survive_being_cut_anywhere(length: int, masked: bool) -> None:
    messages = [(TEXT, bytes(range(256)) * (length // 256 + 1)), (BINARY, b"x" * length)]
    data = b"".join(frame(opcode, payload, masked=masked) for opcode, payload in messages)
    reader, found = FrameReader(), []
    for at in range(0, len(data), 997):
        found += reader.feed(data[at : at + 997])
    assert found == messages


def test_a_clients_mask_is_taken_off() -> None:
    masked = b"\x81\x83\x01\x02\x03\x04" + bytes((ord("a") ^ 1, ord("b") ^ 2, ord("c") ^ 3))
    assert FrameReader().feed(masked) == [(TEXT, b"abc")]
