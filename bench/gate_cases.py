"""Random leads, rules, histories and clocks, from a seed: what the gate and the reference are both asked."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from cadenza.domain.calling_hours import DAYS, DayHours, WeeklyHours
from cadenza.domain.candidate_places import Whereabouts, candidate_places
from cadenza.domain.consent import Consent, ConsentGrade, LineType
from cadenza.domain.gate_question import GateFacts
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.place import Place
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.rules.rule_book import RuleBook, standard_rules

MINUTE = timedelta(minutes=1)

NUMBERS = (
    "+12125550123", "+13055550123", "+14235550123", "+16055550123", "+18505550123", "+16895550123", "+14745550123",
    "+19285550123", "+12075550123", "+15045550123", "+12055550123", "+14015550123", "+14125550123", "+18015550123",
    "+12065550123", "+16045550123", "+14035550123", "+12045550123", "+18675550123", "+61491570156", "+61255500123",
    "+61755500123", "+61855500123", "+442079460018", "+493023125000", "+353209100000",
)  # fmt: skip
"""Lines reserved for fiction, in places whose rules or clocks are worth a test."""

ADDRESSES = (
    Whereabouts(), Whereabouts(), Whereabouts(state="FL"), Whereabouts(state="Utah"), Whereabouts(postal_code="02903"),
    Whereabouts(state="nowhere"), Whereabouts(country="AU", state="WA"), Whereabouts(said_zone="America/Denver"),
    Whereabouts(said_state="KY"), Whereabouts(country="BR"),
)  # fmt: skip

ODD_PLACES = (
    Place("WS", zones=("Pacific/Apia",)), Place("AU", "NSW", ("Australia/Lord_Howe",)),
    Place("NP", zones=("Asia/Kathmandu",)), Place("NZ", zones=("Pacific/Auckland", "Pacific/Chatham")),
    Place("MA", zones=("Africa/Casablanca",)), Place("KI", zones=("Pacific/Kiritimati",)),
    Place("US", "AS", ("Pacific/Pago_Pago",)), Place("CA", "BC", ("America/Vancouver",)),
    Place("DE", "BY", ("Europe/Berlin",)), Place("US", zones=("America/Chicago",)),
    Place("AC", zones=("Atlantic/St_Helena",)), Place(zones=("Asia/Tokyo",)),
)  # fmt: skip

CLOCK_CHANGES = (
    datetime(2026, 3, 8, 10, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC), datetime(2027, 3, 14, 8, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 4, 4, 16, tzinfo=UTC),
    datetime(2026, 10, 3, 16, tzinfo=UTC), datetime(2027, 2, 7, 2, tzinfo=UTC), datetime(2026, 11, 1, 9, tzinfo=UTC),
)  # fmt: skip
"""Near changes of the clocks in America, Europe, Australia and Morocco."""

ODD_DAYS = (
    date(2028, 2, 29), date(2028, 2, 28), date(2026, 12, 25), date(2027, 1, 1), date(2026, 11, 26), date(2027, 2, 9),
    date(2026, 7, 4), date(2027, 4, 26), date(2026, 12, 31), date(2026, 11, 1), date(2011, 12, 29), date(2026, 12, 24),
)  # fmt: skip
"""Leap day, holidays, days in lieu, the end of Canadian summer times, and the date that Samoa left out."""


_EDGES = (0, 1, 2, 3, 8, 9, 10, 12, 13, 17, 18, 19, 20, 21, 23)
_COPY_AGES = (1,) * 20 + (12, 26, 27, 29, 30, 31)


@dataclass(frozen=True)
class World:
    """One rule book, one campaign and one number's places: many cases are asked in each."""

    book: RuleBook
    places: tuple[Place, ...]
    policy: CampaignPolicy
    days: tuple[date, ...]


@cache
def rule_books(seed: int) -> tuple[RuleBook, ...]:
    """The standard rules, and the same under a dozen operators' changes."""
    draw = random.Random(seed)
    return (standard_rules(), *(standard_rules().with_overlay(_overlay(draw, number)) for number in range(12)))


def draw_world(draw: random.Random, books: tuple[RuleBook, ...]) -> World:
    places: tuple[Place, ...]
    if draw.random() < 0.15:
        places = tuple(dict.fromkeys(draw.choices(ODD_PLACES, k=draw.choice((1, 1, 1, 1, 2)))))
    else:
        places = candidate_places(draw.choice(NUMBERS), draw.choice(ADDRESSES))
    book = draw.choice(books) if draw.random() < 0.6 else books[0]
    policy = CampaignPolicy(calling_hours=_week(draw), max_calls_per_day=draw.choice((1, 2, 3, 3, 10)))
    ordinary = [date(2026, 1, 1) + timedelta(days=draw.randrange(1096)) for _ in range(8)]
    changes = [change.date() for change in draw.sample(CLOCK_CHANGES, k=3)]
    return World(book, places, policy, (*ordinary, *changes, *draw.sample(ODD_DAYS, k=5)))


def draw_case(draw: random.Random, world: World) -> tuple[GateFacts, datetime]:
    """A lead and its history, and the instant; mostly one at which not much but the hours speaks against a call."""
    now = _instant(draw, world)
    minute = now.replace(second=0, microsecond=0)
    calls = [minute - _ago(draw) for _ in range(draw.choice((0, 0, 1, 1, 2, 3, 5)))]
    facts: dict[str, Any] = {
        "campaign_state": CampaignState.RUNNING if draw.random() < 0.97 else draw.choice(list(CampaignState)),
        "policy": world.policy,
        "places": world.places,
        "suppressed": draw.random() < 0.01,
        "closed": draw.random() < 0.01,
        "line": draw.choice(list(LineType)) if draw.random() < 0.99 else None,
        "recent_calls": calls,
        "abandoned_calls": calls[:1] if draw.random() < 0.2 else (),
        "consent": _consent(draw, minute),
        "registers": {
            code: minute - timedelta(days=draw.choice(_COPY_AGES), minutes=draw.randrange(1440))
            for code in ("US", "CA", "AU", "GB")
            if draw.random() < 0.99
        },
        "listed_on": frozenset({draw.choice(("US", "CA", "AU", "GB"))} if draw.random() < 0.02 else ()),
        "reassigned_on": (minute - _ago(draw) * 20).date() if draw.random() < 0.02 else None,
        "held": "the carrier refuses our calls" if draw.random() < 0.01 else "",
    }
    return GateFacts(**facts), now


def _overlay(draw: random.Random, number: int) -> dict[str, Any]:
    rows: dict[str, Any] = {
        "NZ": {"name": "New Zealand", "hours": [{"days": "daily", "opens": "09:00", "closes": "20:30"}]},
        "DE": {"name": "Germany", "hours": [{"days": "weekdays", "opens": "08:00", "closes": "00:00"},
                                            {"days": "weekend"}]},
        "US": {"holidays": {"barred": True}, "minimum_gaps": [{"hours": draw.choice((1, 4, 26))}]},
        "US-FL": {"hours": [{"days": "daily", "opens": "00:00", "closes": f"{draw.randrange(1, 24):02d}:30"}]},
        "US-TN": {"name": "Tennessee", "attempt_caps": [{"calls": 2, "within_hours": 168}]},
        "AU": {"attempt_caps": [{"calls": 4, "within_hours": 720}, {"calls": 1, "within_hours": 3}]},
        "AU-WA": {"name": "Western Australia", "holidays": {"barred": True}},
        "CA": {"consent": [{"needs": "oral", "lines": ["mobile", "unknown"]}]},
    }  # fmt: skip
    kept = {key: row for key, row in rows.items() if draw.random() < 0.5}
    days = draw.sample(ODD_DAYS, k=3)
    return {
        "version": f"operator-{number}",
        "jurisdictions": kept,
        "blackout_days": [
            {"day": day.isoformat(), "places": draw.choice(([], ["US-LA"], ["AU", "US"])), "reason": "proclaimed"}
            for day in days
        ],
    }


def _week(draw: random.Random) -> WeeklyHours:
    kind = draw.random()
    if kind < 0.35:
        return WeeklyHours.always()
    if kind < 0.6:
        return WeeklyHours.business()
    return WeeklyHours(**{day: _day(draw) for day in DAYS})


def _day(draw: random.Random) -> DayHours | None:
    if draw.random() < 0.2:
        return None
    opens, closes = sorted(draw.sample(range(24 * 60), k=2))
    return DayHours(opens=_clock(opens), closes=time(0) if draw.random() < 0.2 else _clock(closes))


def _clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def _instant(draw: random.Random, world: World) -> datetime:
    zones = [zone for place in world.places for zone in place.zones] or ["UTC"]
    midnight = datetime.combine(draw.choice(world.days), time(0), tzinfo=ZoneInfo(draw.choice(zones)))
    if draw.random() < 0.5:
        now = midnight.astimezone(UTC) + timedelta(minutes=draw.randrange(1440))
    else:
        # near the edges at which rules begin and end
        edge = midnight.replace(hour=draw.choice(_EDGES), minute=draw.choice((0, 0, 0, 30, 59)))
        now = edge.astimezone(UTC) + timedelta(minutes=draw.randrange(-3, 4))
    if draw.random() < 0.3:
        now += timedelta(microseconds=draw.randrange(60_000_000))
    return now


def _ago(draw: random.Random) -> timedelta:
    """How long ago a call was; a few are dated in the future, by a clock that runs ahead."""
    hours = draw.choice((1, 8, 25, 25, 80, 24 * 40))
    return timedelta(minutes=draw.randrange(-10, hours * 60))


def _consent(draw: random.Random, minute: datetime) -> Consent | None:
    if draw.random() < 0.03:
        return None
    grade = draw.choice((ConsentGrade.WRITTEN,) * 20 + (ConsentGrade.ORAL,))
    expires = minute + timedelta(minutes=draw.randrange(-60, 5000)) if draw.random() < 0.1 else None
    return Consent(grade=grade, given_at=minute - _ago(draw) * 10, expires_at=expires)
