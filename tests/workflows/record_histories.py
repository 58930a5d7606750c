"""Record the histories anew: `python -m tests.workflows.record_histories`.

Only where no lead of an earlier version can be alive any more: a history that no longer replays is a lead that would
be stuck. Otherwise guard the change with `workflow.patched`, and add a scenario.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from cadenza.operations.embedded_temporal import temporal_program
from cadenza.temporal.search_attributes import SEARCH_ATTRIBUTES
from tests.workflows.scenarios import SCENARIOS
from tests.workflows.stage import LeadOnStage, Stage

FOLDER = Path(__file__).parent / "histories"


async def record() -> None:
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_existing_path=temporal_program(),
        dev_server_extra_args=["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"],
    )
    client = environment.client
    second = await Client.connect(
        client.service_client.config.target_host, namespace=client.namespace, data_converter=client.data_converter
    )
    stage = Stage()
    general, dial = stage.workers(client, second)
    async with general, dial:
        for name, scenario in SCENARIOS.items():
            lead = LeadOnStage(environment, stage)
            await scenario(lead)
            await lead.result()
            history = await lead.handle.fetch_history()
            text = json.dumps(_scrubbed(json.loads(history.to_json())), indent=1, sort_keys=True)
            (FOLDER / f"{name}.json").write_text(text + "\n")
            print(f"{name}: {len(history.events)} events")
    await asyncio.sleep(0.4)
    await environment.shutdown()


def _scrubbed(value: Any) -> Any:
    """Without what tells of the machine it was recorded on: worker identities and stack traces."""
    if isinstance(value, list):
        return [_scrubbed(one) for one in value]
    if isinstance(value, dict):
        return {
            name: "recorder" if name == "identity" else _scrubbed(one)
            for name, one in value.items()
            if name != "stackTrace"
        }
    if isinstance(value, str) and "@" in value:
        return "recorder"  # a sticky queue, named after process and machine
    return value


if __name__ == "__main__":
    asyncio.run(record())
    sys.stdout.flush()
    os._exit(0)  # temporalio may crash a short-lived interpreter at its exit (sdk-python#300)
