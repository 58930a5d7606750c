"""What can be done to the system is found out from the system."""

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cadenza.operations.chaos import under_test as under_test_module
from cadenza.operations.chaos.schedule import Target
from cadenza.operations.chaos.under_test import UnderTest, _catches, chaos_environment
from cadenza.operations.demo.demo_command import demo_settings
from cadenza.operations.processes import port_is_free
from cadenza.settings import Settings

WAITS = """
import signal, sys
if sys.argv[1] == "deaf":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
else:
    signal.signal(signal.SIGHUP, lambda *_: None)
print("ready", flush=True)
signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells who handles what")
@pytest.mark.parametrize(("kind", "catches"), [("deaf", False), ("hears", True)])
def test_a_supervisor_that_does_not_know_the_signal_is_not_killed_by_it(kind: str, catches: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS, kind], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert _catches(process.pid, signal.SIGHUP) is catches
        process.kill()


def test_nobody_catches_a_signal_for_a_process_that_is_gone() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert _catches(gone.pid, signal.SIGHUP) is False


def test_every_vendor_of_a_run_is_on_this_machine(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-real-key")
    environment = chaos_environment(tmp_path, seed=3, calls_per_second=7.5, lines=11)  # type: ignore[arg-type]
    addresses = [value for name, value in environment.items() if name.endswith(("_URL", "_STREAMING_URL")) and value]
    assert addresses
    assert all("127.0.0.1" in address for address in addresses)
    assert "a-real-key" not in environment.values()
    settings = demo_settings(environment)
    assert (settings.calls_per_second, settings.max_lines, settings.rehearsal_seed) == (7.5, 11, 3)


SERVES = """
import os, socket, sys, time
for name in ("API", "BRIDGE"):
    lent = socket.socket(fileno=int(os.environ[f"CADENZA_LISTEN_FD_{name}"]))
    print(name, lent.getsockname()[1], flush=True)
time.sleep(60)
"""


async def test_the_ports_of_api_and_bridge_outlive_the_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = chaos_environment(tmp_path, seed=1, calls_per_second=1.0, lines=1)
    settings = demo_settings(environment)

    async def is_up(*_: object) -> None:
        return None

    monkeypatch.setattr(UnderTest, "_until", is_up)
    under_test = UnderTest(settings, environment, [sys.executable, "-c", SERVES])
    monkeypatch.setattr(under_test_module, "_WORLD", [sys.executable, "-c", "import time; time.sleep(60)"])
    ports = [settings.api_port, settings.bridge_port]
    await under_test.start()
    try:
        assert under_test.kill(Target.SUPERVISOR)
        while not under_test.keep_up():
            await asyncio.sleep(0.02)
        for port in ports:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()  # nobody serves, and nobody is refused
        log = settings.data_dir / "logs" / "supervisor.log"
        async with asyncio.timeout(20):
            while log.read_text().count("\n") < 2:
                await asyncio.sleep(0.02)
        assert set(log.read_text().split("\n")) >= {f"API {ports[0]}", f"BRIDGE {ports[1]}"}
    finally:
        await under_test.stop()
    assert all(port_is_free(port) for port in ports)


async def test_each_rolling_restart_deploys_another_build_where_the_workers_are_versioned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = chaos_environment(tmp_path, seed=1, calls_per_second=1.0, lines=1, builds=True)
    monkeypatch.setattr(under_test_module, "_ROLL_PATIENCE", 0.0)
    under_test = UnderTest(demo_settings(environment), environment, ["never started"])
    seen = []
    for _ in range(2):
        assert not await under_test.roll()
        seen.append(Settings(_env_file=environment["CADENZA_ENV_FILE"]).worker_build_id)
    assert seen == ["build-1", "build-2"]
