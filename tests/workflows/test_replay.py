"""Every path's history replays with the code of today: a lead that sleeps for days wakes in a new version."""

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
import pytest_asyncio

from tests.workflows import histories
from tests.workflows.replay import replay
from tests.workflows.scenarios import LEADS, OTHERS

KEPT = histories.names()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def failures() -> Mapping[str, Exception]:
    return await replay(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_history_replays(failures: Mapping[str, Exception], name: str) -> None:
    if name in failures:
        raise failures[name]


def test_every_scenario_has_its_history() -> None:
    """Record what is missing: `python -m tests.workflows.record_histories`. A history may outlive its scenario."""
    assert not (LEADS.keys() | OTHERS.keys()) - {histories.scenario_of(name) for name in KEPT}


def test_every_line_of_the_workflows_is_replayed_by_some_history() -> None:
    """A line that none runs is a path without a scenario."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.workflows.replayed_lines"],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    missed = {module: lines for module, lines in json.loads(found.stdout).items() if lines}
    assert not missed, "add a scenario that goes there, and record its history"


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("nobody_three_times", 63),
        ("machine_then_nobody_then_voicemail", 99),
        ("booked_in_the_call", 57),
        ("talked_to_and_not_interested", 39),
    ],
)
def test_a_life_stays_short(name: str, most: int) -> None:
    """Each event is stored and replayed for every lead: a million leads are a million histories."""
    assert histories.count_events(histories.read(name)).total() <= most
