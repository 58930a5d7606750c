"""Which of our numbers a call shows, and when a number rests. Pure; nothing is random.

Chosen is, of the numbers of a pool that may call: the one that the lead saw before, else the nearest one, else the one
that called least in the last 24 hours. "Near" is what a person sees: the same area code, then the same state, then a
shared time zone of the same country, then the same country.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from math import sqrt

import phonenumbers

from cadenza.domain.phone_zones import number_places

DEFAULT_DAILY_CAP = 100
"""Calls that one number makes in 24 hours: more of them get it labelled as spam."""

HEALTH_DAYS = 7
"""How far back a number's calls count for its health."""
LEAST_CALLS = 50
"""Fewer calls than so many, of the number or of the others, say nothing of its answer rate."""
LOW_SHARE = 0.6
"""Of the others' answer rate. A number that is surely below it is taken for one that is labelled."""
LEAST_FAULTS = 5
FAULT_SHARE = 0.5
"""Of its calls so many failed at the carrier, while less than half as large a share of the others' did."""
REST_FOR_ANSWERS = timedelta(days=3)
REST_FOR_FAULTS = timedelta(hours=1)
REST_FOR_REFUSAL = timedelta(hours=24)

_Z95 = 1.96


class CallerIdState(StrEnum):
    """What a person wants of a number. Whether it rests is told by an instant, apart from this."""

    ACTIVE = "active"
    PAUSED = "paused"


class RestRule(StrEnum):
    """Why a number rests by itself."""

    LOW_ANSWERS = "low_answers"
    CARRIER_FAULTS = "carrier_faults"
    CARRIER_REFUSES = "carrier_refuses"


class Nearness(IntEnum):
    """How near a number looks to the callee; less is nearer."""

    AREA_CODE = 0
    STATE = 1
    TIME_ZONE = 2
    COUNTRY = 3
    ELSEWHERE = 4


@dataclass(frozen=True, slots=True)
class CallerNumber:
    """A number of a pool as a tick finds it. `calls` are those of the last 24 hours, calls under way included."""

    phone: str
    daily_cap: int
    calls: int
    may_call: bool = True


class NumberPool:
    """The numbers that one tick may choose from; what is taken counts at once."""

    def __init__(self, numbers: Sequence[CallerNumber]) -> None:
        self._caps = {number.phone: number.daily_cap for number in numbers if number.may_call}
        self._calls = {number.phone: number.calls for number in numbers if number.may_call}
        self.rests = sum(not number.may_call for number in numbers)

    @property
    def has_room(self) -> bool:
        """Whether any number may make another call."""
        return any(self._has_room(phone) for phone in self._caps)

    @property
    def why_not(self) -> str:
        """For people: why no number may call."""
        used = len(self._caps)
        return f"no caller ID may call: {used} at their daily cap, {self.rests} resting or paused"

    def take(self, callee: str, seen_before: str = "") -> str | None:
        """The number to call `callee` (E.164) with; None if none may call. `seen_before`: the last attempt's."""
        free = [phone for phone in self._caps if self._has_room(phone)]
        if not free:
            return None
        chosen = seen_before if seen_before in free else min(free, key=lambda phone: self._rank(phone, callee))
        self._calls[chosen] += 1
        return chosen

    def _has_room(self, phone: str) -> bool:
        return self._calls[phone] < self._caps[phone]

    def _rank(self, phone: str, callee: str) -> tuple[int, int, str]:
        return nearness(phone, callee), self._calls[phone], phone


class Pools:
    """The pools of a tick. A number is in one pool: one campaign's, or the one that all others share."""

    def __init__(self, shared: NumberPool | None, own: dict[str, NumberPool]) -> None:
        self._shared = shared
        self._own = own

    def pool_of(self, campaign_id: str, *, uses_shared: bool) -> NumberPool | None:
        """The campaign's own pool, else the shared one if it uses that; None: it has its one number."""
        return self._own.get(campaign_id) or (self._shared if uses_shared else None)


def nearness(ours: str, callee: str) -> Nearness:
    """How near our number looks to the callee's (both E.164)."""
    here, there = _look(ours), _look(callee)
    if here.calling_code != there.calling_code:
        return Nearness.ELSEWHERE
    if here.area_code and here.area_code == there.area_code:
        return Nearness.AREA_CODE
    if here.states & there.states:
        return Nearness.STATE
    if not here.countries & there.countries:
        return Nearness.ELSEWHERE  # +1 is more than one country
    return Nearness.TIME_ZONE if here.zones & there.zones else Nearness.COUNTRY


@dataclass(frozen=True, slots=True)
class _Look:
    """What can be seen of a number."""

    calling_code: int | None
    area_code: str
    states: frozenset[tuple[str, str]]
    countries: frozenset[str]
    zones: frozenset[str]


@lru_cache(maxsize=65_536)
def _look(e164: str) -> _Look:
    """Kept for each number, not for each pair: a campaign of many leads has ten times as many pairs."""
    number, places = phonenumbers.parse(e164), number_places(e164)
    return _Look(
        number.country_code,
        _area_code(number),
        frozenset((place.country, place.state) for place in places if place.state),
        frozenset(place.country for place in places),
        frozenset(zone for place in places for zone in place.zones),
    )


def _area_code(number: phonenumbers.PhoneNumber) -> str:
    national = phonenumbers.national_significant_number(number)
    length = 3 if number.country_code == 1 else phonenumbers.length_of_geographical_area_code(number)
    return str(national[:length])


@dataclass(frozen=True, slots=True)
class NumberCalls:
    """What became of a number's calls since it was added or last rested, at most `HEALTH_DAYS` back."""

    made: int = 0
    answered: int = 0
    faults: int = 0

    @property
    def answer_rate(self) -> float | None:
        return self.answered / self.made if self.made else None

    @property
    def fault_share(self) -> float:
        return self.faults / self.made if self.made else 0.0

    def __add__(self, other: "NumberCalls") -> "NumberCalls":
        return NumberCalls(self.made + other.made, self.answered + other.answered, self.faults + other.faults)


@dataclass(frozen=True, slots=True)
class Rest:
    """A number is to rest. `reason` is for people, with the numbers."""

    rule: RestRule
    span: timedelta
    reason: str


def needs_rest(own: NumberCalls, others: NumberCalls) -> Rest | None:
    """Whether a number is to rest, judged against the other numbers of its pool.

    What all numbers suffer from is no number's fault: that is for the circuit breakers.
    """
    if own.faults >= LEAST_FAULTS and own.fault_share >= FAULT_SHARE and others.fault_share < FAULT_SHARE / 2:
        return Rest(
            RestRule.CARRIER_FAULTS,
            REST_FOR_FAULTS,
            f"{own.faults} of its {own.made} calls failed at the carrier, {others.faults} of the others' {others.made}",
        )
    if min(own.made, others.made) < LEAST_CALLS or not others.answer_rate:
        return None
    if wilson_interval(own.answered, own.made)[1] >= LOW_SHARE * others.answer_rate:
        return None
    return Rest(
        RestRule.LOW_ANSWERS,
        REST_FOR_ANSWERS,
        f"{own.answered} of its {own.made} calls were answered, {others.answered} of the others' {others.made}",
    )


def wilson_interval(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson, 1927). `of` is at least 1."""
    share, z2 = count / of, _Z95 * _Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z95 * sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)
