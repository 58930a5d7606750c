"""The names by which other processes reach the workflows are the names the workflows have."""

from typing import get_type_hints

import pytest
from temporalio import activity, workflow

from cadenza.domain import messages
from cadenza.temporal.lead_client import SIGNAL_NAMES
from workflows.dialer import DialerWorkflow
from workflows.lead import LeadRun, LeadWorkflow
from workflows.prepare_campaign import PrepareCampaignWorkflow
from workflows.recording import RecordingWorkflow
from workflows.registry import ACTIVITIES, DIAL_ACTIVITIES, WORKFLOWS


def definition(of: type) -> workflow._Definition:
    return workflow._Definition.must_from_class(of)


def test_every_signal_of_the_client_is_one_of_the_workflow_and_the_other_way_round() -> None:
    signals = definition(LeadWorkflow).signals
    assert set(SIGNAL_NAMES.values()) == {name for name in signals if name is not None}
    for kind, name in SIGNAL_NAMES.items():
        hints = get_type_hints(signals[name].fn)
        assert kind in hints.values(), f"{name} takes another message"


def test_updates_and_query_have_the_client_s_names() -> None:
    assert {"offer_slots", "book_appointment"} == set(definition(LeadWorkflow).updates)
    assert "status" in definition(LeadWorkflow).queries


@pytest.mark.parametrize(
    ("workflow_type", "name"),
    [
        (LeadWorkflow, messages.LEAD_WORKFLOW),
        (DialerWorkflow, messages.DIALER_WORKFLOW),
        (PrepareCampaignWorkflow, messages.PREPARE_CAMPAIGN_WORKFLOW),
        (RecordingWorkflow, messages.RECORDING_WORKFLOW),
    ],
)
def test_workflows_are_registered_under_the_kernel_s_names(workflow_type: type, name: str) -> None:
    assert definition(workflow_type).name == name
    assert workflow_type in WORKFLOWS


def test_the_client_s_start_is_understood_by_the_workflow() -> None:
    start = messages.LeadInput(campaign_id="cp_1", lead_id="ld_1")
    assert LeadRun.model_validate_json(start.model_dump_json()).highest_number == 0


def test_no_activity_is_registered_twice() -> None:
    names = [activity._Definition.must_from_callable(one).name for one in ACTIVITIES + DIAL_ACTIVITIES]
    assert len(names) == len(set(names))
