"""The campaigns of a chaos run: one to be finished, one to be cancelled half-way, one outside its calling hours."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime, time
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from cadenza.domain.calling_hours import DAYS
from cadenza.operations.chaos.schedule import LEASE_SECONDS

_AREA_CODES = ("212", "312", "415", "617", "303", "206", "404", "512", "702", "215", "313", "503")
_CLOSED_AREA = "646"
_CLOSED_ZONE = ZoneInfo("America/New_York")
_TOO_PATIENT = range(70, 75)
"""Characters who want a callback tomorrow: no run waits for them."""
_ENDINGS = [ending for ending in range(100) if ending not in _TOO_PATIENT]
MOST_LEADS = len(_AREA_CODES) * len(_ENDINGS)


@dataclass(frozen=True)
class PlannedCampaign:
    """A campaign to be made over the API, and its leads' fictional numbers."""

    name: str
    numbers: tuple[str, ...]
    policy: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    finished: PlannedCampaign
    cancelled: PlannedCampaign
    closed: PlannedCampaign

    @property
    def all(self) -> tuple[PlannedCampaign, ...]:
        return self.finished, self.cancelled, self.closed


def plan_campaigns(leads: int, seed: int, now: datetime) -> Plan:
    """Spread `leads` over characters, area codes and the three campaigns. Raises ValueError for too many."""
    if not 10 <= leads <= MOST_LEADS:
        raise ValueError(f"leads must be from 10 to {MOST_LEADS}")
    random = Random(f"leads:{seed}")
    to_close, to_cancel = max(1, leads // 20), max(2, leads // 10)
    closed = [f"+1{_CLOSED_AREA}5550{100 + ending}" for ending in random.sample(_ENDINGS, to_close)]
    others = _numbers(leads - to_close, random)
    return Plan(
        finished=PlannedCampaign("Chaos: to its end", tuple(others[to_cancel:]), _POLICY),
        cancelled=PlannedCampaign("Chaos: cancelled", tuple(others[:to_cancel]), _POLICY),
        closed=PlannedCampaign("Chaos: at night", tuple(closed), {**_POLICY, "calling_hours": _hours_far_from(now)}),
    )


_POLICY: dict[str, Any] = {
    "max_attempts": 2,
    "lease_seconds": LEASE_SECONDS,
    "max_calls_per_day": 6,
}


def _numbers(count: int, random: Random) -> list[str]:
    """Every ending once in a shuffled order, before any a second time: all characters are met in small runs too."""
    numbers: list[str] = []
    for area in _AREA_CODES:
        endings = random.sample(_ENDINGS, len(_ENDINGS))
        numbers += [f"+1{area}5550{100 + ending}" for ending in endings]
        if len(numbers) >= count:
            break
    return numbers[:count]


def _hours_far_from(now: datetime) -> dict[str, Any]:
    """One hour a day, about twelve hours from now, where the leads are."""
    hour = (now.astimezone(_CLOSED_ZONE).hour + 12) % 24
    day = {"opens": time(hour).isoformat("minutes"), "closes": time((hour + 1) % 24).isoformat("minutes")}
    return dict.fromkeys(DAYS, day)


def lead_file(numbers: tuple[str, ...]) -> str:
    """The campaign's leads as a CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["First Name", "Last Name", "Phone", "Email"])
    for index, number in enumerate(numbers):
        writer.writerow([f"Test{index}", "Person", number, f"person{index}@example.com"])
    return text.getvalue()
