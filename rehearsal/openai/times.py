"""Times as people say them, resolved against the callee's local clock; and that clock, read from a prompt. Pure."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from rehearsal.openai.intents import normalise

_NUMBERS: Final = {
    word: number
    for number, words in enumerate(
        (
            "zero",
            "one a an",
            "two couple",
            "three",
            "four few",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
    for word in words.split()
} | {"fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45, "fifty": 50, "sixty": 60, "ninety": 90}
_NUMBER: Final = r"(?:\d{1,3}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r")"
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_UNITS: Final = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_PARTS: Final = {
    "morning": time(10),
    "noon": time(12),
    "midday": time(12),
    "lunch": time(12, 30),
    "afternoon": time(15),
    "evening": time(18),
    "tonight": time(19),
}
_RELATIVE: Final = re.compile(
    rf"\b(?:in|after|for)\s+(?:about\s+|like\s+|maybe\s+)?(half an|{_NUMBER})(?:\s+(?:of\s+)?(couple|few))?(?:\s+of)?"
    rf"(?:\s+(?:more\s+)?)?\s*(second|sec|minute|min|hour|day|week)s?\b"
)
_CLOCK: Final = re.compile(
    rf"\b(?:(half|quarter)\s+(past|to)\s+)?({_NUMBER})(?::(\d\d)|\s+(thirty|fifteen|forty[- ]five|twenty|ten)\b)?"
    rf"\s*(o'clock)?\s*(a\.?m\b\.?|p\.?m\b\.?)?"
)
_CUE: Final = re.compile(r"\b(?:at|around|about|by|after|before|past|to|for)\s*$")

_PROMPT_CLOCKS: Final = (
    re.compile(r"(?P<y>\d{4})-(?P<mo>\d\d)-(?P<d>\d\d)[T ,]+(?:at )?(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d))?"),
    re.compile(
        r"(?P<d>\d{1,2})(?:st|nd|rd|th)? (?:of )?(?P<mon>[A-Z][a-z]+),? (?P<y>\d{4})\D{0,12}?"
        r"(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d))?\s*(?P<half>[aApP]\.?[mM])?"
    ),
    re.compile(
        r"(?P<mon>[A-Z][a-z]+) (?P<d>\d{1,2})(?:st|nd|rd|th)?,? (?P<y>\d{4})\D{0,12}?"
        r"(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d))?\s*(?P<half>[aApP]\.?[mM])?"
    ),
)


def clock_in(prompt: str) -> datetime | None:
    """The first date and time stated in a prompt, as a local time without zone; None if there is none."""
    found: list[tuple[int, datetime]] = []
    for pattern in _PROMPT_CLOCKS:
        for match in pattern.finditer(prompt):
            parts = match.groupdict()
            try:
                month = int(parts["mo"]) if "mo" in parts else _month(parts["mon"])
                hour = int(parts["h"])
                half = (parts.get("half") or "").lower()
                if half:
                    hour = hour % 12 + (12 if half.startswith("p") else 0)
                moment = datetime(
                    int(parts["y"]), month, int(parts["d"]), hour, int(parts["mi"]), int(parts.get("s") or 0)
                )
            except ValueError:
                continue
            found.append((match.start(), moment))
            break
    return min(found)[1] if found else None


def _month(name: str) -> int:
    for number, month in enumerate(_MONTHS, start=1):
        if len(name) >= 3 and month.startswith(name.lower()):
            return number
    raise ValueError(name)


def requested_time(text: str, now: datetime) -> datetime | None:
    """The moment that the words name ("tomorrow at three"), or None. Bare hours are taken as office hours."""
    said = normalise(text)
    relative = _RELATIVE.search(said)
    if relative:
        return now + timedelta(seconds=_amount(relative) * _UNITS[relative.group(3)])
    day = _day(said, now)
    clock = _time_of_day(said)
    if day is None and clock is None:
        return None
    if clock is None and re.search(r"\b(today|later)\b", said):
        return now + timedelta(hours=2)
    moment = datetime.combine(day or now.date(), clock or time(10))
    if day is None and moment <= now:
        moment += timedelta(days=1)
    return moment


def _amount(match: re.Match[str]) -> float:
    if match.group(1) == "half an":
        return 0.5
    if match.group(2):
        return {"couple": 2, "few": 4}[match.group(2)]
    return _number(match.group(1))


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word]


def _day(said: str, now: datetime) -> date | None:
    moment = _moment_of_day(said, now)
    return moment.date() if moment else None


def _moment_of_day(said: str, now: datetime) -> datetime | None:
    if "day after tomorrow" in said:
        return now + timedelta(days=2)
    if "tomorrow" in said:
        return now + timedelta(days=1)
    for index, name in enumerate(_WEEKDAYS):
        if re.search(rf"\b{name}\b", said):
            ahead = (index - now.weekday()) % 7 or 7
            return now + timedelta(days=ahead)
    if "next week" in said:
        return now + timedelta(days=7 - now.weekday())
    if re.search(r"\b(today|tonight|this (morning|afternoon|evening)|later)\b", said):
        return now
    return None


def _time_of_day(said: str) -> time | None:
    part = next((name for name in _PARTS if re.search(rf"\b{name}\b", said)), None)
    for match in _CLOCK.finditer(said):
        fraction, direction, hour_word, minutes, minute_word, o_clock, half = match.groups()
        before = said[: match.start()]
        explicit = bool(fraction or minutes or minute_word or o_clock or half)
        if not explicit and not _CUE.search(before):
            continue
        hour = _number(hour_word)
        if hour > 23 or (hour_word in {"a", "an", "couple", "few"}):
            continue
        minute = int(minutes) if minutes else _number((minute_word or "zero").replace(" ", "-"))
        if fraction:
            shift = 30 if fraction == "half" else 15
            minute = shift if direction == "past" else 60 - shift
            hour -= direction == "to"
        if minute > 59:
            continue
        return time(_in_day(hour, half, part), minute)
    return _PARTS[part] if part else None


def _in_day(hour: int, half: str | None, part: str | None) -> int:
    if hour > 12:
        return hour
    if half:
        return hour % 12 + (12 if half.startswith("p") else 0)
    if part == "morning":
        return hour % 12
    if part in {"afternoon", "evening", "tonight"}:
        return hour % 12 + 12
    return hour % 12 + 12 if hour < 8 or hour == 12 else hour
