"""The people of the simulation, drawn from a seed, and a ledger of what was really done to them.

The ledger is kept apart from the database: every ring is judged by the rules written once more
(`bench.gate_reference`) on what the ledger holds, and by nothing that the engine said.
"""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import phonenumbers

from bench.gate_reference import Reference
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.candidate_places import candidate_places
from cadenza.domain.consent import Consent, ConsentGrade
from cadenza.domain.gate_question import GateFacts
from cadenza.domain.outcomes import AttemptOutcome, CampaignState
from cadenza.domain.phone import line_type
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.rules.rule_book import RuleBook
from cadenza.domain.tally import Tally

START = datetime(2026, 10, 30, 4, tzinfo=UTC)
"""A Friday, midnight in New York. Within 14 days: the end of summer time (1 November) and a holiday (11 November)."""
DAY = timedelta(days=1)

_PERSON_BY_HOUR = {8: 0.04, 9: 0.05, 10: 0.06, 11: 0.07, 12: 0.09, 13: 0.06, 14: 0.06, 15: 0.06, 16: 0.08, 17: 0.12,
                   18: 0.15, 19: 0.14, 20: 0.10}  # fmt: skip
_WITHOUT_PERSON = (
    (AttemptOutcome.NO_ANSWER, 48), (AttemptOutcome.MACHINE, 44), (AttemptOutcome.BUSY, 4),
    (AttemptOutcome.INVALID_NUMBER, 1), (AttemptOutcome.FAILED, 1), (AttemptOutcome.SCREENED, 2),
)  # fmt: skip
_WITH_PERSON = (
    (AttemptOutcome.NOT_INTERESTED, 45), (AttemptOutcome.HUNG_UP, 20), (AttemptOutcome.BOOKED, 9),
    (AttemptOutcome.CALLBACK_PROMISED, 10), (AttemptOutcome.GATEKEEPER, 6), (AttemptOutcome.OPTED_OUT, 5),
    (AttemptOutcome.INTERESTED, 4), (AttemptOutcome.WRONG_NUMBER, 1),
)  # fmt: skip


@dataclass(frozen=True)
class SimulatedCampaign:
    id: str
    policy: CampaignPolicy
    callers: tuple[str, ...] = ()
    """Its pool of numbers; empty: one number that is in no pool."""


@dataclass(frozen=True)
class Ended:
    """What became of a call: seconds, and how it is tallied."""

    outcome: AttemptOutcome
    seconds: int
    tally: Tally
    callback_at: datetime | None = None


CALLER_CAP = 100
_CALLERS = tuple(f"+1{code}5550190" for code in (212, 305, 312, 404, 415, 503, 617, 713, 206, 416))


def campaigns(lines: int) -> list[SimulatedCampaign]:
    """Twins, which must fare alike; a hasty one and a slow one; one with few lines; one with a pool of numbers."""
    wide = WeeklyHours.always()
    twin = CampaignPolicy(max_attempts=4)
    return [
        SimulatedCampaign("cp_twin_1", twin),
        SimulatedCampaign("cp_twin_2", twin),
        SimulatedCampaign("cp_urgent", CampaignPolicy(priority=1, calling_hours=wide, max_attempts=2)),
        SimulatedCampaign("cp_slow", CampaignPolicy(calls_per_second=0.1, priority=2, calling_hours=wide)),
        SimulatedCampaign("cp_narrow", CampaignPolicy(max_lines=max(1, lines // 8), priority=2, max_calls_per_day=1)),
        SimulatedCampaign("cp_pool", CampaignPolicy(priority=2, calling_hours=wide, max_attempts=6), _CALLERS),
    ]


@dataclass
class People:
    """Who may be called: numbers, and what they consented to. The same number may be a lead of several campaigns."""

    seed: int
    phones: list[str]
    consents: dict[str, Consent]

    @classmethod
    def drawn(cls, seed: int, count: int) -> "People":
        draw = random.Random(seed)
        phones = _drawn_phones(draw, count)
        given = START - 60 * DAY
        grades = draw.choices([ConsentGrade.WRITTEN, ConsentGrade.ORAL, None], weights=[92, 4, 4], k=len(phones))
        consents = {
            phone: Consent(grade=grade, given_at=given) for phone, grade in zip(phones, grades, strict=True) if grade
        }
        return cls(seed, phones, consents)

    def answer(self, attempt_id: str, phone: str, now: datetime, zone: str) -> Ended:
        """The same attempt at the same hour always ends alike."""
        draw = random.Random(f"{self.seed} {attempt_id}")
        local = now.astimezone(ZoneInfo(zone))
        if draw.random() >= _PERSON_BY_HOUR.get(local.hour, 0.02) * 1.5:
            outcome = _drawn(draw, _WITHOUT_PERSON)
            fault = outcome is AttemptOutcome.FAILED
            return Ended(outcome, draw.randint(5, 40), Tally.CARRIER_FAULT if fault else Tally.NO_PERSON)
        outcome = _drawn(draw, _WITH_PERSON)
        promised = now + timedelta(minutes=draw.randint(60, 3000))
        return Ended(
            outcome,
            draw.randint(15, 240),
            Tally.ABANDONED if draw.random() < 0.005 else Tally.PERSON,
            promised if outcome is AttemptOutcome.CALLBACK_PROMISED else None,
        )


def _drawn_phones(draw: random.Random, count: int) -> list[str]:
    """Fictional numbers that may be called: three of four in North America, the others in Australia."""
    north = [f"+1{area}55501{line:02d}" for area in range(200, 990) for line in range(100)]
    south = [f"+61{region}{block}{line:04d}" for region in "2378" for block in (5550, 7010) for line in range(10_000)]
    phones: list[str] = []
    for numbers, share in ((north, 0.75), (south, 0.25)):
        draw.shuffle(numbers)
        phones += islice((phone for phone in numbers if _is_callable(phone)), int(count * share))
    draw.shuffle(phones)
    return phones


def _is_callable(phone: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(phone)) and line_type(phone) is not None


def _drawn(draw: random.Random, weighted: Sequence[tuple[AttemptOutcome, int]]) -> AttemptOutcome:
    return draw.choices([outcome for outcome, _ in weighted], weights=[weight for _, weight in weighted])[0]


@dataclass
class Ledger:
    """What was done, and every rule that it broke."""

    book: RuleBook
    people: People
    history: timedelta
    violations: Counter[str] = field(default_factory=Counter)
    rings: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    by_jurisdiction: Counter[str] = field(default_factory=Counter)
    """Rings that each rule was asked about, and those that came under each jurisdiction."""
    suppressed: set[str] = field(default_factory=set)
    registers: dict[str, datetime] = field(default_factory=dict)
    listed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _calls: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    _abandoned: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    _by_caller: dict[str, deque[datetime]] = field(default_factory=lambda: defaultdict(deque))
    _ringing: set[str] = field(default_factory=set)
    _references: dict[tuple[object, str], Reference] = field(default_factory=dict)
    _asked: dict[tuple[object, str, object], tuple[set[str], set[str]]] = field(default_factory=dict)

    def ring(self, campaign: SimulatedCampaign, phone: str, from_number: str, now: datetime) -> None:
        """The telephone rings: judge it, then remember it."""
        facts = self._facts(campaign, phone, now)
        key = (facts.places, campaign.id)
        if key not in self._references:
            self._references[key] = Reference(self.book, facts)
        self.violations.update(self._references[key].violated(facts, now))
        self._count(key, facts)
        if phone in self._ringing:
            self.violations["rung_twice_at_once"] += 1
        if campaign.callers:
            self._judge_caller(campaign, from_number, now)
        self._ringing.add(phone)
        self._calls[phone].append(now)
        self.rings[campaign.id] += 1

    def _count(self, key: tuple[object, str], facts: GateFacts) -> None:
        if (*key, facts.line) not in self._asked:
            asked = list(self._references[key].asked(facts))
            self._asked[*key, facts.line] = {rule for rule, _ in asked}, {place for _, place in asked if place}
        rules, jurisdictions = self._asked[*key, facts.line]
        self.by_rule.update(rules)
        self.by_jurisdiction.update(jurisdictions)

    def hang_up(self, phone: str, began: datetime, ended: Ended) -> None:
        self._ringing.discard(phone)
        if ended.tally is Tally.ABANDONED:
            self._abandoned[phone].append(began)

    def _judge_caller(self, campaign: SimulatedCampaign, from_number: str, now: datetime) -> None:
        if from_number not in campaign.callers:
            self.violations["foreign_caller_id"] += 1
        called = self._by_caller[from_number]
        while called and now - called[0] >= DAY:
            called.popleft()
        called.append(now)
        if len(called) > CALLER_CAP:
            self.violations["caller_id_cap"] += 1

    def _facts(self, campaign: SimulatedCampaign, phone: str, now: datetime) -> GateFacts:
        since = now - self.history
        return GateFacts(
            campaign_state=CampaignState.RUNNING,
            policy=campaign.policy,
            places=candidate_places(phone),
            suppressed=phone in self.suppressed,
            line=line_type(phone),
            recent_calls=[call for call in self._calls[phone] if call > since],
            abandoned_calls=[call for call in self._abandoned[phone] if call > since],
            consent=self.people.consents.get(phone),
            registers=self.registers,
            listed_on=frozenset(self.listed[phone]),
        )


def zone_of(phone: str) -> str:
    """Where the simulated person's clock is taken to be."""
    return next((zone for place in candidate_places(phone) for zone in place.zones), "UTC")


def first_copies() -> dict[str, datetime]:
    """Of the registers: one grows too old within the days, one is fresh, one is never renewed."""
    return {"US": START - timedelta(days=27), "CA": START - timedelta(days=2), "AU": START - timedelta(days=24)}


RENEWED = {"US": START + timedelta(days=6)}
"""When a new copy of a register is loaded; the old one is too old since two days."""
