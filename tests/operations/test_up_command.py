"""`cadenza up` as a process: what it says, and how it ends."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cadenza.operations.processes import free_port, port_is_free
from cadenza.settings import Settings
from tests.support.servers import open_folder

pytestmark = [pytest.mark.servers, pytest.mark.long(60)]

SCRIPT = """
import sys
from cadenza.operations import system, up_command
from cadenza.settings import Settings
system._command = lambda name: {command}
system._LEFTOVER_PATIENCE_SECONDS = 0.0
sys.exit(up_command.run_system(Settings.model_validate_json({settings!r})))
"""
STAND_IN = "[sys.executable, '-m', 'tests.support.stub_process', name]"
STUBBORN = "[sys.executable, '-m', 'tests.support.stub_process', name, '--slow-stop', '60']"
BROKEN = "[sys.executable, '-c', 'raise SystemExit(\"no such table\")']"


@pytest.fixture
def settings() -> Iterator[Settings]:
    with open_folder("cadenza-test-up-") as folder:
        yield Settings(
            data_dir=folder,
            api_port=free_port(),
            bridge_port=free_port(),
            temporal_embedded_port=free_port(),
            temporal_ui_port=free_port(),
        )


@asynccontextmanager
async def up(settings: Settings, command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    script = SCRIPT.format(command=command, settings=settings.model_dump_json())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said_until(process: asyncio.subprocess.Process, words: str) -> str:
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(60):
        while words not in said:
            line = await process.stdout.readline()
            assert line, said
            said += line.decode()
    return said


async def rest_of(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(60):
        rest, _ = await process.communicate()
    return rest.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_where_things_are_and_stops_cleanly(settings: Settings, number: signal.Signals) -> None:
    async with up(settings, STAND_IN) as process:
        said = await said_until(process, "Ctrl-C stops it")
        assert f"http://127.0.0.1:{settings.api_port}/" in said
        assert f"http://127.0.0.1:{settings.temporal_ui_port}/" in said
        process.send_signal(number)
        assert "Stopped" in await rest_of(process)
        assert process.returncode == 0
    assert port_is_free(settings.temporal_embedded_port)


async def test_a_second_ctrl_c_kills_what_is_slow_to_stop(settings: Settings) -> None:
    async with up(settings, STUBBORN) as process:
        await said_until(process, "Ctrl-C stops it")
        process.send_signal(signal.SIGINT)
        await said_until(process, "press Ctrl-C again to kill")
        await asyncio.sleep(0.3)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(9):  # less than any grace time
            await process.wait()


async def test_a_process_that_does_not_start_is_named_with_its_last_words(settings: Settings) -> None:
    async with up(settings, BROKEN) as process:
        said = await rest_of(process)
        assert process.returncode == 1
    assert "does not start" in said and "no such table" in said
    assert str(Path(settings.data_dir) / "logs") in said


async def test_a_taken_port_ends_it_at_once_with_the_fix(settings: Settings) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", settings.api_port))
        squatter.listen(1)
        async with up(settings, STAND_IN) as process:
            said = await rest_of(process)
            assert process.returncode == 2
    assert f"port {settings.api_port} is in use by" in said and "set API_PORT" in said
