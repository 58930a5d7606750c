"""Pins down: when calling stops by itself, what may start it again, and that the smallest thing at fault is stopped."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.breakers import (
    BY_HAND_ONLY,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Breaker,
    BreakerLimits,
    BreakerRule,
    BreakerState,
    Counts,
    ProbeResult,
    Trip,
    Watched,
    advance,
    advance_all,
    find_trip,
    opened,
)

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
LIMITS = BreakerLimits()
FAILING = Counts(ended=8, carrier_faults=6)
OPTED_OUT = Counts(ended=20, persons=20, talks=20, opt_outs=5)
TRIPPED = opened(Trip(BreakerRule.CARRIER_FAULTS, "6 of 8"), NOW)
NOTHING = Counts()
CLOSED = Breaker()


def watched(counts: Counts = NOTHING, breaker: Breaker = CLOSED, probe: ProbeResult | None = None) -> Watched:
    return Watched(breaker, LIMITS, counts, probe)


# --- Rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        (Counts(ended=10, carrier_faults=5), BreakerRule.CARRIER_FAULTS),
        (Counts(ended=11, carrier_faults=5), None),
        (Counts(ended=4, carrier_faults=4), None),  # too few to say
        (Counts(persons=66, abandoned=2), BreakerRule.ABANDONED_CALLS),
        (Counts(persons=67, abandoned=2), None),
        (Counts(persons=29, abandoned=2), None),
        (Counts(persons=30, abandoned=1), None),  # one call trips nothing
        (Counts(burst_persons=11, burst_abandoned=3), BreakerRule.ABANDONED_BURST),
        (Counts(burst_persons=12, burst_abandoned=3), None),
        (Counts(burst_persons=2, burst_abandoned=2), None),
        (Counts(talks=20, opt_outs=5), BreakerRule.OPT_OUT_SPIKE),
        (Counts(talks=20, opt_outs=4), None),
        (Counts(talks=19, opt_outs=19), None),
        (Counts(ended=9, carrier_faults=9, talks=20, opt_outs=5), BreakerRule.OPT_OUT_SPIKE),  # by hand only goes first
    ],
)
def test_a_rule_trips_at_its_limit(counts: Counts, rule: BreakerRule | None) -> None:
    trip = find_trip(counts, LIMITS)
    assert (trip.rule if trip else None) is rule


def test_the_reason_tells_the_numbers() -> None:
    trip = find_trip(Counts(ended=8, carrier_faults=6), LIMITS)
    assert trip is not None
    assert trip.reason == (
        "6 of 8 attempts that ended in the last 120 s failed at the carrier (limit: 50%, at least 5)"
    )


@pytest.mark.parametrize(
    ("switch", "rule"),
    [
        ("carrier_fault_share", BreakerRule.CARRIER_FAULTS),
        ("abandoned_share", BreakerRule.ABANDONED_CALLS),
        ("abandoned_burst_share", BreakerRule.ABANDONED_BURST),
        ("opt_out_share", BreakerRule.OPT_OUT_SPIKE),
    ],
)
def test_a_share_of_zero_switches_its_rule_off(switch: str, rule: BreakerRule) -> None:
    everything = Counts(99, 99, 99, 99, 99, 99, 99, 99)
    assert find_trip(everything, LIMITS, [rule]) is not None
    assert find_trip(everything, LIMITS.model_copy(update={switch: 0}), [rule]) is None


SOME_COUNTS = st.tuples(*[st.tuples(st.integers(0, 200), st.integers(0, 200))] * 4).map(
    lambda pairs: Counts(*(number for pair in pairs for number in (max(pair), min(pair))))
)


@given(SOME_COUNTS)
def test_without_a_single_bad_call_nothing_ever_trips(counts: Counts) -> None:
    fine = replace(counts, carrier_faults=0, abandoned=0, burst_abandoned=0, opt_outs=0)
    assert find_trip(fine, LIMITS) is None


@given(SOME_COUNTS, st.sampled_from(["carrier_faults", "abandoned", "burst_abandoned", "opt_outs"]))
def test_more_bad_calls_never_untrip(counts: Counts, name: str) -> None:
    before = find_trip(counts, LIMITS)
    worse = find_trip(replace(counts, **{name: getattr(counts, name) + 1}), LIMITS)
    assert before is None or worse is not None


# --- One breaker -----------------------------------------------------------------------------------------------------


def test_carrier_faults_are_probed_after_a_minute_and_closed_by_one_call_that_rings() -> None:
    breaker = advance(watched(FAILING), NOW)
    assert (breaker.state, breaker.probe_at) == (BreakerState.OPEN, NOW + FIRST_PAUSE)
    early = advance(watched(FAILING, breaker), NOW + FIRST_PAUSE - timedelta(seconds=1))
    assert early is breaker, "what tripped it does not trip it twice"
    probing = advance(watched(FAILING, breaker), NOW + FIRST_PAUSE)
    assert probing.state is BreakerState.PROBING
    assert advance(watched(FAILING, probing), NOW + timedelta(hours=1)) is probing, "it waits for its one call"
    assert advance(watched(FAILING, probing, ProbeResult.VOID), NOW + FIRST_PAUSE) is probing
    closed = advance(watched(FAILING, probing, ProbeResult.PASSED), NOW + FIRST_PAUSE)
    assert (closed.state, closed.rule, closed.failed_probes) == (BreakerState.CLOSED, None, 0)


def test_each_failed_probe_doubles_the_pause_up_to_a_quarter_of_an_hour() -> None:
    breaker, now, pauses = TRIPPED, NOW, []
    for _ in range(7):
        assert breaker.probe_at is not None
        pauses.append((breaker.probe_at - now).total_seconds())
        now = breaker.probe_at
        probing = advance(watched(breaker=breaker), now)
        breaker = advance(watched(breaker=probing, probe=ProbeResult.FAILED), now)
        assert breaker.reason == TRIPPED.reason
    assert pauses == [60, 120, 240, 480, 900, 900, 900]
    assert LONGEST_PAUSE.total_seconds() == 900


@pytest.mark.parametrize("rule", [*BY_HAND_ONLY, BreakerRule.CARRIER_REFUSES])
def test_what_would_do_the_harm_again_waits_for_a_person(rule: BreakerRule) -> None:
    breaker = opened(Trip(rule, "bad"), NOW)
    assert breaker.probe_at is None
    for days in (1, 400):
        assert advance(watched(FAILING, breaker, ProbeResult.PASSED), NOW + timedelta(days=days)) is breaker


def test_a_pause_by_a_person_is_probed_no_more() -> None:
    held = replace(TRIPPED, probe_at=None)
    assert advance(watched(FAILING, held), NOW + timedelta(days=1)) is held


@pytest.mark.parametrize("breaker", [TRIPPED, replace(TRIPPED, state=BreakerState.PROBING)])
def test_opt_outs_that_come_in_during_a_carriers_fault_take_it_over(breaker: Breaker) -> None:
    after = advance(watched(OPTED_OUT, breaker, ProbeResult.PASSED), NOW + LONGEST_PAUSE)
    assert (after.state, after.rule, after.probe_at) == (BreakerState.OPEN, BreakerRule.OPT_OUT_SPIKE, None)


BREAKERS = st.builds(
    Breaker,
    state=st.sampled_from(BreakerState),
    rule=st.sampled_from(BreakerRule),
    since=st.just(NOW),
    probe_at=st.none() | st.integers(0, 3600).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    failed_probes=st.integers(0, 50),
)
PROBES = st.none() | st.sampled_from(ProbeResult)


@given(BREAKERS, SOME_COUNTS, PROBES, st.integers(0, 7200))
def test_no_call_goes_out_but_by_a_carriers_probe(
    breaker: Breaker, counts: Counts, probe: ProbeResult | None, seconds: int
) -> None:
    now = NOW + timedelta(seconds=seconds)
    after = advance(watched(counts, breaker, probe), now)
    if after.state is not breaker.state and after.state is not BreakerState.OPEN:
        assert breaker.rule is BreakerRule.CARRIER_FAULTS
        assert breaker.probe_at is not None
    if after.state is BreakerState.PROBING and breaker.state is BreakerState.OPEN:
        assert breaker.probe_at is not None and breaker.probe_at <= now
    if after.state is BreakerState.CLOSED and breaker.state is not BreakerState.CLOSED:
        assert breaker.state is BreakerState.PROBING and probe is ProbeResult.PASSED
    if after.state is BreakerState.OPEN and after.probe_at is not None and after is not breaker:
        assert FIRST_PAUSE <= after.probe_at - now <= LONGEST_PAUSE


# --- The account and its campaigns -----------------------------------------------------------------------------------


def states(account: Breaker, campaigns: dict[str, Breaker]) -> tuple[str, dict[str, str]]:
    return account.state.value, {key: breaker.state.value for key, breaker in campaigns.items()}


def test_one_campaign_that_fails_is_stopped_alone() -> None:
    after = advance_all(watched(), {"bad": watched(FAILING), "good": watched(Counts(ended=4))}, NOW)
    assert states(*after) == ("closed", {"bad": "open", "good": "closed"})


def test_where_two_campaigns_fail_the_account_is_stopped_and_one_probe_serves_all() -> None:
    campaigns = {"one": watched(FAILING), "two": watched(Counts(ended=1, carrier_faults=1))}
    account, after = advance_all(watched(), campaigns, NOW)
    assert states(account, after) == ("open", {"one": "closed", "two": "closed"})
    assert (account.rule, account.probe_at) == (BreakerRule.CARRIER_FAULTS, NOW + FIRST_PAUSE)
    assert "7 of 9" in account.reason
    again = advance_all(watched(breaker=account), campaigns, NOW + timedelta(seconds=5))
    assert states(*again) == ("open", {"one": "closed", "two": "closed"}), "its campaigns are not stopped on top"


def test_many_campaigns_with_one_failure_each_stop_the_account() -> None:
    campaigns = {str(number): watched(Counts(ended=1, carrier_faults=1)) for number in range(5)}
    account, after = advance_all(watched(), campaigns, NOW)
    assert account.state is BreakerState.OPEN
    assert {breaker.state for breaker in after.values()} == {BreakerState.CLOSED}


def test_what_a_stopped_campaign_did_does_not_count_against_the_account() -> None:
    campaigns = {"bad": watched(OPTED_OUT), "good": watched(Counts(talks=20, opt_outs=2))}
    assert states(*advance_all(watched(), campaigns, NOW)) == ("closed", {"bad": "open", "good": "closed"})


def test_small_campaigns_count_together_against_the_account() -> None:
    campaigns = {str(number): watched(Counts(talks=10, opt_outs=4)) for number in range(2)}
    account, after = advance_all(watched(), campaigns, NOW)
    assert (account.rule, account.probe_at) == (BreakerRule.OPT_OUT_SPIKE, None)
    assert {breaker.state for breaker in after.values()} == {BreakerState.CLOSED}


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(st.dictionaries(st.text(max_size=2), st.builds(watched, SOME_COUNTS, BREAKERS, PROBES), max_size=4), BREAKERS)
def test_judging_all_is_judging_each_or_holding_the_account(campaigns: dict[str, Watched], own: Breaker) -> None:
    account, after = advance_all(watched(breaker=own), campaigns, NOW)
    assert set(after) == set(campaigns)
    for key, breaker in after.items():
        alone = advance(campaigns[key], NOW)
        assert breaker == alone or account.state is not BreakerState.CLOSED
