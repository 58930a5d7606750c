"""`cadenza rules show` as a user meets it: every rule with its grade and source, and mistakes that name their field."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cadenza.cli import app
from cadenza.domain.rules.rule_book import standard_rules


def show(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "220"}).invoke(app, ["rules", "show", *arguments])


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadenza.operations.screen.console._width", 220)


def test_the_table_holds_every_jurisdiction_and_the_version() -> None:
    shown = show()
    assert shown.exit_code == 0
    assert standard_rules().version in shown.output
    assert "Not legal advice" in shown.output
    for row in standard_rules().jurisdictions.values():
        assert f" {row.id} " in shown.output
        assert row.name in shown.output


def test_a_place_shows_its_own_rules_and_those_of_its_country() -> None:
    shown = show("us-fl").output
    assert "at most 3 calls to a number in 24 hours" in shown
    assert "SB 1120 (2021)" in shown
    assert "calls 08:00 to 21:00 every day" in shown  # the federal rule
    assert "Monday 08:00-20:00" in shown
    assert "Utah" not in shown


def test_a_number_shows_every_place_that_it_may_be_in() -> None:
    shown = show("+1 850 555 0123").output
    assert "US-FL  America/Chicago, America/New_York" in shown


@pytest.mark.parametrize(
    ("place", "words"), [("BR", "no rules for this country"), ("US", "The state is not known"), ("US", "10:00-17:00")]
)
def test_an_unknown_place_is_said_to_be_held_to_the_strictest(place: str, words: str) -> None:
    assert words in show(place).output


@pytest.mark.parametrize(
    ("place", "words"), [("US-FLA", "no state FLA"), ("12", "too short"), ("Narnia", "no country")]
)
def test_what_is_no_place_is_refused(place: str, words: str) -> None:
    shown = show(place)
    assert shown.exit_code == 1
    assert words in shown.output


def test_an_overlay_is_laid_over_and_its_mistakes_are_named(tmp_path: Path) -> None:
    file = tmp_path / "ours.json"
    hours = [{"days": "daily", "opens": "11:00", "closes": "17:00"}]
    day = {"day": "2026-12-24", "places": ["US-FL"], "reason": "proclaimed"}
    file.write_text(json.dumps({"version": "v1", "jurisdictions": {"US-FL": {"hours": hours}}, "blackout_days": [day]}))
    shown = show("US-FL", "--overlay", str(file)).output
    assert "Monday 11:00-17:00" in shown
    assert "no calls on 2026-12-24: proclaimed" in shown
    assert "operator's rules v1" in shown
    file.write_text(json.dumps({"version": "v1", "jurisdictions": {"US-FL": {"hour": hours}}}))
    refused = show("--overlay", str(file))
    assert refused.exit_code == 1
    assert "jurisdictions.US-FL.hour" in refused.output
    file.write_text("{")
    assert "is not JSON" in show("--overlay", str(file)).output
