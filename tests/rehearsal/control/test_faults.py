"""The book of faults strikes what was ordered, as often as was ordered, the same way for the same seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rehearsal.control.faults import FaultBook, FaultOrder

ORDER = {"vendor": "twilio", "operation": "create_call", "effect": "status:503"}


@given(count=st.integers(0, 5), skip=st.integers(0, 5), requests=st.integers(0, 15))
def test_exactly_the_ordered_number_is_struck_after_those_to_skip(count: int, skip: int, requests: int) -> None:
    book = FaultBook(1)
    book.order({**ORDER, "count": count, "skip": skip})
    struck = [book.take("twilio", "create_call") is not None for _ in range(requests)]
    expected = [skip <= number < skip + count for number in range(requests)]
    assert struck == expected


@pytest.mark.parametrize(
    ("change", "facts", "struck"),
    [
        ({}, {}, True),
        ({"operation": "*"}, {}, True),
        ({"vendor": "*"}, {}, True),
        ({"vendor": "openai"}, {}, False),
        ({"operation": "list_calls"}, {}, False),
        ({"to": "+13125550101"}, {"to": "+13125550101"}, True),
        ({"to": "+13125550101"}, {"to": "+13125550102"}, False),
        ({"to": "+13125550101"}, {}, False),
        ({"where": {"event": "ringing"}}, {"event": "ringing"}, True),
        ({"where": {"event": "ringing"}}, {"event": "completed"}, False),
    ],
)
def test_an_order_strikes_only_what_it_names(change: dict[str, object], facts: dict[str, object], struck: bool) -> None:
    book = FaultBook(1)
    book.order({**ORDER, **change})
    assert (book.take("twilio", "create_call", **facts) is not None) is struck


def test_the_same_seed_strikes_the_same_requests() -> None:
    def run(seed: int) -> list[bool]:
        book = FaultBook(seed)
        book.order({**ORDER, "count": None, "probability": 0.3})
        return [book.take("twilio", "create_call") is not None for _ in range(200)]

    assert run(5) == run(5) != run(6)
    assert 30 < sum(run(5)) < 90


def test_orders_that_were_given_apart_strike_one_request_after_another() -> None:
    book = FaultBook()
    book.order({**ORDER, "effect": "lose_reply", "count": 2}, {**ORDER, "effect": "hide_from_list_for"})
    book.order({**ORDER, "count": 2}, {**ORDER, "effect": "delay", "skip": 1})
    struck = [[fault.kind for fault in book.take_all("twilio", "create_call")] for _ in range(5)]
    assert struck == [["lose_reply", "hide_from_list_for"], ["lose_reply"], ["status"], ["status", "delay"], []]


def test_every_matching_order_that_was_given_with_it_can_strike_one_request() -> None:
    book = FaultBook()
    book.order(ORDER, {**ORDER, "effect": "delay", "seconds": 1.5})
    faults = book.take_all("twilio", "create_call")
    assert [(fault.kind, fault.argument, fault.seconds) for fault in faults] == [
        ("status", "503", 0.0),
        ("delay", "", 1.5),
    ]
    assert book.take_all("twilio", "create_call") == []


def test_a_malformed_order_is_refused_and_none_of_its_company_is_taken() -> None:
    book = FaultBook()
    with pytest.raises(ValidationError):
        book.order(FaultOrder(**ORDER), {"effect": "delay"})
    assert book.standing() == []
