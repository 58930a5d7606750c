"""When people answer, learnt from a campaign's own calls by the callee's clock. Pure; nothing is random.

A part of the day is worth the share of its calls that a person answered, pulled towards the campaign's share by a prior
as strong as twenty calls: few calls move little. Nothing is learnt from fewer than a hundred calls in all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cadenza.domain.caller_ids import wilson_interval

PRIOR_CALLS = 20
LEAST_CALLS_TO_LEARN = 100
LEAST_CALLS_SHOWN = 30
"""A share of fewer calls is not shown: it would be read as one."""
WORTH_WAITING = 1.1
"""So many times as good must a later part of the day be."""


class PartOfDay(StrEnum):
    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


def part_of_day(local: datetime) -> PartOfDay:
    """Morning until 12, afternoon until 17, then evening, by the callee's clock."""
    return _part_of_hour(local.hour)


def _part_of_hour(hour: int) -> PartOfDay:
    if hour < 12:
        return PartOfDay.MORNING
    return PartOfDay.AFTERNOON if hour < 17 else PartOfDay.EVENING


@dataclass(frozen=True, slots=True)
class HourCount:
    """Calls that rang in one hour of the callee's week (0 is Monday), and those that a person answered."""

    weekday: int
    hour: int
    rung: int
    answered: int


@dataclass(frozen=True, slots=True)
class Answers:
    """A share with what it was counted from. The interval is of 95 % (Wilson)."""

    rung: int = 0
    answered: int = 0

    def __add__(self, other: "Answers") -> "Answers":
        return Answers(self.rung + other.rung, self.answered + other.answered)

    @property
    def share(self) -> float:
        return self.answered / self.rung if self.rung else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.answered, self.rung)

    @property
    def is_shown(self) -> bool:
        return self.rung >= LEAST_CALLS_SHOWN


class LearntHours:
    """What a campaign has learnt so far."""

    def __init__(self, counts: Iterable[HourCount] = ()) -> None:
        parts = dict.fromkeys(PartOfDay, Answers())
        for count in counts:
            parts[_part_of_hour(count.hour)] += Answers(count.rung, count.answered)
        self.parts: Mapping[PartOfDay, Answers] = parts
        self._all = sum(parts.values(), Answers())

    @property
    def knows_enough(self) -> bool:
        return self._all.rung >= LEAST_CALLS_TO_LEARN and self._all.answered > 0

    def worth(self, part: PartOfDay) -> float:
        """The posterior mean of the share of calls that a person answers."""
        found = self.parts[part]
        return (found.answered + PRIOR_CALLS * self._all.share) / (found.rung + PRIOR_CALLS)

    def best(self, choices: Iterable[tuple[PartOfDay, datetime]]) -> datetime | None:
        """The instant to call at, of open instants with their parts of the day. The earliest one, unless a later one
        is worth the wait; None if there is none."""
        chosen: tuple[PartOfDay, datetime] | None = None
        for part, at in sorted(choices, key=lambda choice: choice[1]):
            if chosen is None or self.worth(part) >= WORTH_WAITING * self.worth(chosen[0]):
                chosen = part, at
        return chosen[1] if chosen else None

    def reason(self, part: PartOfDay) -> str:
        """For people: why this part of the day."""
        found = self.parts[part]
        if not found.is_shown:
            return f"in the {part.value}, of which little is known yet"
        return f"in the {part.value}: people answered {found.share:.0%} of {found.rung} calls then"
