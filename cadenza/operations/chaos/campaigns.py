"""The campaigns of a chaos run: one to be finished, one to be cancelled half-way, one that is held back by its hours
and by its cap."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from cadenza.domain.calling_hours import DAYS
from cadenza.operations.chaos.schedule import LEASE_SECONDS

_EAST, _CENTRAL, _WEST = "America/New_York", "America/Chicago", "America/Los_Angeles"
_AREAS = {
    "212": _EAST, "312": _CENTRAL, "415": _WEST, "617": _EAST, "303": "America/Denver", "206": _WEST,
    "404": _EAST, "512": _CENTRAL, "702": _WEST, "215": _EAST, "313": _EAST, "503": _WEST,
}  # fmt: skip
"""Area codes and where they are: said here again, so that a wrong zone in the records is found out."""
_FAR_AREA, _FAR_ZONE = "808", "Pacific/Honolulu"
_HOURS_BEFORE, _HOURS_AFTER = 1, 3
"""The held-back campaign's hours around now as New York's clocks show it. Honolulu's are five or six hours behind."""


@dataclass(frozen=True)
class _People:
    """Numbers with these two last digits meet this kind of people (rehearsal/README.md)."""

    endings: range
    talk: bool = False
    """They hold a conversation of about a minute."""
    take_time: bool = False
    """They are rung at least twice, with a wait: first in the file, so that nobody waits for them at the end."""


_PEOPLE = (
    _People(range(10), talk=True),  # interested
    _People(range(10, 15), talk=True),  # objects
    _People(range(15, 18), talk=True, take_time=True),  # wants a callback soon
    _People(range(18, 23)),  # not interested
    _People(range(23, 25)),  # never again
    _People(range(25, 27)),  # wrong number
    _People(range(27, 29), take_time=True),  # gatekeeper
    _People(range(29, 32), talk=True),  # interrupts
    _People(range(32, 34), talk=True, take_time=True),  # silent
    _People(range(34, 36)),  # hangs up early
    _People(range(36, 46), take_time=True),  # voicemail
    _People(range(46, 48), talk=True, take_time=True),  # screened
    _People(range(48, 54), take_time=True),  # no answer
    _People(range(54, 57)),  # busy
    _People(range(57, 59)),  # not in service
    _People(range(60, 65), talk=True, take_time=True),  # no answer, then interested
    _People(range(65, 70), talk=True, take_time=True),  # voicemail, then interested
    _People(range(75, 80), talk=True),  # asks for the robot
    _People(range(80, 85), talk=True),  # wants a person
)
"""All characters but those who want a callback tomorrow (no run waits for them)."""
_BRIEF = tuple(ending for people in _PEOPLE if not people.talk for ending in people.endings)
_TALKERS = tuple(ending for people in _PEOPLE if people.talk for ending in people.endings)
_TAKE_TIME = frozenset(ending for people in _PEOPLE if people.take_time for ending in people.endings)
_NEVER_ANSWER = range(48, 57)
_TALKERS_IN_A_ROUND = 7
"""Of the later rounds. In the first, half of the people talk; later ones would only keep the processors busy."""
MOST_LEADS = len(_TALKERS) + len(_BRIEF) + (len(_AREAS) - 1) * (len(_BRIEF) + _TALKERS_IN_A_ROUND)
_FIRST_NAMES = ("Alex", "Blair", "Casey", "Drew", "Ellis", "Frankie", "Gray", "Harper", "Indigo", "Jules")
"""Few, so that most greetings are rendered once for several leads."""


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
    held_back: PlannedCampaign
    """Half its numbers are where it is closed; the others are in `finished` too, which rings them more often than this
    campaign's cap allows."""

    @property
    def all(self) -> tuple[PlannedCampaign, ...]:
        return self.finished, self.cancelled, self.held_back


def plan_campaigns(leads: int, seed: int, now: datetime, *, talkers: bool = True) -> Plan:
    """Spread `leads` over characters, area codes and the three campaigns; without `talkers`, nobody talks for long.

    Raises ValueError for too many.
    """
    if not 10 <= leads <= MOST_LEADS:
        raise ValueError(f"leads must be from 10 to {MOST_LEADS}")
    random = Random(f"leads:{seed}")
    to_hold_back, to_cancel = max(2, leads // 20), max(2, leads // 10)
    numbers = _numbers(leads - to_hold_back, random, talkers)
    doomed = random.sample(range(len(numbers)), to_cancel)
    to_finish = [number for index, number in enumerate(numbers) if index not in doomed]
    shared = [number for number in to_finish if home_zone(number) == _EAST and _ending(number) in _NEVER_ANSWER]
    held_back = shared[: to_hold_back // 2]
    held_back += [_number(_FAR_AREA, ending) for ending in random.sample(_BRIEF, to_hold_back - len(held_back))]
    return Plan(
        finished=PlannedCampaign("Chaos: to its end", _slow_ones_first(to_finish), _POLICY),
        cancelled=PlannedCampaign("Chaos: cancelled", tuple(numbers[index] for index in sorted(doomed)), _POLICY),
        held_back=PlannedCampaign(
            "Chaos: held back",
            tuple(held_back),
            {**_POLICY, "max_calls_per_day": 1, "calling_hours": _open_in_the_east_only(now)},
        ),
    )


_POLICY: dict[str, Any] = {
    "max_attempts": 2,
    "retry_gap_seconds": 3,
    "busy_gap_seconds": 3,
    "network_gap_seconds": 3,
    "lease_seconds": LEASE_SECONDS,
    "max_calls_per_day": 6,
    "breakers": {"abandoned_share": 0, "abandoned_burst_share": 0, "opt_out_share": 0},
    "transfer_targets": [{"id": "sales", "label": "our sales team", "phone": "+12025550101"}],
    "max_transfer_seconds": 60,
}
"""Talks broken off and opt-outs are our own doing here, and would keep the campaign paused. The breaker for the
carrier's faults stays as it is."""


def home_zone(number: str) -> str:
    """Where a planned number is. Raises KeyError for any other number."""
    area = number[2:5]
    return _FAR_ZONE if area == _FAR_AREA else _AREAS[area]


def _ending(number: str) -> int:
    return int(number[-2:])


def _number(area: str, ending: int) -> str:
    return f"+1{area}5550{100 + ending}"


def _numbers(count: int, random: Random, talkers: bool) -> list[str]:
    """One of each kind of people before any kind a second time, so that small runs meet all; then mostly brief ones."""
    people = [kind for kind in _PEOPLE if talkers or not kind.talk]
    areas = list(_AREAS)
    first_area = {ending: random.randrange(len(areas)) for ending in (*_BRIEF, *_TALKERS)}
    shuffled = [random.sample(kind.endings, len(kind.endings)) for kind in people]
    rounds: list[Sequence[int]] = [[one for row in zip_longest(*shuffled) for one in row if one is not None]]
    for _ in areas[1:]:
        mixed = [*_BRIEF, *random.sample(_TALKERS, _TALKERS_IN_A_ROUND if talkers else 0)]
        rounds.append(random.sample(mixed, len(mixed)))
    return [
        _number(areas[(first_area[ending] + index) % len(areas)], ending)
        for index, endings in enumerate(rounds)
        for ending in endings
    ][:count]


def _slow_ones_first(numbers: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(numbers, key=lambda number: _ending(number) not in _TAKE_TIME))


def _open_in_the_east_only(now: datetime) -> dict[str, Any]:
    """The same hours every day: around now in New York, and therefore closed in Honolulu."""
    local = now.astimezone(ZoneInfo(_EAST))
    opens, closes = local - timedelta(hours=_HOURS_BEFORE), local + timedelta(hours=_HOURS_AFTER)
    day = {
        "opens": opens.strftime("%H:00") if opens.date() == local.date() else "00:00",
        "closes": closes.strftime("%H:00") if closes.date() == local.date() else "00:00",
    }
    return dict.fromkeys(DAYS, day)


def lead_file(numbers: tuple[str, ...]) -> str:
    """The campaign's leads as a CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["First Name", "Last Name", "Phone", "Email"])
    for index, number in enumerate(numbers):
        first_name = _FIRST_NAMES[index % len(_FIRST_NAMES)]
        writer.writerow([first_name, "Person", number, f"person{index}@example.com"])
    return text.getvalue()
