"""The operator's changes. Pins down: they lie over the table under a new version, and a mistake names its field."""

from datetime import date
from typing import Any

import pytest

from cadenza.domain.place import Place
from cadenza.domain.rules.jurisdiction import Grade
from cadenza.domain.rules.rule_book import RuleBook, RulesRefused, standard_rules

NEW_ZEALAND = {"name": "New Zealand", "hours": [{"days": "daily", "opens": "09:00", "closes": "20:00"}]}


def overlay(**rows: Any) -> dict[str, Any]:
    return {"version": "acme-1", "jurisdictions": {key.replace("_", "-"): row for key, row in rows.items()}}


def test_a_changed_field_replaces_the_tables_and_the_others_stay() -> None:
    before = standard_rules()
    after = before.with_overlay(overlay(US_FL={"hours": [{"days": "daily", "opens": "10:00", "closes": "18:00"}]}))
    (rule,) = after.jurisdictions["US-FL"].hours
    assert rule.words == "calls 10:00 to 18:00 every day"
    assert (rule.grade, rule.source) == (Grade.OPERATOR, "operator's rules acme-1")
    assert after.jurisdictions["US-FL"].attempt_caps == before.jurisdictions["US-FL"].attempt_caps
    assert before.jurisdictions["US-FL"].hours[0].words == "calls 08:00 to 20:00 every day"


def test_an_operators_rule_may_have_a_grade_and_source_of_its_own() -> None:
    rule = {"days": "daily", "opens": "08:00", "closes": "20:00", "grade": "P", "source": "counsel, 3 March"}
    book = standard_rules().with_overlay(overlay(NZ={"name": "New Zealand", "hours": [rule]}))
    assert book.jurisdictions["NZ"].hours[0].source == "counsel, 3 March"


def test_a_field_can_be_taken_away_and_a_country_added() -> None:
    book = standard_rules().with_overlay(overlay(US={"do_not_call": None}, NZ=NEW_ZEALAND))
    assert book.jurisdictions["US"].do_not_call is None
    assert not standard_rules().knows(Place("NZ"))
    assert [row.id for row in book.rows_for(Place("NZ"))] == ["NZ"]


def test_every_change_of_content_changes_the_version_and_nothing_else_does() -> None:
    book = standard_rules()
    assert book.version.startswith("2026-11-20-")
    first, second = (
        book.with_overlay(overlay(US_FL={"hours": [{"days": "daily", "opens": "10:00", "closes": f"{closes}:00"}]}))
        for closes in (18, 19)
    )
    assert first.version.startswith("2026-11-20.acme-1-")
    assert first.version != second.version
    assert book.with_overlay(overlay(NZ=NEW_ZEALAND)).version == book.with_overlay(overlay(NZ=NEW_ZEALAND)).version


def test_overlays_lie_over_overlays() -> None:
    book = standard_rules().with_overlay(overlay(NZ=NEW_ZEALAND))
    again = book.with_overlay({"version": "b", "blackout_days": [{"day": "2026-12-24", "reason": "closed"}]})
    assert again.knows(Place("NZ"))
    assert again.version.startswith("2026-11-20.acme-1.b-")


def test_blackout_days_hold_where_they_are_proclaimed_and_where_that_may_be() -> None:
    days = [
        {"day": "2026-12-24", "places": ["US-LA"], "reason": "proclaimed by the governor"},
        {"day": "2026-12-31", "reason": "everybody is away"},
    ]
    book = standard_rules().with_overlay({"version": "a", "blackout_days": days})

    def closed(place: Place) -> list[date]:
        return [one.day for one in book.blackouts_at(place)]

    both, everywhere = [date(2026, 12, 24), date(2026, 12, 31)], [date(2026, 12, 31)]
    assert closed(Place("US", "LA")) == both
    assert closed(Place("US")) == both
    assert closed(Place("US", "NY")) == everywhere
    assert closed(Place("AU")) == everywhere


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        (overlay(NZ={"name": "New Zealand", "hours": [{"days": "weekdays", "opens": "09:00", "closes": "20:00"}]}),
         "jurisdictions.NZ.hours", "missing: saturday, sunday"),
        (overlay(US_FL={"hours": [{"days": ["sunday"], "opens": "25:00", "closes": "20:00"}]}),
         "jurisdictions.US-FL.hours[0].opens", "valid time"),
        (overlay(US_FL={"hours": [{"days": ["sunday"], "opens": "08:00:30", "closes": "20:00"}]}),
         "jurisdictions.US-FL.hours[0].opens", "whole minutes"),
        (overlay(US_FL={"hours": [{"days": ["sunday"], "opens": "20:00", "closes": "08:00"}]}),
         "jurisdictions.US-FL.hours[0]", "later than"),
        (overlay(US_FL={"hours": [{"days": ["sunday"], "opens": "20:00"}]}),
         "jurisdictions.US-FL.hours[0]", "neither"),
        (overlay(US_FL={"hours": [{"days": ["sunday"]}, {"days": "weekend"}]}),
         "jurisdictions.US-FL.hours", "twice: sunday"),
        (overlay(US_FL={"hours": [{"days": ["sonntag"]}]}), "jurisdictions.US-FL.hours[0].days[0]", "pattern"),
        (overlay(US_FL={"ours": []}), "jurisdictions.US-FL.ours", "not permitted"),
        (overlay(US_FLA={"name": "Florida"}), "jurisdictions.US-FLA", "no state FLA in US"),
        (overlay(ZZ={"name": "Narnia"}), "jurisdictions.ZZ", "no country ZZ"),
        (overlay(NZ_AUK={"name": "Auckland"}), "jurisdictions", "NZ-AUK has no row for its country NZ"),
        (overlay(US_NY={"attempt_caps": []}), "jurisdictions.US-NY.name", "required"),
        (overlay(US={"attempt_caps": [{"calls": 0, "within_hours": 24}]}),
         "jurisdictions.US.attempt_caps[0].calls", "greater than or equal to 1"),
        (overlay(US={"consent": [{"needs": "verbal"}]}), "jurisdictions.US.consent[0].needs", "'written'"),
        (overlay(US={"hours": None}), "jurisdictions.US.hours", "missing: monday"),
        ({"version": "a", "blackout_days": [{"day": "24.12.2026", "reason": "x"}]}, "blackout_days[0].day", "date"),
        ({"version": "a", "blackout_days": [{"day": "2026-12-24", "places": ["USA"], "reason": "x"}]},
         "blackout_days[0].places[0]", "pattern"),
        ({"jurisdictions": {}}, "version", "required"),
        ({"version": "a b"}, "version", "pattern"),
        ({"version": "a", "jurisdictions": []}, "jurisdictions", "dictionary"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_field_and_a_fix(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(RulesRefused) as refused:
        standard_rules().with_overlay(changes)
    problem = refused.value.problems[0]
    assert problem.field == field
    assert words in problem.message
    assert problem.fix


def test_a_book_says_how_far_back_calls_matter() -> None:
    assert standard_rules().longest_window.total_seconds() == 72 * 3600
    assert RuleBook("none", {}).longest_window.total_seconds() == 0


def test_every_mistake_of_an_overlay_is_told_at_once() -> None:
    hours = [{"days": "daily", "opens": "0700", "closes": "21:00"}]
    overlay = {
        "version": "v 1",
        "jurisdictions": {"US-FL": {"hours": hours}, "XX": {"name": "x"}, "US-TX": 5},
        "blackout_days": [{"day": "soon", "reason": "x"}],
    }
    with pytest.raises(RulesRefused) as refused:
        standard_rules().with_overlay(overlay)
    fields = {one.field for one in refused.value.problems}
    assert fields >= {"version", "jurisdictions.XX", "jurisdictions.US-TX", "blackout_days[0].day"}
    assert any(field.startswith("jurisdictions.US-FL.hours[0].opens") for field in fields)
    assert all(one.fix for one in refused.value.problems)


@pytest.mark.parametrize("overlay", [[], 5, None, {"version": "v", "jurisdictions": []}])
def test_what_is_no_overlay_is_refused(overlay: Any) -> None:
    with pytest.raises(RulesRefused):
        standard_rules().with_overlay(overlay)
