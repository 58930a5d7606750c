"""Replay kept histories with the code of today."""

from collections.abc import AsyncIterator, Iterable, Mapping

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.workflows import histories
from workflows.registry import WORKFLOWS, sandbox


async def replay(names: Iterable[str], workflows: list[type] = WORKFLOWS) -> Mapping[str, Exception]:
    """Those that fail, by name, with the reason."""
    kept = {name: histories.read(name) for name in names}
    of_run = {history.run_id: name for name, history in kept.items()}

    async def all_of_them() -> AsyncIterator[WorkflowHistory]:
        for history in kept.values():
            yield history

    replayer = Replayer(workflows=workflows, data_converter=pydantic_data_converter, workflow_runner=sandbox())
    results = await replayer.replay_workflows(all_of_them(), raise_on_replay_failure=False)
    return {of_run[run]: failure for run, failure in results.replay_failures.items()}
