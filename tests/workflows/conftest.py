"""One pair of workers with fake activities for all workflow tests; scripts are kept apart by lead."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.workflows.stage import LeadOnStage, Stage


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(temporal_env: WorkflowEnvironment) -> AsyncIterator[Stage]:
    client = temporal_env.client
    second = await Client.connect(
        client.service_client.config.target_host, namespace=client.namespace, data_converter=client.data_converter
    )
    stage = Stage()
    general, dial = stage.workers(client, second)
    async with general, dial:
        yield stage


@pytest.fixture
def new_lead(temporal_env: WorkflowEnvironment, stage: Stage) -> Callable[..., LeadOnStage]:
    def make(**script: Any) -> LeadOnStage:
        return LeadOnStage(temporal_env, stage, **script)

    return make
