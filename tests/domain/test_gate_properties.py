"""For any lead, rules, history and clock: what the gate admits breaks no rule, and the next instant is the earliest.

Held against the rules written once more (`bench.gate_reference`), which walks from minute to minute. `python -m bench
gate_check` compares many more cases.
"""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gate_cases import World, draw_case, draw_world, rule_books
from bench.gate_reference import Reference
from cadenza.domain.gate import Gate, GateFacts, Rule
from cadenza.domain.open_times import to_microseconds

pytestmark = [pytest.mark.no_cover, pytest.mark.computes(30)]  # many examples of lines that other tests cover

BOOKS = rule_books(2)
GATES = {book.version: Gate(book) for book in BOOKS}
OF_TIME = {Rule.OUTSIDE_LEGAL_HOURS, Rule.PUBLIC_HOLIDAY, Rule.BLACKOUT_DAY, Rule.OUTSIDE_HOURS, Rule.ATTEMPT_CAP,
           Rule.MINIMUM_GAP, Rule.DAILY_CAP}  # fmt: skip
NEVER = {Rule.NEVER_OPEN, Rule.HOLIDAYS_UNKNOWN}

randoms = st.randoms(use_true_random=False)


def case(draw: random.Random) -> tuple[World, Gate, GateFacts, datetime]:
    world = draw_world(draw, BOOKS)
    facts, now = draw_case(draw, world)
    return world, GATES[world.book.version], facts, now


@given(randoms)
@settings(max_examples=400, deadline=None)
def test_what_is_admitted_breaks_no_rule_and_what_is_refused_breaks_the_rule_that_is_named(draw: random.Random) -> None:
    world, gate, facts, now = case(draw)
    decision = gate.check(facts, now)
    violated = Reference(world.book, facts).violated(facts, now)
    assert decision.allowed is not bool(violated)
    if decision.rule is not None and decision.rule is not Rule.NEVER_OPEN:
        assert decision.rule.value in violated


@given(randoms)
@settings(max_examples=150, deadline=None)
def test_the_next_allowed_instant_is_allowed_and_the_earliest(draw: random.Random) -> None:
    world, gate, facts, now = case(draw)
    horizon = timedelta(days=3)
    found = gate.next_allowed(facts, now)
    walked = Reference(world.book, facts).first_allowed(facts, now, horizon)
    if walked is not None or (found is not None and found <= now + horizon):
        assert found == walked
    if found is not None:
        assert gate.check(facts, found).allowed


@given(randoms)
@settings(max_examples=200, deadline=None)
def test_a_plan_is_the_next_allowed_instant_where_there_is_one_and_else_breaks_no_rule_of_time(
    draw: random.Random,
) -> None:
    _, gate, facts, now = case(draw)
    planned, allowed = gate.next_planned(facts, now), gate.next_allowed(facts, now)
    assert allowed is None or planned == allowed
    if planned is not None:
        assert planned >= now
        failed = {verdict.rule for verdict in gate.explain(facts, planned) if not verdict.passed}
        assert not failed & OF_TIME


@given(randoms)
@settings(max_examples=200, deadline=None)
def test_the_decision_names_the_same_next_instant(draw: random.Random) -> None:
    _, gate, facts, now = case(draw)
    decision = gate.check(facts, now)
    if decision.allowed:
        assert gate.next_allowed(facts, now) == now.astimezone(UTC)
    else:
        assert decision.next_at == gate.next_allowed(facts, now)
        assert decision.next_at is None or (decision.next_at > now and not decision.is_final)


@given(randoms)
@settings(max_examples=200, deadline=None)
def test_the_explanation_agrees_with_the_decision(draw: random.Random) -> None:
    _, gate, facts, now = case(draw)
    decision, verdicts = gate.check(facts, now), gate.explain(facts, now)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    assert bool(failed) is not decision.allowed
    if decision.rule in NEVER:
        assert decision.rule in {verdict.rule for verdict in failed}
    elif failed:
        first = failed[0]
        assert (first.rule, first.jurisdiction, first.reason) == (decision.rule, decision.jurisdiction, decision.reason)


@given(randoms)
@settings(max_examples=200, deadline=None)
def test_another_place_never_turns_a_no_into_a_yes(draw: random.Random) -> None:
    world, gate, facts, now = case(draw)
    more = draw_world(draw, BOOKS).places
    wider = facts.model_copy(update={"places": (*world.places, *more)})
    if world.places and gate.check(wider, now).allowed:
        assert gate.check(facts, now).allowed


@given(randoms, st.lists(st.integers(-3000, 3000), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_what_was_asked_before_changes_no_answer(draw: random.Random, minutes: list[int]) -> None:
    """The gate remembers days and closed stretches: the same questions in another order get the same answers."""
    world, used, facts, now = case(draw)
    for minute in minutes:
        moment = now + timedelta(minutes=minute)
        assert used.check(facts, moment) == Gate(world.book).check(facts, moment)
        assert to_microseconds(moment) == to_microseconds(moment.astimezone(UTC))
