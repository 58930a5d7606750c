"""`python -m api`: starts without Temporal, says when it serves, stops cleanly, and says why it cannot start."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from cadenza.operations.listening import lending, listen
from cadenza.operations.processes import free_port as find_free_port
from cadenza.operations.readiness import is_ready
from tests.support.servers import python_process

pytestmark = [pytest.mark.servers, pytest.mark.computes(30)]
START_SECONDS = 60


@contextmanager
def running(
    database_url: str, data_dir: Path, port: int, lent: socket.socket | None = None, **more: str
) -> Iterator["subprocess.Popen[bytes]"]:
    process = python_process(
        "-m",
        "api",
        environment={
            "DATABASE_URL": database_url,
            "DATA_DIR": str(data_dir),
            "API_PORT": str(port),
            "TEMPORAL_ADDRESS": "127.0.0.1:1",
            **(lending("api", lent) if lent else {}),
            **more,
        },
        pass_fds=[lent.fileno()] if lent else [],
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", data_dir: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_ready("api", data_dir, process.pid):
        assert process.poll() is None, "the process ended"
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.05)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_stops_cleanly(database_url: str, tmp_path: Path, free_port: int, stop: signal.Signals) -> None:
    with running(database_url, tmp_path, free_port) as process:
        wait_until_ready(process, tmp_path)
        key = (tmp_path / "api_key").read_text().strip()
        with httpx.Client(base_url=f"http://127.0.0.1:{free_port}", timeout=10) as http:
            assert http.get("/health").json() == {"status": "ok"}
            assert http.get("/health/ready").status_code == 503
            campaigns = http.get("/v1/campaigns", headers={"Authorization": f"Bearer {key}"})
            assert campaigns.json() == {"items": [], "next": None}
            assert "Cadenza" in http.get("/docs").text
        process.send_signal(stop)
        assert process.wait(timeout=20) == 0
        assert not is_ready("api", tmp_path)


@dataclass
class Callers:
    """Threads that ask for health again and again until the block ends, half of them on connections that they keep."""

    port: int
    answers: int = 0
    failures: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Callers":
        self._threads = [threading.Thread(target=self._ask, args=[kept]) for kept in (0, 1) * 3]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, kept_connections: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=kept_connections)
        with httpx.Client(limits=limits, timeout=20) as http:
            while not self._over.is_set():
                try:
                    http.get(f"http://127.0.0.1:{self.port}/health").raise_for_status()
                    self.answers += 1
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                time.sleep(0.005)


def test_a_process_that_stops_beside_its_successor_loses_no_request(laid_out_url: str, tmp_path: Path) -> None:
    with (
        listen("api", "127.0.0.1", 0) as lent,
        running(laid_out_url, tmp_path / "old", find_free_port(), lent) as old,
        running(laid_out_url, tmp_path / "new", find_free_port(), lent) as new,
    ):
        wait_until_ready(old, tmp_path / "old")
        wait_until_ready(new, tmp_path / "new")
        with Callers(lent.getsockname()[1]) as callers:
            time.sleep(1.0)
            old.send_signal(signal.SIGTERM)
            assert old.wait(timeout=20) == 0
            answered = callers.answers
            time.sleep(0.5)
        assert callers.answers > answered > 0
        assert callers.failures == []


def test_a_second_process_shares_the_database_and_the_key(database_url: str, tmp_path: Path) -> None:
    port, other = find_free_port(), find_free_port()
    with (
        running(database_url, tmp_path / "one", port) as first,
        running(database_url, tmp_path / "two", other) as second,
    ):
        wait_until_ready(first, tmp_path / "one")
        wait_until_ready(second, tmp_path / "two")
        keys = [path.read_text().strip() for path in tmp_path.glob("*/api_key")]
        assert len(keys) == 1
        for number in (port, other):
            answer = httpx.get(
                f"http://127.0.0.1:{number}/v1/campaigns", headers={"Authorization": f"Bearer {keys[0]}"}, timeout=10
            )
            assert answer.status_code == 200


def test_a_taken_port_ends_it_with_an_error(laid_out_url: str, tmp_path: Path, free_port: int) -> None:
    with listen("api", "127.0.0.1", free_port), running(laid_out_url, tmp_path, free_port) as process:
        assert process.wait(timeout=START_SECONDS) not in {0, None}
        assert not is_ready("api", tmp_path)


def test_without_a_database_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api"],
        env={**{name: os.environ[name] for name in os.environ if name != "DATABASE_URL"}, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr
