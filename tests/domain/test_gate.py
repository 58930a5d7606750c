"""Pins down: the gate's order, its rules with jurisdiction and source, and the next instant at which it says yes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.candidate_places import NOWHERE_KNOWN, Whereabouts, candidate_places
from cadenza.domain.consent import Consent, ConsentGrade, LineType
from cadenza.domain.gate import Gate, GateDecision, GateFacts, Rule
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.place import Place
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.rules.rule_book import standard_rules
from tests.support.gates import CAMPAIGN_ONLY, unplaced

OPEN = datetime(2026, 11, 17, 15, tzinfo=UTC)  # Tuesday 10:00 in New York
NIGHT = datetime(2026, 11, 17, 5, tzinfo=UTC)
GATE = Gate(standard_rules())
ALWAYS = CampaignPolicy(calling_hours=WeeklyHours.always(), max_calls_per_day=10)
LONG_AGO = OPEN - timedelta(days=400)
WRITTEN = Consent(grade=ConsentGrade.WRITTEN, given_at=LONG_AGO)


def facts(**changes: Any) -> GateFacts:
    """A lead in New York that nothing speaks against, before or after the law is asked."""
    plain: dict[str, Any] = {
        "campaign_state": CampaignState.RUNNING, "policy": CampaignPolicy(), "suppressed": False,
        "places": candidate_places("+12125550123"), "consent": WRITTEN,
        "registers": dict.fromkeys(("US", "AU", "CA", "GB"), OPEN - timedelta(days=1)),
    }  # fmt: skip
    return GateFacts(**(plain | changes))


def at(zone: str, *clock: int) -> datetime:
    return datetime(*clock, tzinfo=ZoneInfo(zone))  # type: ignore[arg-type, misc]


def lawful(number: str, now: datetime, known: Whereabouts = NOWHERE_KNOWN, **changes: Any) -> GateDecision:
    """The law's answer alone: the campaign itself would call at any hour."""
    fresh = dict.fromkeys(("US", "AU", "CA", "GB"), now - timedelta(days=1))
    plain = {"policy": ALWAYS, "places": candidate_places(number, known), "registers": fresh}
    return GATE.check(facts(**(plain | changes)), now)


@pytest.mark.parametrize("ask", [CAMPAIGN_ONLY.check, GATE.check])
def test_a_plain_lead_in_opening_hours_may_be_rung(ask: Any) -> None:
    assert ask(facts(), OPEN).allowed


@pytest.mark.parametrize(
    ("changes", "now", "rule", "is_final"),
    [
        ({"line": None, "suppressed": True}, OPEN, Rule.NUMBER_NOT_CALLABLE, True),
        ({"suppressed": True}, OPEN, Rule.SUPPRESSED, True),
        ({"suppressed": True, "campaign_state": CampaignState.CANCELLED}, OPEN, Rule.SUPPRESSED, True),
        ({"campaign_state": CampaignState.CANCELLED}, NIGHT, Rule.CAMPAIGN_CANCELLED, True),
        ({"closed": True}, OPEN, Rule.LEAD_CLOSED, True),
        ({"campaign_state": CampaignState.PAUSED}, OPEN, Rule.CAMPAIGN_NOT_RUNNING, False),
        ({"held": "the carrier refuses our calls"}, OPEN, Rule.ACCOUNT_HELD, False),
        ({"reassigned_on": date(2026, 1, 1)}, OPEN, Rule.NUMBER_REASSIGNED, True),
        ({}, NIGHT, Rule.OUTSIDE_HOURS, False),
        ({"places": ()}, OPEN, Rule.NEVER_OPEN, True),
        ({"places": unplaced([])}, OPEN, Rule.NEVER_OPEN, True),
        ({"recent_calls": [OPEN - timedelta(hours=hour) for hour in (1, 2, 3)]}, OPEN, Rule.DAILY_CAP, False),
    ],
)
def test_each_rule_refuses_with_its_id_without_any_law(
    changes: dict[str, Any], now: datetime, rule: Rule, is_final: bool
) -> None:
    decision = CAMPAIGN_ONLY.check(facts(**changes), now)
    assert (decision.rule, decision.is_final) == (rule, is_final)
    assert decision.reason


@pytest.mark.parametrize(
    ("number", "now", "rule", "jurisdiction", "grade", "next_at"),
    [
        # hours by the called party's clock
        ("+12125550123", at("America/New_York", 2026, 11, 17, 21, 0), Rule.OUTSIDE_LEGAL_HOURS, "US", "S",
         at("America/New_York", 2026, 11, 18, 8, 0)),
        ("+13055550123", at("America/New_York", 2026, 11, 17, 20, 0), Rule.OUTSIDE_LEGAL_HOURS, "US-FL", "P",
         at("America/New_York", 2026, 11, 18, 8, 0)),
        # 20:30 in Nashville is 21:30 in Chattanooga, and 423 may be either
        ("+14235550123", at("America/Chicago", 2026, 11, 17, 20, 30), Rule.OUTSIDE_LEGAL_HOURS, "US", "S",
         at("America/Chicago", 2026, 11, 18, 8, 0)),
        # the library puts Orlando into Central time
        ("+16895550123", at("America/New_York", 2026, 11, 17, 20, 30), Rule.OUTSIDE_LEGAL_HOURS, "US-FL", "P",
         at("America/New_York", 2026, 11, 18, 8, 0)),
        # Sunday bans, and a Sunday that opens late
        ("+18015550123", at("America/Denver", 2026, 11, 22, 12, 0), Rule.OUTSIDE_LEGAL_HOURS, "US-UT", "M",
         at("America/Denver", 2026, 11, 23, 8, 0)),
        ("+12145550123", at("America/Chicago", 2026, 11, 22, 11, 59), Rule.OUTSIDE_LEGAL_HOURS, "US-TX", "S",
         at("America/Chicago", 2026, 11, 22, 12, 0)),
        # holidays: Mardi Gras in Louisiana, Thanksgiving and the day after; Christmas in lieu
        ("+15045550123", at("America/Chicago", 2027, 2, 9, 12, 0), Rule.PUBLIC_HOLIDAY, "US-LA", "S",
         at("America/Chicago", 2027, 2, 10, 8, 0)),
        ("+12055550123", at("America/Chicago", 2027, 12, 24, 12, 0), Rule.PUBLIC_HOLIDAY, "US-AL", "S",
         at("America/Chicago", 2027, 12, 27, 8, 0)),
        ("+61355500123", at("Australia/Melbourne", 2026, 12, 25, 12, 0), Rule.PUBLIC_HOLIDAY, "AU", "P",
         at("Australia/Hobart", 2026, 12, 28, 9, 0)),
        # in daylight time, nine in Sydney is eight in Brisbane
        ("+61755500123", at("Australia/Sydney", 2026, 11, 17, 9, 30), Rule.OUTSIDE_LEGAL_HOURS, "AU", "P",
         at("Australia/Brisbane", 2026, 11, 17, 9, 0)),
        # Alberta no longer falls back: 21:00 by the new law is 20:00 by the old
        ("+14035550123", at("America/Edmonton", 2026, 12, 9, 21, 30), Rule.OUTSIDE_LEGAL_HOURS, "CA", "S",
         at("America/Edmonton", 2026, 12, 10, 9, 0)),
    ],
)  # fmt: skip
def test_the_law_of_the_place_refuses_with_its_source_and_the_first_lawful_instant(
    number: str, now: datetime, rule: Rule, jurisdiction: str, grade: str, next_at: datetime
) -> None:
    decision = lawful(number, now)
    assert (decision.rule, decision.jurisdiction, decision.grade) == (rule, jurisdiction, grade)
    assert decision.source
    assert decision.rules_version == GATE.rules.version
    assert decision.next_at == next_at


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # the clocks go forward and back at night: eight in the morning is eight by the new time
        (at("America/New_York", 2026, 3, 7, 22, 0), at("America/New_York", 2026, 3, 8, 8, 0)),
        (at("America/New_York", 2026, 10, 31, 22, 0), at("America/New_York", 2026, 11, 1, 8, 0)),
        # over the leap day
        (at("America/New_York", 2028, 2, 28, 22, 0), at("America/New_York", 2028, 2, 29, 8, 0)),
        (at("America/New_York", 2028, 2, 29, 22, 0), at("America/New_York", 2028, 3, 1, 8, 0)),
    ],
)
def test_the_morning_is_the_mornings_own(before: datetime, after: datetime) -> None:
    assert lawful("+12125550123", before).next_at == after


def test_a_window_that_the_forward_jump_cuts_opens_with_the_jump() -> None:
    hours = {"days": "daily", "opens": "02:30", "closes": "04:00"}
    book = standard_rules().with_overlay({"version": "t", "jurisdictions": {"US": {"hours": [hours]}}})
    now = at("America/New_York", 2026, 3, 8, 1, 0)
    decision = Gate(book).check(facts(policy=ALWAYS, registers={"US": now}), now)
    assert decision.next_at == at("America/New_York", 2026, 3, 8, 3, 0)


def test_an_hour_that_comes_twice_opens_twice() -> None:
    hours = {"days": "daily", "opens": "01:00", "closes": "01:30"}
    book = standard_rules().with_overlay({"version": "t", "jurisdictions": {"US": {"hours": [hours]}}})
    gate, asked = Gate(book), facts(policy=ALWAYS, registers={"US": datetime(2026, 11, 1, tzinfo=UTC)})
    first, between = datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 11, 1, 5, 45, tzinfo=UTC)
    assert gate.check(asked, first).allowed
    assert gate.next_allowed(asked, between) == datetime(2026, 11, 1, 6, tzinfo=UTC)


def test_the_date_that_samoa_left_out_is_not_waited_for() -> None:
    places = (Place("WS", zones=("Pacific/Apia",)),)
    row = {
        "name": "Samoa",
        "hours": [
            {"days": ["friday"], "opens": "09:00", "closes": "20:00"},
            {"days": ["monday", "tuesday", "wednesday", "thursday", "saturday", "sunday"]},
        ],
    }
    gate = Gate(standard_rules().with_overlay({"version": "t", "jurisdictions": {"WS": row}}))
    thursday = at("Pacific/Apia", 2011, 12, 29, 23, 0)  # Friday 30 December 2011 was not there
    assert gate.next_allowed(facts(policy=ALWAYS, places=places), thursday) == at("Pacific/Apia", 2012, 1, 6, 9, 0)


def test_every_place_must_be_open() -> None:
    in_utah_too = Whereabouts(state="UT")
    sunday = at("America/New_York", 2026, 11, 22, 12, 0)
    assert lawful("+12125550123", sunday).allowed
    decision = lawful("+12125550123", sunday, in_utah_too)
    assert (decision.jurisdiction, decision.rule) == ("US-UT", Rule.OUTSIDE_LEGAL_HOURS)
    early = at("America/New_York", 2026, 11, 23, 9, 0)  # seven in Salt Lake City
    assert lawful("+12125550123", early, in_utah_too).next_at == at("America/Denver", 2026, 11, 23, 8, 0)


def test_an_unknown_place_is_held_to_the_strictest() -> None:
    unreadable = Whereabouts(state="Narnia")
    assert lawful("+12125550123", at("America/New_York", 2026, 11, 17, 9, 59), unreadable).jurisdiction == "US-KY"
    assert lawful("+12125550123", at("America/New_York", 2026, 11, 17, 10, 0), unreadable).allowed
    assert not lawful("+12125550123", at("America/New_York", 2026, 11, 17, 17, 0), unreadable).allowed


def test_what_the_called_party_said_opens_their_own_hours() -> None:
    evening = at("America/Chicago", 2026, 11, 17, 19, 30)  # half past eight in Tallahassee
    assert not lawful("+18505550123", evening).allowed
    assert lawful("+18505550123", evening, Whereabouts(said_zone="America/Chicago")).allowed


def test_the_campaigns_hours_and_the_laws_must_both_be_open() -> None:
    late = at("America/New_York", 2026, 11, 17, 20, 30)
    assert GATE.check(facts(), late).rule is Rule.OUTSIDE_HOURS
    assert GATE.check(facts(policy=ALWAYS), late).allowed


@pytest.mark.parametrize(
    ("number", "hours_ago", "rule", "jurisdiction", "hours_to_wait"),
    [
        ("+13055550123", [1, 2, 3], Rule.ATTEMPT_CAP, "US-FL", 21),
        ("+13055550123", [1, 2, 24], None, "", 0),
        ("+12075550123", [7], Rule.ATTEMPT_CAP, "US-ME", 1),
        ("+12075550123", [8], None, "", 0),
        ("+12125550123", [1, 2, 3, 4], None, "", 0),
    ],
)
def test_calls_within_a_rolling_time_are_capped(
    number: str, hours_ago: list[int], rule: Rule | None, jurisdiction: str, hours_to_wait: int
) -> None:
    now = at("America/New_York", 2026, 11, 17, 14, 0)
    decision = lawful(number, now, recent_calls=[now - timedelta(hours=hours) for hours in hours_ago])
    assert (decision.rule, decision.jurisdiction) == (rule, jurisdiction)
    if rule is not None:
        assert decision.next_at == now + timedelta(hours=hours_to_wait)


def test_after_an_abandoned_call_britain_is_left_alone_for_three_days() -> None:
    now = at("Europe/London", 2026, 11, 19, 12, 0)
    abandoned = now - timedelta(hours=71)
    decision = lawful("+442079460018", now, recent_calls=[abandoned], abandoned_calls=[abandoned])
    assert (decision.rule, decision.next_at) == (Rule.MINIMUM_GAP, now + timedelta(hours=1))
    assert lawful("+442079460018", now, recent_calls=[abandoned]).allowed


@pytest.mark.parametrize(
    ("consent", "number", "line", "refused"),
    [
        (None, "+12125550123", LineType.UNKNOWN, True),
        (Consent(grade=ConsentGrade.ORAL, given_at=LONG_AGO), "+12125550123", LineType.MOBILE, True),
        (WRITTEN, "+12125550123", LineType.MOBILE, False),
        (Consent(grade=ConsentGrade.ORAL, given_at=LONG_AGO), "+16045550123", LineType.MOBILE, False),
        (
            Consent(grade=ConsentGrade.WRITTEN, given_at=LONG_AGO, expires_at=OPEN),
            "+12125550123",
            LineType.MOBILE,
            True,
        ),
        (None, "+61255500123", LineType.FIXED, False),
    ],
)
def test_a_consent_must_be_as_strong_as_the_place_asks(
    consent: Consent | None, number: str, line: LineType, refused: bool
) -> None:
    now = OPEN if not number.startswith("+61") else at("Australia/Sydney", 2026, 11, 17, 12, 0)
    now = at("America/Vancouver", 2026, 11, 17, 12, 0) if number.startswith("+1604") else now
    decision = lawful(number, now, consent=consent, line=line)
    assert decision.rule is (Rule.NO_CONSENT if refused else None)
    assert (decision.is_final, decision.next_at) == (False, None)  # a person may still ask for it: the lead is held


def test_a_consent_by_kind_of_line_leaves_the_others_alone() -> None:
    only_mobile = {"consent": [{"needs": "written", "lines": ["mobile"]}]}
    gate = Gate(standard_rules().with_overlay({"version": "t", "jurisdictions": {"US": only_mobile}}))
    assert gate.check(facts(consent=None, line=LineType.FIXED), OPEN).allowed
    assert gate.check(facts(consent=None, line=LineType.MOBILE), OPEN).rule is Rule.NO_CONSENT
    assert gate.check(facts(consent=None, line=LineType.UNKNOWN), OPEN).rule is Rule.NO_CONSENT


def test_a_consent_that_begins_later_is_waited_for_and_one_that_ends_before_is_not() -> None:
    later = OPEN + timedelta(minutes=7)
    begins = facts(policy=ALWAYS, consent=Consent(grade=ConsentGrade.WRITTEN, given_at=later))
    assert GATE.check(begins, OPEN).next_at == later
    ends = Consent(grade=ConsentGrade.WRITTEN, given_at=LONG_AGO, expires_at=NIGHT + timedelta(hours=1))
    assert GATE.check(facts(consent=ends), NIGHT).next_at is None


def test_the_do_not_call_register_is_checked_and_young() -> None:
    listed = GATE.check(facts(listed_on=frozenset({"US"})), OPEN)
    assert (listed.rule, listed.jurisdiction, listed.grade) == (Rule.ON_DO_NOT_CALL, "US", "P")
    assert GATE.check(facts(listed_on=frozenset({"GB"})), OPEN).allowed  # another country's
    for copied, allowed in ((OPEN - timedelta(days=31), True), (OPEN - timedelta(days=31, microseconds=1), False)):
        assert GATE.check(facts(registers={"US": copied}), OPEN).allowed is allowed
    missing = GATE.check(facts(registers={}), OPEN)
    assert (missing.rule, missing.is_final, missing.next_at) == (Rule.DO_NOT_CALL_LIST_STALE, False, None)


def test_a_copy_that_grows_too_old_before_the_morning_leaves_no_next_instant() -> None:
    asked = facts(registers={"US": NIGHT - timedelta(days=31) + timedelta(hours=1)})
    decision = GATE.check(asked, NIGHT)
    assert (decision.rule, decision.next_at, decision.is_final) == (Rule.OUTSIDE_LEGAL_HOURS, None, False)


def test_a_number_that_went_to_somebody_else_needs_a_new_consent() -> None:
    assert GATE.check(facts(reassigned_on=date(2026, 11, 1)), OPEN).rule is Rule.NUMBER_REASSIGNED
    asked_again = Consent(grade=ConsentGrade.WRITTEN, given_at=OPEN - timedelta(days=3))
    assert GATE.check(facts(reassigned_on=date(2026, 11, 1), consent=asked_again), OPEN).allowed


def test_a_day_that_the_operator_closed_is_a_rule_of_its_own() -> None:
    closed = {"version": "t", "blackout_days": [{"day": "2026-11-17", "places": ["US-NY"], "reason": "mourning"}]}
    decision = Gate(standard_rules().with_overlay(closed)).check(facts(policy=ALWAYS), OPEN)
    assert decision.rule is Rule.BLACKOUT_DAY
    assert "mourning" in decision.reason
    assert decision.next_at == at("America/New_York", 2026, 11, 18, 8, 0)


def test_where_nobody_knows_the_holidays_nobody_is_called() -> None:
    places = (Place("AC", zones=("Atlantic/St_Helena",)),)
    decision = GATE.check(facts(places=places, policy=ALWAYS), OPEN)
    assert (decision.rule, decision.is_final) == (Rule.HOLIDAYS_UNKNOWN, True)


def test_places_that_share_no_hour_are_never_called() -> None:
    places = (Place("US", "NY", ("America/New_York",)), Place("AU", "WA", ("Australia/Perth",)))
    decision = GATE.check(facts(places=places), OPEN)
    assert (decision.rule, decision.is_final, decision.next_at) == (Rule.NEVER_OPEN, True, None)


def test_waiting_does_not_help_where_a_person_has_to_act() -> None:
    paused = facts(campaign_state=CampaignState.PAUSED)
    decision = GATE.check(paused, NIGHT)
    assert (decision.rule, decision.next_at, decision.is_final) == (Rule.OUTSIDE_LEGAL_HOURS, None, False)
    assert GATE.check(paused, OPEN).rule is Rule.CAMPAIGN_NOT_RUNNING


def test_the_next_instant_is_one_at_which_every_rule_says_yes() -> None:
    """The cap frees the number at night, and the morning is a holiday."""
    thanksgiving_eve = at("America/Chicago", 2026, 11, 25, 19, 0)
    calls = [thanksgiving_eve - timedelta(hours=hours) for hours in (1, 2, 3)]
    decision = lawful("+15045550123", thanksgiving_eve, recent_calls=calls, policy=CampaignPolicy(
        calling_hours=WeeklyHours.always(), max_calls_per_day=3))  # fmt: skip
    assert decision.rule is Rule.DAILY_CAP
    assert decision.next_at == at("America/Chicago", 2026, 11, 27, 8, 0)


def test_an_explanation_holds_every_rule_and_the_source_of_the_laws() -> None:
    asked = facts(places=candidate_places("+13055550123"), recent_calls=[NIGHT] * 3, held="breaker")
    verdicts = GATE.explain(asked, NIGHT)
    failed = {verdict.rule for verdict in verdicts if not verdict.passed}
    assert failed == {
        Rule.OUTSIDE_LEGAL_HOURS, Rule.OUTSIDE_HOURS, Rule.ATTEMPT_CAP, Rule.DAILY_CAP, Rule.ACCOUNT_HELD,
    }  # fmt: skip
    assert {verdict.jurisdiction for verdict in verdicts} == {"", "US", "US-FL"}
    for verdict in verdicts:
        assert verdict.demands
        assert bool(verdict.reason) is not verdict.passed
        assert bool(verdict.source) is bool(verdict.jurisdiction)
    cap = next(verdict for verdict in verdicts if verdict.rule is Rule.ATTEMPT_CAP)
    assert cap.until == NIGHT + timedelta(hours=24)


def test_no_word_of_the_gate_holds_a_number() -> None:
    asked = facts(recent_calls=[OPEN] * 4)
    for verdict in GATE.explain(asked, NIGHT):
        assert "5550123" not in verdict.reason + verdict.demands


def test_the_history_that_is_needed_covers_the_longest_cap() -> None:
    assert GATE.history_needed == timedelta(hours=72)
    month = {"attempt_caps": [{"calls": 6, "within_hours": 720}]}
    book = standard_rules().with_overlay({"version": "t", "jurisdictions": {"AU": month}})
    assert Gate(book).history_needed == timedelta(hours=720)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.lists(st.timedeltas(timedelta(0), timedelta(hours=30)), max_size=6),
)
def test_without_any_law_the_gate_says_yes_at_the_next_instant(now: datetime, ages: list[timedelta]) -> None:
    plain = facts(places=unplaced(["America/New_York"]), recent_calls=[now - age for age in ages])
    decision = CAMPAIGN_ONLY.check(plain, now)
    if not decision.allowed:
        assert decision.next_at is not None
        assert CAMPAIGN_ONLY.check(plain, decision.next_at).allowed
