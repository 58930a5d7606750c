"""The numbers of a report: rates with their denominators, and what calls cost. Pure."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from cadenza.domain.outcomes import REACHED_NOBODY, AttemptOutcome

HUMAN = frozenset(
    {
        AttemptOutcome.BOOKED,
        AttemptOutcome.TRANSFERRED,
        AttemptOutcome.CALLBACK_PROMISED,
        AttemptOutcome.INTERESTED,
        AttemptOutcome.NOT_INTERESTED,
        AttemptOutcome.OPTED_OUT,
        AttemptOutcome.WRONG_NUMBER,
        AttemptOutcome.GATEKEEPER,
        AttemptOutcome.HUNG_UP,
    }
)
"""Outcomes in which a person was on the line."""

MACHINE = frozenset({AttemptOutcome.MACHINE, AttemptOutcome.VOICEMAIL_LEFT})


REPLY_GOAL_P50_MS = 900.0
REPLY_GOAL_P95_MS = 1500.0
"""From the callee's last sound to the first sound of the reply at their ear. A pause above some 700 ms is noticed, and
after 1.5 s people speak again; the budget: end of turn 200-400 ms, final text 50-150, first token 250-450, voice
100-250, network 100-200."""


class ReplyTime(BaseModel):
    """How long callees waited for the reply, beside what they should wait. Milliseconds; None where nothing was
    measured."""

    model_config = ConfigDict(frozen=True)

    count: int
    p50: float | None
    p95: float | None
    goal_p50: float = REPLY_GOAL_P50_MS
    goal_p95: float = REPLY_GOAL_P95_MS
    met: bool | None


def reply_time(count: int, p50: float | None, p95: float | None) -> ReplyTime:
    """Judge a reply's two figures by the goals."""
    if not count or p50 is None or p95 is None:
        return ReplyTime(count=0, p50=None, p95=None, met=None)
    met = p50 < REPLY_GOAL_P50_MS and p95 < REPLY_GOAL_P95_MS
    return ReplyTime(count=count, p50=p50, p95=p95, met=met)


class Rate(BaseModel):
    """`count` out of `of`; `share` is None where there is nothing to divide by."""

    model_config = ConfigDict(frozen=True)

    count: int
    of: int
    of_what: str
    share: float | None


class Usage(BaseModel):
    """What calls used up."""

    model_config = ConfigDict(frozen=True)

    telephony_minutes: int = 0
    """Connected minutes, each call rounded up: that is how carriers bill."""
    machine_detections: int = 0
    listening_seconds: float = 0.0
    tokens: int = 0
    characters_spoken: int = 0


class Prices(BaseModel):
    """US dollars."""

    model_config = ConfigDict(frozen=True)

    telephony_minute: float
    machine_detection_call: float
    listening_minute: float
    thinking_million_tokens: float
    speaking_thousand_characters: float


class Cost(BaseModel):
    """An estimate in US dollars, from usage and the prices in the settings; no invoice."""

    model_config = ConfigDict(frozen=True)

    telephony: float
    machine_detection: float
    listening: float
    thinking: float
    speaking: float
    total: float


def rate(count: int, of: int, of_what: str) -> Rate:
    return Rate(count=count, of=of, of_what=of_what, share=round(count / of, 4) if of else None)


def call_rates(
    outcomes: Mapping[AttemptOutcome, int], *, answered: int, conversations: int, persons: int = 0, abandoned: int = 0
) -> dict[str, Rate]:
    """The funnel. `outcomes` counts ended attempts; `answered` those that were picked up, by whom or whatever;
    `persons` those that a person answered, of whom `abandoned` heard nothing in time (domain.tally)."""
    dials = sum(count for outcome, count in outcomes.items() if outcome not in REACHED_NOBODY)
    human = sum(outcomes.get(outcome, 0) for outcome in HUMAN)
    booked = outcomes.get(AttemptOutcome.BOOKED, 0)
    return {
        "answered": rate(answered, dials, "dials"),
        "machine": rate(sum(outcomes.get(outcome, 0) for outcome in MACHINE), dials, "dials"),
        "screened": rate(outcomes.get(AttemptOutcome.SCREENED, 0), dials, "dials"),
        "human": rate(human, dials, "dials"),
        "conversation": rate(conversations, human, "calls with a person"),
        "booked": rate(booked, conversations, "conversations"),
        "transferred": rate(outcomes.get(AttemptOutcome.TRANSFERRED, 0), conversations, "conversations"),
        "booked_per_dial": rate(booked, dials, "dials"),
        "abandoned": rate(abandoned, persons, "calls answered by a person"),
        "opted_out": rate(outcomes.get(AttemptOutcome.OPTED_OUT, 0), human, "calls with a person"),
    }


def estimate_cost(usage: Usage, prices: Prices) -> Cost:
    telephony = usage.telephony_minutes * prices.telephony_minute
    detection = usage.machine_detections * prices.machine_detection_call
    listening = usage.listening_seconds / 60 * prices.listening_minute
    thinking = usage.tokens / 1_000_000 * prices.thinking_million_tokens
    speaking = usage.characters_spoken / 1000 * prices.speaking_thousand_characters
    return Cost(
        telephony=round(telephony, 6),
        machine_detection=round(detection, 6),
        listening=round(listening, 6),
        thinking=round(thinking, 6),
        speaking=round(speaking, 6),
        total=round(telephony + detection + listening + thinking + speaking, 6),
    )
