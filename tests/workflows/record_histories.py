"""Record histories: `python -m tests.workflows.record_histories [--all | scenario ...]`; alone, those that are missing.

`--all` only where no workflow of an earlier version can be alive any more: a history that no longer replays is a lead
that would be stuck. Otherwise guard the change with `workflow.patched`, and add a scenario for it.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from tests.support.temporal import running_temporal
from tests.workflows import histories
from tests.workflows.scenarios import LEADS, OTHERS
from tests.workflows.stage import LeadOnStage, Stage
from tests.workflows.vendors import House, Vendors


async def record(wanted: set[str]) -> None:
    async with running_temporal() as environment:
        stage, vendors = Stage(), Vendors()
        general, dial = stage.workers(environment.client, await _another(environment))
        async with general, dial, vendors.worker(await _another(environment), "others"):
            for name in sorted(wanted & LEADS.keys()):
                lead = LeadOnStage(environment, stage)
                await LEADS[name](lead)
                await _keep(environment, name, lead.handle)
            for name in sorted(wanted & OTHERS.keys()):
                await _keep(environment, name, await OTHERS[name](House(environment, vendors, "others")))


async def _another(environment: WorkflowEnvironment) -> Client:
    """Two workers of one client may not share a process."""
    client = environment.client
    return await Client.connect(
        client.service_client.config.target_host, namespace=client.namespace, data_converter=client.data_converter
    )


async def _keep(environment: WorkflowEnvironment, name: str, handle: WorkflowHandle[Any, Any]) -> None:
    """The histories of all its runs. A workflow that goes on for ever is ended."""
    with contextlib.suppress(WorkflowFailureError, TimeoutError):
        async with asyncio.timeout(10):
            await handle.result()
    runs = [await handle.fetch_history()]
    while before := _run_before(runs[0]):
        runs.insert(0, await environment.client.get_workflow_handle(handle.id, run_id=before).fetch_history())
    for number, history in enumerate(runs, 1):
        histories.write(f"{name}.{number}" if len(runs) > 1 else name, history)
    print(f"{name}: {', '.join(str(len(history.events)) for history in runs)} events")
    with contextlib.suppress(Exception):  # it has ended
        await handle.terminate()


def _run_before(history: WorkflowHistory) -> str:
    return history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", choices=[[], *LEADS, *OTHERS])
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)  # activities fail as they are told to
    everything = LEADS.keys() | OTHERS.keys()
    kept = {histories.scenario_of(name) for name in histories.names()}
    if arguments.all:
        for path in histories.FOLDER.glob("*"):
            path.unlink()
    asyncio.run(record(set(everything) if arguments.all else set(arguments.scenarios) or everything - kept))
    sys.stdout.flush()
    os._exit(0)  # temporalio may crash a short-lived interpreter at its exit (sdk-python#300)


if __name__ == "__main__":
    main()
