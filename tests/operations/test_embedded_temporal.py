"""The embedded Temporal server and the file it is run from."""

import asyncio
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from cadenza.operations.embedded_temporal import DYNAMIC_CONFIG, RETENTION, EmbeddedTemporal, development_file
from cadenza.operations.processes import die_with_parent, free_port


def test_the_development_file_has_the_three_levels_of_scalars_that_temporal_reads() -> None:
    content = yaml.safe_load(development_file().read_text())
    for environments in content.values():
        for keys in environments.values():
            assert all(isinstance(value, str | int | bool) for value in keys.values())


def test_the_development_file_uses_only_names_that_the_program_knows() -> None:
    # An unknown name is ignored without a word, so a misspelt one would go unnoticed.
    keys = yaml.safe_load(development_file().read_text())["env"]["dev"]
    known = {"ip", "port", "ui-port", "db-filename", "sqlite-pragma", "dynamic-config-value", "address", "namespace"}
    assert set(keys) <= known
    assert keys["ui-port"] == 8233


def test_flags_win_over_the_file_and_repeat_its_one_dynamic_value(tmp_path: Path) -> None:
    command = EmbeddedTemporal(tmp_path, 17233, 18233, "outbound").command
    assert command[command.index("--port") + 1] == "17233"
    assert command[command.index("--ui-port") + 1] == "18233"
    assert command[command.index("--namespace") + 1] == "outbound"
    in_file = yaml.safe_load(development_file().read_text())["env"]["dev"]["dynamic-config-value"]
    assert in_file in command
    assert {f"{name}={value}" for name, value in DYNAMIC_CONFIG.items()} <= set(command)


def test_without_a_port_for_it_there_is_no_user_interface(tmp_path: Path) -> None:
    command = EmbeddedTemporal(tmp_path, 17233, None).command
    assert "--headless" in command and "--ui-port" not in command


@pytest.mark.servers
async def test_the_server_comes_up_with_its_namespace_kept_for_a_month(tmp_path: Path) -> None:
    server = EmbeddedTemporal(tmp_path / "temporal", free_port(), None, "outbound")
    server.prepare()
    assert not await server.is_answering()
    process = subprocess.Popen(server.command, preexec_fn=die_with_parent(), stdout=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(30):
            while not await server.is_answering():
                await asyncio.sleep(0.1)
        client = await Client.connect(server.address, namespace="outbound")
        described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="outbound"))
        assert described.config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION == timedelta(days=30)
    finally:
        process.terminate()
        process.wait(10)
    assert (tmp_path / "temporal" / "temporal.db").exists()
