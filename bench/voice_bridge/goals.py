"""What the voice bridge is to reach, and whether a run's figures reach it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.voice_bridge.figures import ADDED_LIMIT_MS, Row, capacity, core_limit

OURS = "Cadenza"
CALLS_A_CORE = 150
TIMES_THE_EXAMPLE = 30.0
TIMES_THE_LIGHTEST = 6.0
SHARE_OF_BARE = 0.5
AT_CALLS = 25
ADDED_AT_CALLS_MS = 45.0
MIB_A_CALL = 1.0


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal. `met` is None where the run did not measure it."""

    words: str
    found: str
    met: bool | None


def goals(rows: Sequence[Row]) -> list[Goal]:
    """Every goal, in order."""
    carried = capacity(rows, OURS)
    ours = [row for row in rows if row.contender == OURS]
    at = next((row for row in ours if row.callers == AT_CALLS), None)
    most = max(ours, key=lambda row: row.callers, default=None)
    return [
        Goal(
            f"{CALLS_A_CORE} calls on a core, p95 added under {ADDED_LIMIT_MS:.0f} ms, no gap",
            f"{carried} calls",
            carried >= CALLS_A_CORE if ours and (carried >= CALLS_A_CORE or _tried(ours, CALLS_A_CORE)) else None,
        ),
        _carried(rows, "Pipecat example", TIMES_THE_EXAMPLE),
        _carried(rows, "Pipecat lightest", TIMES_THE_LIGHTEST),
        _by_processor_time(rows, "bare websockets", SHARE_OF_BARE),
        Goal(
            f"p95 added under {ADDED_AT_CALLS_MS:.0f} ms with {AT_CALLS} calls",
            f"{at.added_p95_ms:.0f} ms" if at else "not measured",
            at.answered_without_gap and at.added_p95_ms < ADDED_AT_CALLS_MS if at else None,
        ),
        Goal(
            f"under {MIB_A_CALL:.0f} MiB a call",
            f"{most.rss_a_call_mib:.2f} MiB with {most.callers} calls" if most else "not measured",
            most.rss_a_call_mib < MIB_A_CALL if most else None,
        ),
    ]


def _tried(rows: Sequence[Row], callers: int) -> bool:
    """Whether so many callers were tried, or fewer were too many already."""
    return any(row.callers >= callers or not row.holds for row in rows)


def _carried(rows: Sequence[Row], contender: str, goal: float) -> Goal:
    """How many times the calls that another carries on one core, well by its own measure."""
    words = f"{goal:g} times the calls of {contender}"
    ours, theirs = capacity(rows, OURS), capacity(rows, contender, own_wait=True)
    if not theirs or all(row.contender != OURS for row in rows):
        return Goal(words, "not measured", None)
    cost = core_limit(rows, OURS) / core_limit(rows, contender)
    found = f"{ours / theirs:.1f} times ({ours} and {theirs} calls), {cost:.1f} times by processor time"
    return Goal(words, found, ours / theirs >= goal)


def _by_processor_time(rows: Sequence[Row], contender: str, goal: float) -> Goal:
    """Of another that carries more calls than are tried: how many times its calls the same core would carry."""
    words = f"{goal:g} times the calls of {contender}"
    ours, theirs = core_limit(rows, OURS), core_limit(rows, contender)
    if not ours or not theirs:
        return Goal(words, "not measured", None)
    return Goal(words, f"{ours / theirs:.2f} times, by processor time", ours / theirs >= goal)
