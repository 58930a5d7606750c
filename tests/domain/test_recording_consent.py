"""Who is recorded: the campaign wishes, and the law of every place that the number may be in allows."""

import pytest

from cadenza.domain.candidate_places import candidate_places
from cadenza.domain.gate_question import GateFacts
from cadenza.domain.policy import CampaignPolicy
from tests.support.gates import LAW


@pytest.mark.parametrize(
    ("area", "wish", "is_recorded"),
    [
        ("213", {}, True),  # announced, and whoever stays on the line agrees
        ("213", {"record_where_all_must_consent": False}, False),  # California
        ("212", {"record_where_all_must_consent": False}, True),  # New York: one party's consent is enough
        ("212", {"record_calls": False}, False),
    ],
)
def test_a_call_is_recorded_as_the_campaign_wishes_and_the_place_allows(
    area: str, wish: dict[str, bool], is_recorded: bool
) -> None:
    places = candidate_places(f"+1{area}5550142")
    facts = GateFacts.model_construct(places=places, policy=CampaignPolicy(**wish))
    assert LAW.may_record(facts) is is_recorded


def test_of_several_places_the_strictest_counts() -> None:
    places = candidate_places("+12125550142") + candidate_places("+12135550142")
    policy = CampaignPolicy(record_where_all_must_consent=False)
    assert not LAW.may_record(GateFacts.model_construct(places=places, policy=policy))
