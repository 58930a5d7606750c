"""The leads of a chaos run: fictional, all different, over every character; the third campaign's hours are far away."""

import csv
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.calling_hours import is_open
from cadenza.domain.policy import CampaignPolicy
from cadenza.operations.chaos.campaigns import MOST_LEADS, lead_file, plan_campaigns
from cadenza.operations.demo.demo_command import HERE

NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


@given(leads=st.integers(min_value=10, max_value=MOST_LEADS), seed=st.integers(min_value=0, max_value=100))
def test_every_number_is_fictional_and_nobodys_else(leads: int, seed: int) -> None:
    numbers = [number for campaign in plan_campaigns(leads, seed, NOW).all for number in campaign.numbers]
    assert len(numbers) == len(set(numbers)) == leads
    assert all(re.fullmatch(r"\+1\d{3}55501\d\d", number) for number in numbers)


@pytest.mark.parametrize("leads", [9, MOST_LEADS + 1])
def test_too_few_or_too_many_are_refused(leads: int) -> None:
    with pytest.raises(ValueError, match="leads must be"):
        plan_campaigns(leads, 1, NOW)


@given(minutes=st.integers(min_value=0, max_value=60 * 24 * 365))
def test_the_third_campaign_is_closed_for_hours_whenever_the_run_begins(minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    hours = CampaignPolicy.model_validate(plan_campaigns(20, 1, now).closed.policy).calling_hours
    for later in range(0, 10):
        assert not is_open(hours, now + timedelta(hours=later), ["America/New_York"])


def test_policies_are_those_of_the_kernel() -> None:
    assert (HERE / "campaign.json").exists()
    for campaign in plan_campaigns(20, 1, NOW).all:
        CampaignPolicy.model_validate(campaign.policy)


def test_the_file_has_one_row_for_each_number() -> None:
    rows = list(csv.DictReader(lead_file(("+12125550100", "+12125550101")).splitlines()))
    assert [row["Phone"] for row in rows] == ["+12125550100", "+12125550101"]
