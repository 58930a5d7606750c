"""From instants to figures. Pure.

Added latency is the time from the caller's last sound to the first sound of the reply, less the silence that the
recogniser was asked to wait for and less what the vendors took: what is left are the four stretches in which the bridge
has the ball.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

GAP_SECONDS = 0.02
"""A frame of 20 ms that was not there when the line wanted to play it."""
ADDED_LIMIT_MS = 50.0
FULL_CPU_SHARE = 0.97
LOST_SHARE = 0.05
USELESS_MS = 1500.0
"""Added to the p95 of a reply: beyond any use, whatever the vendors take."""
STAGES = ("listening", "thinking", "speaking", "playing")


@dataclass(slots=True)
class Turn:
    """One exchange: instants in seconds of one clock; None for what has not happened."""

    began_at: float = 0.0
    spoke_at: float | None = None  # the caller's last sound was sent
    silence: list[float] = field(default_factory=list)  # ... and the first silent frames behind it
    silent_at: float | None = None  # of these, the one that makes the recogniser's silence complete
    heard_at: float | None = None  # ... and when it reached the recogniser
    final_at: float | None = None  # the recogniser sent its final text
    asked_at: float | None = None  # the model was asked
    sentence_at: float | None = None  # the model sent the word by which its first sentence is known to be whole
    voice_asked_at: float | None = None  # the synthesiser was asked for that sentence
    voice_at: float | None = None  # it sent the first audio
    reply_at: float | None = None  # the caller's line has the first audio
    interrupts: bool = False
    words_at: float | None = None  # of an interruption: the recogniser's first words
    cleared_at: float | None = None  # ... and when the agent's audio was taken back
    gaps: list[float] = field(default_factory=list)

    @property
    def stages(self) -> tuple[float, float, float, float] | None:
        """Seconds that the bridge took before each vendor and before the line; None if there was no whole reply."""
        pairs = (
            (self.silent_at, self.heard_at),
            (self.final_at, self.asked_at),
            (self.sentence_at, self.voice_asked_at),
            (self.voice_at, self.reply_at),
        )
        taken = [end - start for start, end in pairs if start is not None and end is not None]
        return (taken[0], taken[1], taken[2], taken[3]) if len(taken) == len(pairs) else None

    @property
    def added(self) -> float | None:
        stages = self.stages
        return None if stages is None else sum(stages)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the bridge's process used, at one instant."""

    cpu_seconds: float
    rss: int
    pss: int


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one contender with so many callers."""

    contender: str
    callers: int
    replies: int
    lost: int
    added_p50_ms: float
    added_p95_ms: float
    stages_p50_ms: dict[str, float]
    stages_p95_ms: dict[str, float]
    stop_p50_ms: float
    stop_p95_ms: float
    stop_after_words_p95_ms: float
    gaps: int
    longest_gap_ms: float
    cpu_seconds_a_call_minute: float
    cpu_share: float
    rss_a_call_mib: float
    pss_a_call_mib: float
    callers_late_p99_ms: float

    @property
    def answered_without_gap(self) -> bool:
        return self.replies > 0 and not self.lost and not self.gaps

    @property
    def holds(self) -> bool:
        """Whether so many calls are carried well: quick, without gaps, every turn answered."""
        return self.answered_without_gap and self.added_p95_ms < ADDED_LIMIT_MS

    @property
    def failed(self) -> bool:
        """Whether more callers need not be tried: the core is full, turns are lost, or replies come far too late."""
        turns = self.replies + self.lost
        return self.cpu_share > FULL_CPU_SHARE or self.lost > LOST_SHARE * turns or self.added_p95_ms > USELESS_MS

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "holds": self.holds}


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which `share` of the values lie, between neighbours; NaN of nothing."""
    known = sorted(values)
    if len(known) < 2:
        return known[0] if known else float("nan")
    place = share * (len(known) - 1)
    below = int(place)
    above = min(below + 1, len(known) - 1)
    return known[below] + (known[above] - known[below]) * (place - below)


def row(
    contender: str,
    callers: int,
    turns: Sequence[Turn],
    seconds: float,
    idle: Usage,
    before: Usage,
    after: Usage,
    lateness: Sequence[float],
    lost: int,
) -> Row:
    """The figures of a stretch of `seconds`. `idle`: the process without a call, warmed up."""
    stages = [stages for turn in turns if (stages := turn.stages) is not None]
    by_stage = {name: [each[place] for each in stages] for place, name in enumerate(STAGES)}
    added = [sum(each) for each in stages]
    stops = [turn.cleared_at - turn.began_at for turn in turns if turn.interrupts and turn.cleared_at is not None]
    reactions = [
        turn.cleared_at - turn.words_at
        for turn in turns
        if turn.interrupts and turn.cleared_at is not None and turn.words_at is not None
    ]
    gaps = [gap for turn in turns for gap in turn.gaps if gap >= GAP_SECONDS]
    cpu = after.cpu_seconds - before.cpu_seconds
    mebibyte = 2**20
    return Row(
        contender=contender,
        callers=callers,
        replies=len(added),
        lost=lost,
        added_p50_ms=1000 * quantile(added, 0.5),
        added_p95_ms=1000 * quantile(added, 0.95),
        stages_p50_ms={name: 1000 * quantile(each, 0.5) for name, each in by_stage.items()},
        stages_p95_ms={name: 1000 * quantile(each, 0.95) for name, each in by_stage.items()},
        stop_p50_ms=1000 * quantile(stops, 0.5),
        stop_p95_ms=1000 * quantile(stops, 0.95),
        stop_after_words_p95_ms=1000 * quantile(reactions, 0.95),
        gaps=len(gaps),
        longest_gap_ms=1000 * max(gaps, default=0.0),
        cpu_seconds_a_call_minute=cpu / (callers * seconds / 60),
        cpu_share=cpu / seconds,
        rss_a_call_mib=(after.rss - idle.rss) / callers / mebibyte,
        pss_a_call_mib=(after.pss - idle.pss) / callers / mebibyte,
        callers_late_p99_ms=1000 * quantile(lateness, 0.99),
    )


def capacity(rows: Iterable[Row], contender: str, *, own_wait: bool = False) -> int:
    """The most callers that were carried well, with every smaller number carried well too.

    `own_wait`: it waits by its own design before it answers, so latency counts from that of its fewest callers.
    """
    mine = sorted((each for each in rows if each.contender == contender), key=lambda each: each.callers)
    allowed = mine[0].added_p50_ms if mine and own_wait else 0.0
    most = 0
    for each in mine:
        if not each.answered_without_gap or each.added_p95_ms >= allowed + ADDED_LIMIT_MS:
            break
        most = each.callers
    return most


def core_limit(rows: Iterable[Row], contender: str) -> float:
    """Calls that would fill the core, by the processor time with the most callers of whom none lost a turn."""
    served = [each for each in rows if each.contender == contender and each.replies and not each.lost]
    return 60 / max(served, key=lambda each: each.callers).cpu_seconds_a_call_minute if served else 0.0
