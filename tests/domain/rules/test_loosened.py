"""Pins down: an overlay that takes away or weakens a rule of law is found out; one that adds is not."""

import json
from typing import Any

import pytest

from cadenza.domain.rules.loosened import loosened
from cadenza.domain.rules.rule_book import standard_rules
from cadenza.operations.rehearsal_environment import RULES

LAW = standard_rules()


def changed(place: str, **fields: Any) -> list[str]:
    return loosened(LAW, LAW.with_overlay({"version": "t", "jurisdictions": {place: fields}}))


@pytest.mark.parametrize(
    ("place", "fields", "lost"),
    [
        ("US-FL", {"hours": [{"days": "daily", "opens": "08:00", "closes": "21:00"}]}, "calls 08:00 to 20:00"),
        ("US-FL", {"hours": None}, "calls 08:00 to 20:00"),
        ("US-FL", {"attempt_caps": [{"calls": 4, "within_hours": 24}]}, "at most 3 calls"),
        ("US-FL", {"attempt_caps": [{"calls": 3, "within_hours": 12}]}, "at most 3 calls"),
        ("US-AL", {"holidays": {"barred": False}}, "no calls on public holidays"),
        ("US-AL", {"holidays": {"barred": True, "calendar": "national"}}, "national and state"),
        ("US", {"consent": [{"needs": "oral"}]}, "a consent of grade written"),
        ("US", {"consent": [{"needs": "written", "lines": ["mobile"]}]}, "a consent of grade written"),
        ("US", {"do_not_call": None}, "Do Not Call"),
        ("US", {"do_not_call": {"register_name": "mine", "max_age_days": 60}}, "Do Not Call"),
        ("GB", {"minimum_gaps": None}, "72 hours after an abandoned call"),
    ],
)
def test_what_is_weakened_is_named(place: str, fields: dict[str, Any], lost: str) -> None:
    found = changed(place, **fields)
    assert len(found) == 1
    assert found[0].startswith(f"{place}: ")
    assert lost in found[0]


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("US-FL", {"hours": [{"days": "daily", "opens": "09:00", "closes": "19:00"}]}),
        ("US-FL", {"attempt_caps": [{"calls": 1, "within_hours": 48}]}),
        ("US", {"do_not_call": {"register_name": "mine", "max_age_days": 7}}),
        ("US-CA", {"consent": None}),  # recommended, and no law
        ("NZ", {"name": "New Zealand", "hours": [{"days": "daily", "opens": "09:00", "closes": "20:00"}]}),
    ],
)
def test_what_is_tightened_added_or_only_recommended_is_no_complaint(place: str, fields: dict[str, Any]) -> None:
    assert changed(place, **fields) == []


def test_the_rehearsal_rules_ask_for_nothing_anywhere() -> None:
    """A row that is new in the book and not in the overlay would stop rehearsals at some hour of some day."""
    book = LAW.with_overlay(json.loads(RULES.read_text(encoding="utf-8")))
    for row in book.jurisdictions.values():
        asked = (row.attempt_caps, row.minimum_gaps, row.consent)
        assert not any(asked), row.id
        assert row.do_not_call is None, row.id
        assert row.holidays is None, row.id
        assert {row.span(weekday) for weekday in range(7)} == {(0, 86_400_000_000)}, row.id
