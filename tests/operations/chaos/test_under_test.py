"""What can be done to the system is found out from the system."""

import signal
import subprocess
import sys

import pytest

from cadenza.operations.chaos.under_test import _catches, chaos_environment
from cadenza.operations.demo.demo_command import demo_settings

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
