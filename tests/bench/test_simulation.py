"""The simulation in small: nobody is rung against a rule, everything is met, and the checker would notice."""

from datetime import timedelta

import pytest

from bench.simulated_world import START, Ledger, People, campaigns
from bench.simulation import simulate
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.rules.rule_book import standard_rules
from tests.support.servers import fresh_database

pytestmark = pytest.mark.no_cover


def test_a_small_simulation_breaks_no_rule(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        found = simulate(120, 0.6, lines=12, rate=10.0, url=url)
    assert found.ledger.violations == {}
    assert found.outcome.admitted > 60
    assert 1 <= max(found.outcome.lines) <= 12


def test_the_checker_notices_a_call_at_night_and_one_too_many() -> None:
    book = standard_rules()
    people = People.drawn(1, 50)
    ledger = Ledger(book, people, timedelta(days=30))
    phone = next(phone for phone in people.phones if phone.startswith("+1") and phone in people.consents)
    campaign = campaigns(8)[0]
    ledger.ring(campaign, phone, "", START + timedelta(hours=4))
    assert ledger.violations["outside_hours"]
    ended = people.answer("ld-1", phone, START, "America/New_York")
    for _ in range(3):
        ledger.hang_up(phone, START, ended)
        ledger.ring(campaign, phone, "", START + timedelta(hours=14))
    assert ledger.violations["daily_cap"]
    assert isinstance(ended.outcome, AttemptOutcome)
