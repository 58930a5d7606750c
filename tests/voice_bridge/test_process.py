"""The bridge as a process of its own: ready, serving, and a clean stop with exit code 0."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from cadenza.operations.processes import free_port
from cadenza.operations.readiness import is_ready
from cadenza.operations.rehearsal_environment import rehearsal_environment

pytestmark = pytest.mark.servers


def environment(data_dir: Path, port: int, **more: str) -> dict[str, str]:
    made = rehearsal_environment(data_dir, rehearsal_port=free_port(), bridge_port=port)
    return {**os.environ, **made, "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}", **more}


def wait_for(condition: object, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_bridge_serves_without_temporal_and_stops_cleanly(
    laid_out_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "voice_bridge"],
        env=environment(tmp_path, port, DATABASE_URL=laid_out_url),
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
    )
    try:
        wait_for(lambda: is_ready("bridge", tmp_path, process.pid) or process.poll() is not None)
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        assert httpx.get(f"http://127.0.0.1:{port}/health").json()["status"] == "ok"
        with psycopg.connect(laid_out_url) as connection:
            rows = connection.execute("select public_url, calls, draining from bridge_node").fetchall()
        assert rows == [(f"ws://127.0.0.1:{port}", 0, False)]
        process.send_signal(number)
        assert process.wait(15) == 0
        assert not is_ready("bridge", tmp_path)
        with psycopg.connect(laid_out_url) as connection:
            assert not connection.execute("select 1 from bridge_node").fetchall()
    finally:
        process.kill()
        process.wait()


def test_without_a_database_address_it_says_so_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "voice_bridge"],
        env={name: value for name, value in environment(tmp_path, free_port()).items() if name != "DATABASE_URL"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert b"DATABASE_URL" in done.stderr
