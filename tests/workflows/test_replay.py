"""Every recorded life replays with the code of today: a lead that sleeps for days wakes in a new version."""

from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.workflows.scenarios import SCENARIOS
from workflows.registry import WORKFLOWS, sandbox

FOLDER = Path(__file__).parent / "histories"
OF_THE_TEST_SERVER = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
}
HISTORIES = {path.stem: WorkflowHistory.from_json(path.stem, path.read_text()) for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("name", sorted(HISTORIES))
async def test_a_recorded_life_replays(name: str) -> None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=sandbox())
    await replayer.replay_workflow(HISTORIES[name])


def test_every_scenario_has_its_history() -> None:
    assert set(HISTORIES) >= set(SCENARIOS)


@pytest.mark.parametrize(("name", "most"), [("nobody_three_times", 75), ("three_attempts", 98)])
def test_a_life_stays_short(name: str, most: int) -> None:
    """Each event is stored and replayed for every lead: a million leads are a million histories."""
    own = [event for event in HISTORIES[name].events if event.event_type not in OF_THE_TEST_SERVER]
    assert len(own) <= most
