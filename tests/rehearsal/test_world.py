"""The whole rehearsal world as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cadenza.operations.demo.demo_command import REHEARSAL_PORTS
from cadenza.operations.processes import free_block


def start(data_dir: Path, first: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "rehearsal"],
        env={**os.environ, "DATA_DIR": str(data_dir), "REHEARSAL_PORT": str(first)},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", int, Path]]:
    first = free_block(REHEARSAL_PORTS)
    process = start(tmp_path, first)
    ready = tmp_path / "run" / "rehearsal.ready"
    try:
        until = time.monotonic() + 30
        while not ready.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        assert ready.exists(), "the world did not become ready"
        assert int(ready.read_text()) == process.pid
        yield process, first, tmp_path
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_world_serves_every_vendor_and_stops_cleanly(
    running: tuple["subprocess.Popen[str]", int, Path], number: signal.Signals
) -> None:
    process, first, data_dir = running
    for offset in range(REHEARSAL_PORTS):
        with socket.create_connection(("127.0.0.1", first + offset), timeout=5):
            pass
    truth = httpx.get(f"http://127.0.0.1:{first + 7}/truth", trust_env=False).json()
    assert [entry["kind"] for entry in truth] == ["world_started"]
    process.send_signal(number)
    assert process.wait(15) == 0
    assert not (data_dir / "run" / "rehearsal.ready").exists()


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    first = free_block(REHEARSAL_PORTS)
    with socket.create_server(("127.0.0.1", first + 7)):
        process = start(tmp_path, first)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "REHEARSAL_PORT" in said
    assert not (tmp_path / "run" / "rehearsal.ready").exists()
