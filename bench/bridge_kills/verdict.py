"""What became of each call that a dead bridge held, and what that adds up to. Pure."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bench.bridge_kills.stories import Phase, Stories, Story, sentences_of
from bench.voice_bridge.figures import quantile

BREAKS_WITHIN = timedelta(seconds=2)
"""A stream that ends so soon after the death ended with it."""
GAP_GOAL_SECONDS = 2.0


class Fate(StrEnum):
    CONTINUED = "continued"
    OVER = "over"
    """They had taken leave: nothing was left to say."""
    LEFT = "left"
    """The callee hung up before hearing anybody again."""
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class CallAtDeath:
    """What the journal said of a call right before the death."""

    tool: str | None
    disclosure_heard: bool
    """If not, it has to be said again, whole."""


@dataclass(frozen=True, slots=True)
class Death:
    """One SIGKILL."""

    at: datetime
    calls: Mapping[str, CallAtDeath]
    """By call SID; those of other bridges too."""
    wanted: Phase = Phase.QUIET
    """It was struck for a call in this phase."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """One call that was in the dead bridge's hands."""

    sid: str
    died_at: datetime
    phase: Phase
    fate: Fate
    gap_seconds: float | None
    """From the broken stream to the agent's first frame on the next one; to that one's start where the callee talked
    then, and the agent had to listen."""
    said_twice: Sequence[str] = ()
    """Whole sentences of the turn that the death broke into, which came again in the first words after it."""
    said_again_later: Sequence[str] = ()
    """Sentences of earlier turns, and later in the call: a model comes back to a question that was not answered."""


@dataclass(frozen=True, slots=True)
class Result:
    """The whole run."""

    deaths: int
    survivors: Sequence[Survivor]
    tools_twice: Sequence[str] = field(default=())
    bookings_doubled: Sequence[str] = field(default=())

    @property
    def in_talk(self) -> list[Survivor]:
        """Those with something left to say."""
        return [one for one in self.survivors if one.fate is not Fate.OVER]

    @property
    def continued_share(self) -> float:
        return sum(one.fate is Fate.CONTINUED for one in self.in_talk) / len(self.in_talk) if self.in_talk else 0.0

    def gap(self, share: float, phase: Phase | None = None) -> float:
        """Seconds; NaN without a call."""
        return quantile(
            [
                one.gap_seconds
                for one in self.survivors
                if one.gap_seconds is not None and (phase is None or one.phase is phase)
            ],
            share,
        )

    @property
    def failures(self) -> list[str]:
        """What misses its goal, in words; empty: all goals are met."""
        twice = [f"{one.sid}: {', '.join(one.said_twice)}" for one in self.survivors if one.said_twice]
        missed = []
        if self.continued_share < 1:
            missed.append(f"only {self.continued_share:.1%} of the calls went on")
        if not self.gap(0.95) < GAP_GOAL_SECONDS:
            missed.append(f"the gap's p95 is {self.gap(0.95):.2f} s, not under {GAP_GOAL_SECONDS:g} s")
        missed += [f"said twice in {one}" for one in twice]
        missed += [f"run twice: {one}" for one in self.tools_twice]
        missed += [f"booked twice: {one}" for one in self.bookings_doubled]
        return missed


def judge(
    stories: Stories, deaths: Sequence[Death], allowed: Sequence[str], disclosure: str, tools_twice: Sequence[str]
) -> Result:
    """The verdict. `allowed`: what may be said after each death: the bridging sentence, and fillers, which belong to a
    wait and not to the talk. `disclosure`: may be said again where it was cut off."""
    lines = {sentence for text in allowed for sentence in sentences_of(text)}
    greeting = lines | set(sentences_of(disclosure))
    survivors = [survivor for death in deaths for survivor in _survivors(stories, death, lines, greeting)]
    doubled = sorted(who for who, count in stories.bookings.items() if count > 1)
    return Result(len(deaths), survivors, tools_twice, doubled)


def _survivors(stories: Stories, death: Death, lines: Set[str], greeting: Set[str]) -> Iterable[Survivor]:
    for story in stories.by_sid.values():
        stream = story.broken_stream(death.at, BREAKS_WITHIN)
        if stream is None or stream.ended is None:
            continue
        known = death.calls.get(story.sid, CallAtDeath(None, disclosure_heard=False))
        phase = story.phase(death.at, tool=known.tool, disclosure_heard=known.disclosure_heard)
        broke_at = stream.ended
        sound = story.next_sound(broke_at)
        allowed = lines if known.disclosure_heard else greeting
        twice, later = _repeated(story, broke_at, sound)
        yield Survivor(
            sid=story.sid,
            died_at=death.at,
            phase=phase,
            fate=_fate(story, broke_at, sound),
            gap_seconds=_gap(story, broke_at, sound),
            said_twice=[one for one in twice if one not in allowed],
            said_again_later=[one for one in later if one not in allowed],
        )


def _repeated(story: Story, broke_at: datetime, sound: datetime | None) -> tuple[list[str], list[str]]:
    """Sentences that came again: of the turn that the death broke into, in the first words after it; and others.

    First words are those that the agent began before the callee had ended a turn on the new stream: what follows is an
    answer, perhaps to a turn of which the break took a half.
    """
    stream = story.next_stream(broke_at)
    if sound is None or stream is None:
        return [], []
    before = set(story.sentences(until=broke_at))
    asked_at = max((one.began for one in story.callee if one.began < broke_at), default=None)
    under_way = set(story.sentences(since=asked_at, until=broke_at))
    answered_at = min((one.ended for one in story.callee if one.ended and one.ended > stream.began), default=None)
    first = story.sentences(since=sound, until=answered_at)
    afterwards = story.sentences(since=answered_at) if answered_at is not None else []
    twice = [one for one in first if one in under_way]
    return twice, [one for one in [*first, *afterwards] if one in before and one not in under_way]


def _gap(story: Story, broke_at: datetime, sound: datetime | None) -> float | None:
    stream = story.next_stream(broke_at)
    if sound is None or stream is None:
        return None
    listens = story.callee_talks_between(stream.began, sound)
    return ((stream.began if listens else sound) - broke_at).total_seconds()


def _fate(story: Story, broke_at: datetime, sound: datetime | None) -> Fate:
    if sound is not None:
        return Fate.CONTINUED
    if any(moment <= broke_at for moment in story.goodbyes):
        return Fate.OVER
    return Fate.LEFT if story.ended_by == "the callee" else Fate.LOST
