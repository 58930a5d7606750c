"""No caller is refused while the only process behind a port is dead: the socket is the supervisor's."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from cadenza.operations.listening import listen
from cadenza.operations.processes import port_is_free
from cadenza.operations.supervisor import Stage, Supervisor
from tests.support.supervised import Callers, serving, stub, who_answers


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("api", "127.0.0.1", 0) as made:
        yield made


@pytest.fixture
def port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


@asynccontextmanager
async def supervised(listener: socket.socket, data_dir: Path) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor([Stage([serving(stub("api", data_dir), listener)])], data_dir)
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def kill(supervisor: Supervisor, number: signal.Signals) -> int:
    """Send the signal to the process and wait until it is gone: its pid."""
    pid = supervisor.pid("api")
    assert pid is not None
    os.kill(pid, number)
    async with asyncio.timeout(10):
        while psutil.pid_exists(pid):
            await asyncio.sleep(0.005)
    return pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_request_made_while_the_process_is_dead_is_answered_by_its_successor(
    listener: socket.socket, port: int, tmp_path: Path, number: signal.Signals
) -> None:
    async with supervised(listener, tmp_path) as supervisor:
        first = await who_answers(port)
        assert await kill(supervisor, number) == first
        assert await who_answers(port) not in {first, 0}


async def test_nobody_is_refused_while_the_process_is_killed_again_and_again(
    listener: socket.socket, port: int, tmp_path: Path
) -> None:
    kills = 5
    async with supervised(listener, tmp_path) as supervisor, Callers(port) as callers:
        for _ in range(kills):
            await callers.until_answers(60)
            await kill(supervisor, signal.SIGKILL)
        await callers.until_answers(60)
    assert callers.refused == 0
    assert len(callers.answers) >= 300
    assert len(set(callers.answers)) == kills + 1
    assert callers.cut <= kills * callers.count  # those whom the process was just answering


async def test_a_clean_end_cuts_nobody_off(listener: socket.socket, port: int, tmp_path: Path) -> None:
    async with supervised(listener, tmp_path) as supervisor, Callers(port) as callers:
        for _ in range(3):
            await callers.until_answers(60)
            await kill(supervisor, signal.SIGTERM)
        await callers.until_answers(60)
    assert (callers.refused, callers.cut) == (0, 0)
    assert len(set(callers.answers)) == 4


async def test_the_port_is_free_once_the_socket_is_closed(tmp_path: Path) -> None:
    with listen("api", "127.0.0.1", 0) as listener:
        port = int(listener.getsockname()[1])
        async with supervised(listener, tmp_path):
            await who_answers(port)
        assert not port_is_free(port)
    assert port_is_free(port)
