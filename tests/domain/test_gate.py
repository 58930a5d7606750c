"""Pins down: the gate's order, its reasons, and that its next instant really is one at which it says yes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.domain.gate import GateFacts, Rule, check_gate, unplaced
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.policy import CampaignPolicy

OPEN = datetime(2026, 11, 17, 15, tzinfo=UTC)
NIGHT = datetime(2026, 11, 17, 5, tzinfo=UTC)


def facts(**changes: Any) -> GateFacts:
    plain: dict[str, Any] = {
        "campaign_state": CampaignState.RUNNING, "policy": CampaignPolicy(), "places": unplaced(["America/New_York"]),
        "suppressed": False,
    }  # fmt: skip
    return GateFacts(**(plain | changes))


def test_a_plain_lead_in_opening_hours_may_be_rung() -> None:
    assert check_gate(facts(), OPEN).allowed


@pytest.mark.parametrize(
    ("changes", "now", "rule", "is_final"),
    [
        ({"suppressed": True}, OPEN, Rule.SUPPRESSED, True),
        ({"suppressed": True, "campaign_state": CampaignState.CANCELLED}, OPEN, Rule.SUPPRESSED, True),
        ({"campaign_state": CampaignState.CANCELLED}, OPEN, Rule.CAMPAIGN_CANCELLED, True),
        ({"closed": True}, OPEN, Rule.LEAD_CLOSED, True),
        ({"campaign_state": CampaignState.PAUSED}, OPEN, Rule.CAMPAIGN_NOT_RUNNING, False),
        ({}, NIGHT, Rule.OUTSIDE_HOURS, False),
        ({"places": ()}, OPEN, Rule.NEVER_OPEN, True),
        ({"recent_calls": [OPEN - timedelta(hours=hour) for hour in (1, 2, 3)]}, OPEN, Rule.DAILY_CAP, False),
    ],
)
def test_each_rule_refuses_with_its_id(changes: dict[str, Any], now: datetime, rule: Rule, is_final: bool) -> None:
    decision = check_gate(facts(**changes), now)
    assert (decision.rule, decision.is_final) == (rule, is_final)
    assert decision.reason


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.lists(st.timedeltas(timedelta(0), timedelta(hours=30)), max_size=6),
)
def test_at_the_next_instant_the_gate_says_yes(now: datetime, ages: list[timedelta]) -> None:
    plain = facts(recent_calls=[now - age for age in ages])
    decision = check_gate(plain, now)
    if not decision.allowed:
        assert decision.next_at is not None
        again = check_gate(plain, decision.next_at)
        # One wait may end in front of another rule, never in the same place.
        assert again.allowed or (again.next_at is not None and again.next_at > decision.next_at)
