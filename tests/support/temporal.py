"""A real Temporal development server for tests, whose workflows' clocks can be moved one by one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from cadenza.operations.embedded_temporal import temporal_program
from cadenza.temporal.search_attributes import SEARCH_ATTRIBUTES

LONG_HISTORY = 200
"""Events after which this server tells a workflow to continue as new (a server's default is 4,096)."""


@asynccontextmanager
async def running_temporal() -> AsyncIterator[WorkflowEnvironment]:
    """`await environment.fast_forward(handle, by)` moves one workflow's clock."""
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_existing_path=temporal_program(),
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.WorkflowTimeSkippingEnabled=true",
            "--dynamic-config-value",
            f"limit.historyCount.suggestContinueAsNew={LONG_HISTORY}",
            "--sqlite-pragma",
            "journal_mode=wal",
        ],
    )
    yield environment
    # temporalio may crash the interpreter if it exits within moments of the last worker's end (sdk-python#300).
    await asyncio.sleep(0.4)
    await environment.shutdown()
