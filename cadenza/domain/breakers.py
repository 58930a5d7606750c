"""Circuit breakers: when a campaign, or the whole account, stops calling by itself, and how it goes on.

Pure: counts and the instant in, the breaker's next state out.

    CLOSED -> OPEN -> PROBING -> CLOSED     the one call got through
                ^--------/                  it did not: twice the pause

Only the carrier's faults are probed. Abandoned calls, opt-outs and refused credentials wait for a person: another call
would only do the harm again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FIRST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=15)

Share = Annotated[float, Field(ge=0, le=1)]


class BreakerRule(StrEnum):
    """Stable ids of the reasons to stop calling."""

    CARRIER_FAULTS = "carrier_faults"
    CARRIER_REFUSES = "carrier_refuses"  # credentials, account, caller ID: told by the carrier, not counted
    ABANDONED_CALLS = "abandoned_calls"
    ABANDONED_BURST = "abandoned_burst"
    OPT_OUT_SPIKE = "opt_out_spike"


BY_HAND_ONLY = (BreakerRule.ABANDONED_CALLS, BreakerRule.ABANDONED_BURST, BreakerRule.OPT_OUT_SPIKE)
"""Counted rules that no probe closes again."""


class BreakerState(StrEnum):
    """Where a breaker is."""

    CLOSED = "closed"  # calling
    OPEN = "open"  # nobody is called
    PROBING = "probing"  # one call may go out, to see


class BreakerLimits(BaseModel):
    """When to stop. A share of 0 switches its rule off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    carrier_fault_share: Annotated[Share, Field(description="Of the attempts that ended lately: this or more")] = 0.5
    carrier_fault_minimum: Annotated[int, Field(ge=1, description="Carrier faults at least")] = 5
    carrier_fault_seconds: Annotated[int, Field(ge=10, le=3600, description="How far back attempts count")] = 120
    abandoned_share: Annotated[Share, Field(description="Of the calls answered by a person: more than this")] = 0.03
    abandoned_days: Annotated[int, Field(ge=1, le=90, description="How far back calls count")] = 30
    abandoned_minimum_persons: Annotated[int, Field(ge=1, description="Calls answered by a person at least")] = 30
    abandoned_burst_share: Annotated[Share, Field(description="The same over a short time: more than this")] = 0.25
    abandoned_burst_seconds: Annotated[int, Field(ge=60, le=86400, description="The short time")] = 600
    abandoned_burst_minimum: Annotated[int, Field(ge=2, description="Abandoned calls in the short time at least")] = 3
    opt_out_share: Annotated[Share, Field(description="Of the last talks with a person: more than this")] = 0.2
    opt_out_talks: Annotated[int, Field(ge=5, le=1000, description="How many last talks count; fewer trip nothing")] = (
        20
    )


@dataclass(frozen=True)
class Counts:
    """What ended, as far back as the limits say and not before the breaker was last reset."""

    ended: int = 0  # attempts that the carrier got, or should have got
    carrier_faults: int = 0
    persons: int = 0  # calls answered by a person
    abandoned: int = 0
    burst_persons: int = 0
    burst_abandoned: int = 0
    talks: int = 0
    opt_outs: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        mine, theirs = vars(self), vars(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True)
class Trip:
    """Why to stop. `reason` is for people, with the numbers."""

    rule: BreakerRule
    reason: str


class ProbeResult(StrEnum):
    """What became of the one call."""

    PASSED = "passed"  # the carrier rang somebody
    FAILED = "failed"  # the carrier's fault again
    VOID = "void"  # it was not made, for other reasons: another one is needed


@dataclass(frozen=True)
class Breaker:
    """`probe_at` is None where only a person closes it again. `since` is the last change of state."""

    state: BreakerState = BreakerState.CLOSED
    rule: BreakerRule | None = None
    reason: str = ""
    since: datetime | None = None
    probe_at: datetime | None = None
    failed_probes: int = 0


@dataclass(frozen=True)
class Watched:
    """A campaign or the account, as the breaker sees it."""

    breaker: Breaker
    limits: BreakerLimits
    counts: Counts = Counts()
    probe: ProbeResult | None = None


def find_trip(counts: Counts, limits: BreakerLimits, rules: Sequence[BreakerRule] = tuple(BreakerRule)) -> Trip | None:
    """The first of `rules` that is broken; those that only a person resets come first."""
    for rule in (*BY_HAND_ONLY, BreakerRule.CARRIER_FAULTS):
        reason = _REASONS[rule](counts, limits) if rule in rules else None
        if reason is not None:
            return Trip(rule, reason)
    return None


def opened(trip: Trip, now: datetime, failed_probes: int = 0) -> Breaker:
    """The breaker just tripped."""
    pause = min(FIRST_PAUSE * 2 ** min(failed_probes, 10), LONGEST_PAUSE)
    probe_at = now + pause if trip.rule is BreakerRule.CARRIER_FAULTS else None
    return Breaker(BreakerState.OPEN, trip.rule, trip.reason, now, probe_at, failed_probes)


def advance(watched: Watched, now: datetime, rules: Sequence[BreakerRule] = tuple(BreakerRule)) -> Breaker:
    """The next state of one breaker, judged by `rules`. The same object where nothing changes."""
    breaker = watched.breaker
    if breaker.state is not BreakerState.CLOSED:
        if breaker.rule in {*BY_HAND_ONLY, BreakerRule.CARRIER_REFUSES} or breaker.probe_at is None:
            return breaker
        rules = [rule for rule in rules if rule in BY_HAND_ONLY]
    trip = find_trip(watched.counts, watched.limits, rules)
    if trip is not None:
        return opened(trip, now)
    if breaker.state is BreakerState.OPEN and breaker.probe_at is not None and now >= breaker.probe_at:
        return replace(breaker, state=BreakerState.PROBING, since=now)
    if breaker.state is BreakerState.PROBING:
        return _after_probe(breaker, watched.probe, now)
    return breaker


def advance_all(
    account: Watched, campaigns: Mapping[str, Watched], now: datetime
) -> tuple[Breaker, dict[str, Breaker]]:
    """The next states of the account's breaker and of its campaigns', by campaign id.

    The smallest thing that is at fault is stopped. A campaign that trips is stopped alone, and what it did does not
    count against the account. But where calls of two or more campaigns fail at the carrier, the carrier is at fault:
    the account stops, and one call for all finds out when it is over. `account.counts` is not used: it is the sum.
    """
    common = _common_carrier_fault(account, campaigns)
    is_held = common is not None or account.breaker.state is not BreakerState.CLOSED
    after = {
        key: advance(campaign, now, BY_HAND_ONLY if is_held else tuple(BreakerRule))
        for key, campaign in campaigns.items()
    }
    rest = [campaigns[key].counts for key, breaker in after.items() if breaker.state is BreakerState.CLOSED]
    own = advance(replace(account, counts=sum(rest, Counts())), now, BY_HAND_ONLY)
    if common is not None and own.state is BreakerState.CLOSED:
        own = opened(common, now)
    return own, after


def _common_carrier_fault(account: Watched, campaigns: Mapping[str, Watched]) -> Trip | None:
    calling = [one.counts for one in campaigns.values() if one.breaker.state is BreakerState.CLOSED]
    share = account.limits.carrier_fault_share
    failing = [counts for counts in calling if 0 < counts.carrier_faults >= share * counts.ended]
    if account.breaker.state is not BreakerState.CLOSED or len(failing) < 2:
        return None
    return find_trip(sum(calling, Counts()), account.limits, [BreakerRule.CARRIER_FAULTS])


def _after_probe(breaker: Breaker, result: ProbeResult | None, now: datetime) -> Breaker:
    if result is ProbeResult.PASSED:
        return Breaker(since=now)
    if result is ProbeResult.FAILED:
        return opened(Trip(BreakerRule.CARRIER_FAULTS, breaker.reason), now, breaker.failed_probes + 1)
    return breaker


def _carrier_faults(counts: Counts, limits: BreakerLimits) -> str | None:
    share, faults = limits.carrier_fault_share, counts.carrier_faults
    if not share or faults < limits.carrier_fault_minimum or faults < share * counts.ended:
        return None
    return (
        f"{faults} of {counts.ended} attempts that ended in the last {limits.carrier_fault_seconds} s failed at the "
        f"carrier (limit: {share:.0%}, at least {limits.carrier_fault_minimum})"
    )


def _abandoned_calls(counts: Counts, limits: BreakerLimits) -> str | None:
    share = limits.abandoned_share
    is_many = counts.persons >= limits.abandoned_minimum_persons and counts.abandoned >= 2
    if not share or not is_many or counts.abandoned <= share * counts.persons:
        return None
    return (
        f"{counts.abandoned} of {counts.persons} people who answered in the last {limits.abandoned_days} days heard "
        f"nothing for 2 s (limit: {share:.0%})"
    )


def _abandoned_burst(counts: Counts, limits: BreakerLimits) -> str | None:
    share, abandoned = limits.abandoned_burst_share, counts.burst_abandoned
    if not share or abandoned < limits.abandoned_burst_minimum or abandoned <= share * counts.burst_persons:
        return None
    return (
        f"{abandoned} of {counts.burst_persons} people who answered in the last {limits.abandoned_burst_seconds} s "
        f"heard nothing for 2 s (limit: {share:.0%}, at least {limits.abandoned_burst_minimum})"
    )


def _opt_out_spike(counts: Counts, limits: BreakerLimits) -> str | None:
    share = limits.opt_out_share
    if not share or counts.talks < limits.opt_out_talks or counts.opt_outs <= share * counts.talks:
        return None
    return f"{counts.opt_outs} of the last {counts.talks} people asked never to be called again (limit: {share:.0%})"


_REASONS = {
    BreakerRule.CARRIER_FAULTS: _carrier_faults,
    BreakerRule.ABANDONED_CALLS: _abandoned_calls,
    BreakerRule.ABANDONED_BURST: _abandoned_burst,
    BreakerRule.OPT_OUT_SPIKE: _opt_out_spike,
}
