"""The leads of a chaos run: fictional, over every character and area; one campaign is held back by hours and cap."""

import csv
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.calling_hours import is_open
from cadenza.domain.phone_zones import number_places
from cadenza.domain.policy import CampaignPolicy
from cadenza.operations.chaos.campaigns import MOST_LEADS, home_zone, lead_file, plan_campaigns
from rehearsal.people.characters import Character, character_of

NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
LEADS = st.integers(min_value=10, max_value=MOST_LEADS)
SEEDS = st.integers(min_value=0, max_value=100)


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(leads=LEADS, seed=SEEDS)
def test_every_number_is_fictional_and_twice_in_no_campaign(leads: int, seed: int) -> None:
    plan = plan_campaigns(leads, seed, NOW)
    assert sum(len(campaign.numbers) for campaign in plan.all) == leads
    for campaign in plan.all:
        assert len(set(campaign.numbers)) == len(campaign.numbers)
        assert all(re.fullmatch(r"\+1\d{3}55501\d\d", number) for number in campaign.numbers)
    assert not set(plan.cancelled.numbers) & {*plan.finished.numbers, *plan.held_back.numbers}


@pytest.mark.parametrize("leads", [9, MOST_LEADS + 1])
def test_too_few_or_too_many_are_refused(leads: int) -> None:
    with pytest.raises(ValueError, match="leads must be"):
        plan_campaigns(leads, 1, NOW)


@given(seed=SEEDS)
def test_a_run_of_sixty_meets_every_character_but_the_one_that_wants_a_callback_tomorrow(seed: int) -> None:
    numbers = [number for campaign in plan_campaigns(60, seed, NOW).all for number in campaign.numbers]
    assert {character_of(number) for number in numbers} == set(Character) - {Character.CALLBACK_TOMORROW}


def test_without_talkers_nobody_talks_for_long() -> None:
    numbers = [number for campaign in plan_campaigns(100, 1, NOW, talkers=False).all for number in campaign.numbers]
    characters = {character_of(number) for number in numbers}
    assert Character.NOT_INTERESTED in characters
    assert not characters & {Character.INTERESTED, Character.OBJECTS, Character.SILENT, Character.ASKS_ROBOT}


@pytest.mark.no_cover  # many examples of lines that other tests cover
@given(minutes=st.integers(min_value=0, max_value=60 * 24 * 365), seed=SEEDS)
def test_the_held_back_campaign_is_open_in_the_east_and_closed_far_away_whenever_the_run_begins(
    minutes: int, seed: int
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    plan = plan_campaigns(300, seed, now)
    hours = CampaignPolicy.model_validate(plan.held_back.policy).calling_hours
    far = [number for number in plan.held_back.numbers if number not in plan.finished.numbers]
    shared = [number for number in plan.held_back.numbers if number in plan.finished.numbers]
    assert len(far) >= len(plan.held_back.numbers) // 2
    assert shared
    assert all(is_open(hours, now, [home_zone(number)]) for number in shared)
    for later in range(4):
        assert not any(is_open(hours, now + timedelta(hours=later), [home_zone(number)]) for number in far)


def test_each_number_is_where_the_plan_says() -> None:
    for campaign in plan_campaigns(MOST_LEADS, 1, NOW).all:
        for number in campaign.numbers:
            assert any(home_zone(number) in place.zones for place in number_places(number))


def test_policies_are_those_of_the_kernel() -> None:
    for campaign in plan_campaigns(20, 1, NOW).all:
        CampaignPolicy.model_validate(campaign.policy)


def test_the_file_has_one_row_for_each_number() -> None:
    rows = list(csv.DictReader(lead_file(("+12125550100", "+12125550101")).splitlines()))
    assert [row["Phone"] for row in rows] == ["+12125550100", "+12125550101"]
