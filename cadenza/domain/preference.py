"""A callee's words about when, read as data: "Tuesday morning", "after three", "some time next week".

Words that are not known are ignored: this can narrow an offer, and nothing else. Pure; the clock is an argument.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from cadenza.domain.calling_hours import DAYS

_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12,
}  # fmt: skip
_MINUTES = {"fifteen": 15, "thirty": 30, "half": 30, "forty five": 45, "forty-five": 45, "o'clock": 0}
_HOUR = rf"(?P<hour>\d{{1,2}}|{'|'.join(_NUMBERS)})"
_CLOCK = re.compile(
    r"\b(?P<how>after|from|before|by|until|at|around|about)\s+"
    + _HOUR
    + rf"(?!\d)(?:\s*[:.]?\s*(?P<minute>\d{{2}}(?!\d)|{'|'.join(_MINUTES)}))?\s*(?P<half>a\.?m\b|p\.?m\b)?"
)
_BARE_CLOCK = re.compile(rf"\b{_HOUR}(?:[:.](?P<minute>\d{{2}}))?\s*(?P<half>a\.?m\b|p\.?m\b)")
_NOON = re.compile(r"\b(?P<how>after|from|before|at|around)?\s*(?:noon|midday|lunch(?:time)?)\b")


class PartOfDay(StrEnum):
    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


def part_of_day(local: time) -> PartOfDay:
    """Morning until twelve, afternoon until six, then evening."""
    if local < time(12):
        return PartOfDay.MORNING
    return PartOfDay.AFTERNOON if local < time(18) else PartOfDay.EVENING


@dataclass(frozen=True)
class Preference:
    """What is wished. Empty or None: no wish. Times are the callee's local ones."""

    days: frozenset[int] = frozenset()  # 0 is Monday
    first_day: date | None = None
    last_day: date | None = None
    parts: frozenset[PartOfDay] = frozenset()
    not_before: time | None = None
    not_after: time | None = None  # excluded
    near: time | None = None

    def suits(self, local: datetime) -> bool:
        """True when this local start is what was wished."""
        clock = local.time()
        return (
            (not self.days or local.weekday() in self.days)
            and (self.first_day is None or local.date() >= self.first_day)
            and (self.last_day is None or local.date() <= self.last_day)
            and (not self.parts or part_of_day(clock) in self.parts)
            and (self.not_before is None or clock >= self.not_before)
            and (self.not_after is None or clock < self.not_after)
            and (self.near is None or _minutes_apart(clock, self.near) <= 60)
        )


def read_preference(words: str, today: date) -> Preference:
    """The wish in `words`; `today` is the callee's local date."""
    text = re.sub(r"\s+", " ", words.lower())[:300]
    text = re.sub(r"\b(?:at )?half past (\w+)", r"at \1 thirty", text)
    text = re.sub(r"\b(?:at )?(?:a )?quarter past (\w+)", r"at \1 fifteen", text)
    first, last = _days_from(text, today)
    after, before, near = _clock(text)
    days = frozenset(number for number, name in enumerate(DAYS) if re.search(rf"\b{name}s?\b", text))
    parts = frozenset(part for part in PartOfDay if re.search(rf"\b{part.value}s?\b", text))
    if near is not None or after is not None:
        parts = frozenset()  # "three in the afternoon" is a clock time, already read as 15:00
    return Preference(days, first, last, parts, after, before, near)


def _days_from(text: str, today: date) -> tuple[date | None, date | None]:
    if re.search(r"\bnot today\b", text):
        return today + timedelta(days=1), None
    if "day after tomorrow" in text:
        day = today + timedelta(days=2)
        return day, day
    if "tomorrow" in text:
        day = today + timedelta(days=1)
        return (day, None) if "after tomorrow" in text or "from tomorrow" in text else (day, day)
    if re.search(r"\b(today|this (morning|afternoon|evening))\b", text):
        return today, today
    monday = today - timedelta(days=today.weekday())
    if "next week" in text or "week after" in text:
        return monday + timedelta(days=7), monday + timedelta(days=13)
    if "this week" in text:
        return today, monday + timedelta(days=6)
    return None, None


def _clock(text: str) -> tuple[time | None, time | None, time | None]:
    """Not before, not after, near."""
    after = before = near = None
    for found in _CLOCK.finditer(text):
        moment = _time_of(found["hour"], found["minute"], found["half"], text)
        if moment is None or re.match(r"\s*(days?|weeks?|hours?|minutes?)\b", text[found.end() :]):
            continue
        if found["how"] in {"after", "from"}:
            after = moment
        elif found["how"] in {"before", "by", "until"}:
            before = moment
        else:
            near = moment
    if after is None and before is None and near is None and (bare := _BARE_CLOCK.search(text)):
        near = _time_of(bare["hour"], bare["minute"], bare["half"], text)
    if (noon := _NOON.search(text)) and after is None and before is None and near is None:
        match noon["how"]:
            case "after" | "from":
                after = time(12)
            case "before":
                before = time(12)
            case _:
                near = time(12)
    return after, before, near


def _time_of(hour_word: str, minute_word: str | None, half: str | None, text: str) -> time | None:
    hour = _NUMBERS.get(hour_word) or int(hour_word)
    minute = 0 if minute_word is None else _MINUTES.get(minute_word, -1)
    if minute == -1:
        minute = int(minute_word or 0)
    if half and half.startswith("p") and hour < 12:
        hour += 12
    elif half and half.startswith("a"):
        hour %= 12
    elif not half and "morning" not in text and 1 <= hour <= 6:
        hour += 12  # nobody means five in the morning
    elif not half and ("evening" in text or "night" in text) and 5 <= hour < 12:
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _minutes_apart(one: time, other: time) -> int:
    return abs((one.hour * 60 + one.minute) - (other.hour * 60 + other.minute))
