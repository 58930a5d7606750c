"""The judge catches each broken promise, one at a time, and finds nothing where nothing is wrong."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.judge import judge
from cadenza.domain.judge_facts import Evidence, Stop, StopKind, SuppressionFact, TransferFact
from cadenza.domain.judge_rules import COUNTED, TITLES, BrokenRule
from cadenza.domain.outcomes import AttemptState, LeadOutcome
from tests.domain.broken_promises import PAUSED, VIOLATIONS
from tests.domain.judged_world import (
    at,
    attempt,
    booked,
    call,
    campaign,
    lead,
    peaceful,
    phone,
    refusal,
    two_campaigns,
    workflow,
)


def found(evidence: Evidence) -> set[BrokenRule]:
    return {finding.rule for finding in judge(evidence).findings}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    for evidence in (peaceful(), peaceful(5), booked(), Evidence()):
        card = judge(evidence)
        assert card.passed, card.findings
        assert not card.findings


@pytest.mark.parametrize(("story", "rule", "evidence"), VIOLATIONS, ids=[story for story, _, _ in VIOLATIONS])
def test_each_broken_promise_is_caught(story: str, rule: BrokenRule, evidence: Callable[[], Evidence]) -> None:
    card = judge(evidence())
    assert card.count(rule) == 1, card.findings
    assert card.passed == (rule in COUNTED)


@pytest.mark.parametrize("dialled_at", [None, at(20)])
def test_a_target_may_be_rung_once_the_records_say_so(dialled_at: Any) -> None:
    transfer = TransferFact(attempt_id="ld_0-1", phone="+12125550342", dialled_at=dialled_at)
    told = found(peaceful(calls=(call(dialled_targets=(transfer.phone,)),), transfers=(transfer,)))
    assert told == (set() if dialled_at else {BrokenRule.TARGET_DIALLED_TWICE})


@pytest.mark.parametrize("state", [state for state in AttemptState if state not in {"ended", "refused", "lapsed"}])
def test_an_attempt_that_is_still_open_is_a_leaked_line(state: AttemptState) -> None:
    assert found(peaceful(attempts=(attempt(state=state.value),))) == {BrokenRule.LINE_LEAKED}


def test_every_rule_has_a_title_and_a_story_that_breaks_it() -> None:
    assert set(TITLES) == set(BrokenRule)
    assert {rule for _, rule, _ in VIOLATIONS} == set(BrokenRule)


def test_a_ring_within_two_seconds_of_a_stop_or_after_its_end_is_allowed() -> None:
    just_stopped = Stop(kind=StopKind.PAUSED, at=at(-1.9), until=at(60))
    resumed = Stop(kind=StopKind.PAUSED, at=at(-60), until=at(-1))
    fresh_opt_out = (SuppressionFact(phone=phone(0), created_at=at(-1.9)),)
    assert not found(peaceful(campaigns=campaign(just_stopped, resumed), suppressions=fresh_opt_out))


def test_who_opts_out_while_it_rings_may_answer_if_nobody_talks_to_him() -> None:
    opted_out = (SuppressionFact(phone=phone(0), created_at=at(1)),)
    assert not found(peaceful(calls=(call(),), suppressions=opted_out))


def test_a_callee_who_hangs_up_on_a_broken_stream_was_not_dropped_by_us() -> None:
    assert not found(peaceful(calls=(call(broken_streams=1, broke_last_at=at(9)),)))


def test_a_machine_is_not_dropped() -> None:
    hung_up_on = call(broken_streams=1, broke_last_at=at(9), ended_by="the REST API", answered_by_machine=True)
    assert not found(peaceful(calls=(hung_up_on,)))


def test_findings_carry_ids_and_never_a_number() -> None:
    for _, _, evidence in VIOLATIONS:
        for finding in judge(evidence()).findings:
            assert finding.ids
            assert "+1212" not in finding.model_dump_json()


@given(
    leads=st.integers(min_value=1, max_value=12),
    broken=st.sets(st.integers(min_value=0, max_value=11)),
    order=st.randoms(use_true_random=False),
)
def test_as_many_double_rings_are_found_as_there_are_whatever_their_order(
    leads: int, broken: set[int], order: Any
) -> None:
    broken = {index for index in broken if index < leads}
    evidence = peaceful(leads)
    calls = [*evidence.calls, *(call(index, call_sid=f"CA{index}-again", seconds=5) for index in broken)]
    order.shuffle(calls)
    card = judge(evidence.model_copy(update={"calls": tuple(calls)}))
    rung_twice = {finding.ids[0] for finding in card.findings if finding.rule is BrokenRule.ATTEMPT_RUNG_TWICE}
    assert rung_twice == {f"ld_{index}-1" for index in broken}
    assert card.passed == (not broken)


@given(outcome=st.sampled_from([one for one in LeadOutcome if one is not LeadOutcome.BOOKED]))
def test_any_outcome_on_which_both_sides_agree_is_fine(outcome: LeadOutcome) -> None:
    assert not found(peaceful(leads=(lead(outcome=outcome.value),), workflows=(workflow(outcome=outcome.value),)))


def test_two_campaigns_may_ring_one_number_within_both_caps_and_leave_a_message_each() -> None:
    evidence = two_campaigns(first_cap=1, second_cap=2)
    calls = tuple(call.model_copy(update={"messages": ("Hello",)}) for call in evidence.calls)
    assert not found(evidence.model_copy(update={"calls": calls}))


@pytest.mark.parametrize("seconds", [5.0, 6.9])
def test_a_request_that_left_within_its_lease_may_arrive_a_little_later(seconds: float) -> None:
    placed = call(placed_at=at(seconds), dialled_at=at(seconds), ringing_at=at(seconds + 1))
    assert not found(peaceful(calls=(placed,), attempts=(attempt(submitted_at=at(4.9)),)))


@pytest.mark.parametrize(("lay", "fine"), [(1.0, False), (30.0, True)])
def test_what_the_carrier_let_lie_for_long_may_ring_in_a_pause(lay: float, fine: bool) -> None:
    """Without an id nobody can call it off; the time that we took ourselves still counts."""
    calls = tuple(
        one.model_copy(update={"asked_at": one.placed_at - timedelta(seconds=lay)}) for one in peaceful().calls
    )
    assert (not found(peaceful(campaigns=campaign(PAUSED), calls=calls))) is fine


def test_a_second_call_that_the_last_gate_sent_away_does_not_speak_against_the_first() -> None:
    assert not found(peaceful(calls=(call(talked_at=at(2.2)),), refusals=refusal("answer", "other_call")))


def test_a_callback_that_the_carrier_could_not_deliver_is_not_missed() -> None:
    silent = attempt(ringing_at=None, answered_at=None, answered_by=None, carrier_status="in-progress")
    assert not found(peaceful(calls=(call(taken_callbacks=frozenset()),), attempts=(silent,), recordings=()))


def test_a_talk_that_broke_off_before_the_journal_began_is_not_a_missing_transcript() -> None:
    broken_off = attempt(conversation_outcome=None, turns=0, outcome="unknown")
    assert not found(peaceful(calls=(call(heard_turns=1),), attempts=(broken_off,)))
