"""The rules that come with Cadenza. Pins down: every rule says how sure it is and where it is from, the hours are those
of the research, and an unknown place falls to the strictest."""

import json
from datetime import time
from typing import Any

import pytest

from cadenza.domain.calling_hours import DAYS
from cadenza.domain.consent import ConsentGrade, LineType
from cadenza.domain.open_times import WHOLE_DAY, Span, both, to_span
from cadenza.domain.place import Place
from cadenza.domain.rules.jurisdiction import Disclosure, Grade, Jurisdiction, RecordingConsent
from cadenza.domain.rules.rule_book import standard_rules
from tests.support.specs import spec_file

BOOK = standard_rules()
ROWS = BOOK.jurisdictions


def week(rows: tuple[Jurisdiction, ...]) -> list[Span | None]:
    """Monday to Sunday, what all rows leave open."""
    spans: list[Span | None] = []
    for weekday in range(len(DAYS)):
        hours: Span | None = WHOLE_DAY
        for row in rows:
            hours = both(hours, row.span(weekday))
        spans.append(hours)
    return spans


def hours(opens: int, closes: int) -> Span:
    return opens * 3_600_000_000, closes * 3_600_000_000


def test_every_rule_has_a_grade_a_source_and_words() -> None:
    rules = [rule for row in ROWS.values() for rule in row.rules]
    assert len(rules) > 100
    for rule in rules:
        assert rule.source
        assert rule.words
        assert rule.grade is not Grade.OPERATOR
    unsure = [rule for rule in rules if rule.grade is Grade.MEMORY]
    assert all("not confirmed" in rule.source or rule.note or "no statutory" in rule.source
               or "secondary" in rule.source for rule in unsure)  # fmt: skip


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("US", "NY"), [hours(8, 21)] * 7),
        (Place("US", "FL"), [hours(8, 20)] * 7),
        (Place("US", "KY"), [hours(10, 21)] * 7),
        (Place("US", "UT"), [hours(8, 21)] * 6 + [None]),
        (Place("US", "ME"), [hours(9, 17)] * 5 + [None] * 2),
        (Place("AU", "QLD"), [hours(9, 20)] * 5 + [hours(9, 17), None]),
        (Place("DE"), [hours(9, 20)] * 5 + [None] * 2),
        (Place("US"), [hours(10, 17)] * 5 + [None] * 2),  # the state is not known
        (Place("US", "ZZ"), [hours(8, 21)] * 7),
        (Place("BR"), [hours(10, 17)] * 5 + [None] * 2),  # the country is not known
        (Place(), [hours(10, 17)] * 5 + [None] * 2),
    ],
)
def test_the_hours_of_a_place_are_what_all_its_rows_leave_open(place: Place, expected: list[Span | None]) -> None:
    assert week(BOOK.rows_for(place)) == expected


def test_an_unknown_place_is_never_freer_than_any_that_it_may_be() -> None:
    for place in (Place("US"), Place("BR")):
        strictest = BOOK.rows_for(place)
        states = [row for row in ROWS.values() if place.country in ("BR", row.country)]
        for row in states:
            assert row in strictest
    assert not BOOK.knows(Place("BR"))
    assert BOOK.knows(Place("DE"))


def test_three_calls_a_day_and_one_in_eight_hours_where_the_state_says_so() -> None:
    caps = {row.id: [(cap.calls, cap.within_hours) for cap in row.attempt_caps] for row in ROWS.values()}
    assert {key: found for key, found in caps.items() if found} == {
        "US-FL": [(3, 24)], "US-MD": [(3, 24)], "US-OK": [(3, 24)], "US-ME": [(1, 8)],
    }  # fmt: skip


def test_recording_needs_every_partys_consent_where_sources_say_so_or_disagree() -> None:
    strict = {row.id for row in ROWS.values() if row.recording and row.recording.needs is RecordingConsent.ALL_PARTIES}
    named = "CA DE FL IL MD MA MT NV NH PA WA CT MI OR"
    assert strict == {f"US-{state}" for state in named.split()}
    assert all(ROWS[country].recording for country in ("US", "CA", "AU", "GB", "EU"))


def test_who_speaks_is_disclosed_everywhere() -> None:
    for country in ("US", "CA", "AU", "GB", "EU"):
        assert Disclosure.AI_AT_START in {rule.says for rule in ROWS[country].disclosures}
    assert ROWS["EU"].disclosures[0].grade is Grade.SECONDARY
    assert any(note.review for note in ROWS["US-CA"].notes)


def test_american_numbers_need_a_written_consent_whatever_the_line() -> None:
    (rule,) = ROWS["US"].consent
    assert rule.needs is ConsentGrade.WRITTEN
    assert set(rule.lines) == set(LineType)


def test_the_table_is_that_of_the_research() -> None:
    """Row by row; what the research contradicts itself in is named here."""
    research: dict[str, Any] = json.loads(spec_file("..", "calling_rules.json").read_text())
    stricter_on_holidays = {"CA"}  # allowed by the table, restricted by the source it quotes
    derived = research.pop("UNKNOWN_US")
    assert week(BOOK.rows_for(Place("US"))) == [_span(derived, weekday) for weekday in range(7)]
    for key, row in research.items():
        if key == "_note":
            continue
        country, _, state = key.partition("-")
        ours = BOOK.rows_for(Place("FR" if key == "EU" else country, state or "none"))
        assert week(ours) == [_span(row, weekday) for weekday in range(7)], key
        barred = any(one.holidays is not None and one.holidays.barred for one in ours)
        assert barred is (not row["holidays"] or key in stricter_on_holidays), key
        caps = sorted((cap.calls, cap.within_hours) for cap in ROWS[key].attempt_caps)
        names = {"per_24h_same_subject": 24, "per_8h_automated": 8}
        assert caps == sorted((calls, names[name]) for name, calls in row["caps"].items() if name in names), key
        grades = {rule.grade.value for rule in ROWS[key].rules}
        assert {letter for letter in "PSM" if f" {letter}" in f" {row['grade']}"} <= grades, key


def _span(row: dict[str, Any], weekday: int) -> Span | None:
    written = row["wk" if weekday < 5 else "sat" if weekday == 5 else "sun"]
    return to_span(*map(time.fromisoformat, written)) if written else None
