"""`cadenza up` as a process: what it says, and how it ends."""

import asyncio
import fcntl
import os
import pty
import signal
import socket
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.listening import lending, listen
from cadenza.operations.processes import port_is_free
from cadenza.operations.restart_command import restart_running
from cadenza.settings import Settings
from tests.support.supervised import who_answers

pytestmark = [pytest.mark.servers, pytest.mark.computes(60)]

SCRIPT = """
import sys
from cadenza.operations import system, up_command
from cadenza.operations.restart_command import restart_running
from cadenza.settings import Settings
system._command = lambda name: {command}
system._LEFTOVER_PATIENCE_SECONDS = 0.0
sys.exit(up_command.run_system(Settings.model_validate_json({settings!r})))
"""
STAND_IN = "[sys.executable, '-m', 'tests.support.stub_process', name]"
STUBBORN = "[sys.executable, '-m', 'tests.support.stub_process', name, '--slow-stop', '60']"
BROKEN = "[sys.executable, '-c', 'raise SystemExit(\"no such table\")']"


def connected(settings: Settings) -> "psycopg.Connection[Any]":
    """A connection to the embedded database of the running system."""
    folder = settings.data_dir / "postgres"
    return psycopg.connect(EmbeddedPostgres(folder, port=int((folder / "port").read_text())).url)


@asynccontextmanager
async def up(
    settings: Settings, command: str, lent: socket.socket | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    script = SCRIPT.format(command=command, settings=settings.model_dump_json())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(lending("api", lent) if lent else {})},
        pass_fds=[lent.fileno()] if lent else [],
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


async def test_it_says_where_things_are_and_stops_cleanly(new_settings: Settings) -> None:
    settings = new_settings
    async with up(settings, STAND_IN) as process:
        said = await said_until(process, "Ctrl-C stops it")
        assert f"http://127.0.0.1:{settings.api_port}/" in said
        assert f"http://127.0.0.1:{settings.temporal_ui_port}/" in said
        await stops_cleanly(process, settings, signal.SIGINT)


async def stops_cleanly(process: asyncio.subprocess.Process, settings: Settings, number: signal.Signals) -> None:
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


def noted_pids(settings: Settings) -> dict[str, str]:
    return {file.stem: file.read_text() for file in (settings.data_dir / "run").glob("*.pid")}


async def test_restart_replaces_our_processes_and_leaves_the_servers(settings: Settings) -> None:
    async with up(settings, STAND_IN) as process:
        await said_until(process, "Ctrl-C stops it")
        before = noted_pids(settings)
        with connected(settings) as connection:
            laid = connection.execute("select version_num from alembic_version").fetchone()
            connection.execute("update alembic_version set version_num = '0001'")
        restart_running(settings)
        await said_until(process, "nothing was restarted")  # code that cannot lay the tables
        assert noted_pids(settings) == before
        with connected(settings) as connection:
            connection.execute("update alembic_version set version_num = %s", laid)
        assert restart_running(settings) == 0
        said = await said_until(process, "Restarted\n")
        assert "worker     ready replaced in" in said
        after = noted_pids(settings)
        assert {name for name in before if before[name] != after[name]} == {"worker", "bridge", "api"}
        await stops_cleanly(process, settings, signal.SIGTERM)


async def test_a_restart_before_everything_is_up_or_during_another_changes_nothing(settings: Settings) -> None:
    async with up(settings, STUBBORN) as process:
        await said_until(process, "postgres   ready")
        restart_running(settings)
        said = await said_until(process, "Ctrl-C stops it")
        assert "Not restarted: not everything is up" in said
        assert "replaced" not in said
        restart_running(settings)
        await said_until(process, "the old process finishes")
        restart_running(settings)
        await said_until(process, "Not restarted: a restart is under way already")


def test_a_restart_of_nothing_says_so(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert restart_running(settings) == 1
    assert f"no `cadenza up` runs with the data folder {settings.data_dir}" in capsys.readouterr().err


@pytest.mark.parametrize("nohup", [False, True])
async def test_closing_the_terminal_ends_it_unless_it_was_told_to_ignore_that(settings: Settings, nohup: bool) -> None:
    ours, its = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT.format(command=STAND_IN, settings=settings.model_dump_json())),
        stdin=its,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=lambda: take_terminal(its, nohup),
    )
    os.close(its)
    try:
        await said_until(process, "Ctrl-C stops it")
        os.close(ours)
        if nohup:
            await asyncio.sleep(1.0)
            assert restart_running(settings) == 0
            await said_until(process, "Restarted\n")
        else:
            async with asyncio.timeout(10):
                assert await process.wait() == -signal.SIGHUP
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def take_terminal(terminal: int, nohup: bool) -> None:
    """Make it the terminal of this process, in a session of its own, as a window's shell does."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)  # whoever runs the tests may ignore it


async def test_a_process_that_does_not_start_is_named_with_its_last_words(settings: Settings) -> None:
    async with up(settings, BROKEN) as process:
        said = await rest_of(process)
        assert process.returncode == 1
    assert "does not start" in said and "no such table" in said
    assert str(Path(settings.data_dir) / "logs") in said


async def test_a_taken_port_ends_it_at_once_with_the_fix(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.api_port)):
        async with up(settings, STAND_IN) as process:
            said = await rest_of(process)
            assert process.returncode == 2
    assert f"port {settings.api_port} is in use by" in said and "set API_PORT" in said


async def test_an_address_that_is_not_of_this_machine_ends_it_at_once_with_the_fix(settings: Settings) -> None:
    async with up(settings.model_copy(update={"bridge_host": "192.0.2.1"}), STAND_IN) as process:
        said = await rest_of(process)
        assert process.returncode == 2
    assert f"cannot listen on 192.0.2.1 port {settings.bridge_port}" in said and "set BRIDGE_HOST" in said


async def test_a_socket_that_was_lent_to_it_outlives_it(settings: Settings) -> None:
    with listen("api", "127.0.0.1", settings.api_port) as lent:
        async with up(settings, STAND_IN, lent) as killed:
            await said_until(killed, "Ctrl-C stops it")
            first = await who_answers(settings.api_port)
        asking = asyncio.create_task(who_answers(settings.api_port, patience_seconds=60))
        async with up(settings, STAND_IN, lent):
            assert await asking != first
