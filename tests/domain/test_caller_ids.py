"""Pins down: the near number is shown, caps and rests hold, and a number rests only for what is its own fault."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.caller_ids import (
    CallerNumber,
    Nearness,
    NumberCalls,
    NumberPool,
    RestRule,
    nearness,
    needs_rest,
    wilson_interval,
)

NEW_YORK, BROOKLYN, BUFFALO, MIAMI = "+12125550123", "+17185550123", "+17165550123", "+13055550123"
SEATTLE, TORONTO, SYDNEY, TOLL_FREE = "+12065550123", "+14165550123", "+61255500123", "+18005550123"
OURS = (NEW_YORK, MIAMI, SEATTLE, TORONTO, SYDNEY)


@pytest.mark.parametrize(
    ("ours", "callee", "near"),
    [
        (NEW_YORK, "+12125550199", Nearness.AREA_CODE),
        (BROOKLYN, NEW_YORK, Nearness.STATE),
        (BUFFALO, NEW_YORK, Nearness.STATE),
        (MIAMI, NEW_YORK, Nearness.TIME_ZONE),
        (SEATTLE, NEW_YORK, Nearness.COUNTRY),
        (TORONTO, NEW_YORK, Nearness.ELSEWHERE),  # the same +1, another country
        (SYDNEY, NEW_YORK, Nearness.ELSEWHERE),
        (SYDNEY, "+61270100123", Nearness.AREA_CODE),
        (TOLL_FREE, NEW_YORK, Nearness.ELSEWHERE),
    ],
)
def test_near_is_the_area_code_then_the_state_then_the_time_zone_then_the_country(
    ours: str, callee: str, near: Nearness
) -> None:
    assert nearness(ours, callee) is near


def pool(**calls: int) -> NumberPool:
    """`a=3`: New York's number has called three times; the next ones are Brooklyn, Miami. A cap of ten each."""
    phones = {"a": NEW_YORK, "b": BROOKLYN, "c": MIAMI}
    return NumberPool([CallerNumber(phones[name], 10, made) for name, made in calls.items()])


@pytest.mark.parametrize(
    ("numbers", "seen_before", "chosen"),
    [
        ({"a": 9, "b": 0, "c": 0}, "", NEW_YORK),  # near comes before little used
        ({"a": 10, "b": 3, "c": 0}, "", BROOKLYN),  # at its cap
        ({"a": 10, "b": 10, "c": 0}, "", MIAMI),
        ({"a": 0, "b": 0, "c": 0}, MIAMI, MIAMI),  # as before
        ({"a": 0, "b": 0, "c": 10}, MIAMI, NEW_YORK),  # as before is at its cap
        ({"a": 10, "b": 10, "c": 10}, MIAMI, None),
        ({"a": 0}, SEATTLE, NEW_YORK),  # seen before, but no longer in the pool
    ],
)
def test_a_lead_sees_the_number_it_saw_before_else_the_nearest_that_may_call(
    numbers: dict[str, int], seen_before: str, chosen: str | None
) -> None:
    assert pool(**numbers).take(NEW_YORK, seen_before) == chosen


def test_equally_near_numbers_take_turns() -> None:
    numbers = NumberPool([CallerNumber(phone, 10, 0) for phone in (SEATTLE, "+12065550124", "+12065550125")])
    taken = [numbers.take("+12065550199") for _ in range(9)]
    assert {taken.count(phone) for phone in taken} == {3}


@given(
    numbers=st.lists(
        st.tuples(st.sampled_from(OURS), st.integers(1, 5), st.integers(0, 6), st.booleans()),
        unique_by=lambda number: number[0],
    ),
    callees=st.lists(st.tuples(st.sampled_from(OURS), st.sampled_from(["", *OURS])), max_size=30),
)
@pytest.mark.no_cover
def test_no_cap_is_ever_exceeded_and_no_resting_number_calls(
    numbers: list[tuple[str, int, int, bool]], callees: list[tuple[str, str]]
) -> None:
    made = {phone: calls for phone, _, calls, _ in numbers}
    tick = NumberPool([CallerNumber(*number) for number in numbers])
    room = sum(max(0, cap - calls) for _, cap, calls, may_call in numbers if may_call)
    for callee, seen_before in callees:
        assert tick.has_room == (room > 0)
        chosen = tick.take(callee, seen_before)
        assert (chosen is not None) == (room > 0)
        if chosen is not None:
            made[chosen] += 1
            room -= 1
            assert any(phone == chosen and may_call and made[phone] <= cap for phone, cap, _, may_call in numbers)


@pytest.mark.parametrize(
    ("own", "others", "rule"),
    [
        (NumberCalls(200, 4), NumberCalls(1000, 150), RestRule.LOW_ANSWERS),
        (NumberCalls(200, 20), NumberCalls(1000, 150), None),  # fewer, but that may be luck
        (NumberCalls(49, 0), NumberCalls(1000, 150), None),  # too few calls to say
        (NumberCalls(200, 0), NumberCalls(40, 20), None),
        (NumberCalls(200, 0), NumberCalls(1000, 0), None),  # nobody answers anybody
        (NumberCalls(10, 0, 5), NumberCalls(100, 10, 2), RestRule.CARRIER_FAULTS),
        (NumberCalls(10, 0, 4), NumberCalls(100, 10, 2), None),
        (NumberCalls(10, 0, 8), NumberCalls(100, 10, 60), None),  # the carrier is at fault: the breakers' business
        (NumberCalls(), NumberCalls(), None),
    ],
)
def test_a_number_rests_for_what_the_others_do_not_suffer_from(
    own: NumberCalls, others: NumberCalls, rule: RestRule | None
) -> None:
    rest = needs_rest(own, others)
    assert (rest.rule if rest else None) is rule


@pytest.mark.parametrize(
    ("count", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)]
)
def test_the_interval_is_wilsons(count: int, of: int, low: float, high: float) -> None:
    assert wilson_interval(count, of) == pytest.approx((low, high), abs=1e-4)
