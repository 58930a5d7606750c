"""From samples to a verdict: does the memory grow? Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise

from bench.voice_bridge.figures import GAP_SECONDS, Turn, quantile

MEBIBYTE = 2**20
WARM_UP_SHARE = 0.2
MOST_WARM_UP_SECONDS = 900.0
"""Caches and pools fill at the beginning: a fifth of the run, a quarter of an hour at most, does not count."""
FLAT_SHARE = 0.03
"""Growth over the whole of what is counted, of the memory at its beginning: what an allocator does by itself."""
FEW = 20.0
"""Open files or tasks, more or less: a pool that opened another connection, a call that began."""
LEAST_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """The bridge's process at one moment."""

    seconds: float
    """Since the first call."""
    rss: int
    files: int
    sockets: int
    tasks: int
    calls: int
    """As the bridge counts them."""
    callers: int
    """As the callers do."""
    cpu_seconds: float
    moving: int = 0
    """Callers who are just coming, or have left so short a time ago that the bridge may still be writing."""

    @property
    def stuck(self) -> int:
        """Calls that must have been left long ago, whichever they are."""
        return max(0, self.calls - self.callers - self.moving)


@dataclass(frozen=True, slots=True)
class Window:
    """Ten minutes, say, of replies."""

    from_seconds: float
    replies: int
    lost: int
    added_p50_ms: float
    added_p95_ms: float
    gaps: int
    longest_gap_ms: float


@dataclass(frozen=True, slots=True)
class Growth:
    """A straight line through what is counted: a figure an hour, and how much it is over all of it."""

    an_hour: float
    over_all: float
    at_begin: float
    slack: float = 0.0

    @property
    def is_flat(self) -> bool:
        return self.over_all <= max(self.slack, FLAT_SHARE * self.at_begin)


@dataclass(frozen=True, slots=True)
class Verdict:
    seconds: float
    calls: int
    lost_turns: int
    lost_calls: int
    stuck_calls: int
    memory: Growth | None
    """MiB; None where the run was too short to tell."""
    files: Growth | None
    tasks: Growth | None
    cpu_seconds_a_call_minute: float
    windows: Sequence[Window] = field(default=())

    @property
    def failures(self) -> list[str]:
        """What is not as it should be, in words."""
        found = []
        for name, growth in (("memory", self.memory), ("open files", self.files), ("tasks", self.tasks)):
            if growth is not None and not growth.is_flat:
                found.append(f"{name} grow: {growth.an_hour:+.1f} an hour from {growth.at_begin:.0f}")
        if self.stuck_calls:
            found.append(f"{self.stuck_calls} calls are stuck: the bridge counts them after their callers left")
        if self.lost_calls:
            found.append(f"{self.lost_calls} calls were ended by the bridge or not taken")
        return found

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "failures": self.failures}


def growth(samples: Sequence[tuple[float, float]], slack: float = 0.0) -> Growth | None:
    """Least squares through (seconds, value) after the warm-up; None of too few. So much growth is none: `slack`."""
    if not samples:
        return None
    warm = min(MOST_WARM_UP_SECONDS, WARM_UP_SHARE * samples[-1][0])
    counted = [(at, value) for at, value in samples if at >= warm]
    if len(counted) < LEAST_SAMPLES:
        return None
    middle = sum(at for at, _ in counted) / len(counted)
    mean = sum(value for _, value in counted) / len(counted)
    spread = sum((at - middle) ** 2 for at, _ in counted)
    slope = sum((at - middle) * (value - mean) for at, value in counted) / spread if spread else 0.0
    length = counted[-1][0] - counted[0][0]
    return Growth(slope * 3600, slope * length, mean + slope * (counted[0][0] - middle), slack)


def window(from_seconds: float, turns: Sequence[Turn], lost: int) -> Window:
    """The figures of replies that were heard within a window."""
    added = [turn.added for turn in turns if turn.added is not None]
    gaps = [gap for turn in turns for gap in turn.gaps if gap >= GAP_SECONDS]
    return Window(
        from_seconds=from_seconds,
        replies=len(added),
        lost=lost,
        added_p50_ms=1000 * quantile(added, 0.5),
        added_p95_ms=1000 * quantile(added, 0.95),
        gaps=len(gaps),
        longest_gap_ms=1000 * max(gaps, default=0.0),
    )


def judge(
    samples: Sequence[Sample], windows: Sequence[Window], *, calls: int, lost_calls: int, stuck_calls: int
) -> Verdict:
    """What the run says."""
    call_minutes = sum(after.callers * (after.seconds - before.seconds) / 60 for before, after in pairwise(samples))
    cpu = samples[-1].cpu_seconds - samples[0].cpu_seconds if samples else 0.0
    return Verdict(
        seconds=samples[-1].seconds if samples else 0.0,
        calls=calls,
        lost_turns=sum(one.lost for one in windows),
        lost_calls=lost_calls,
        stuck_calls=stuck_calls,
        memory=growth([(one.seconds, one.rss / MEBIBYTE) for one in samples]),
        files=growth([(one.seconds, one.files) for one in samples], FEW),
        tasks=growth([(one.seconds, one.tasks) for one in samples], FEW),
        cpu_seconds_a_call_minute=cpu / call_minutes if call_minutes else 0.0,
        windows=tuple(windows),
    )
