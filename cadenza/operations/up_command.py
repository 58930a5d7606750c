"""`cadenza up`: the whole system in the foreground until Ctrl-C."""

import asyncio
import signal

from cadenza.operations.instance_lock import AlreadyRunning
from cadenza.operations.port_check import PortsInUse
from cadenza.operations.postgres_home import EmbeddedServerError
from cadenza.operations.screen import console, error_console, show_error, show_state
from cadenza.operations.supervisor import ProcessGivenUp
from cadenza.operations.system import System, running_system
from cadenza.settings import Settings


class StopRequest:
    """Ctrl-C or SIGTERM: the first asks for a clean stop, the second kills what is left."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._system: System | None = None

    def listen(self) -> None:
        """Take the signals of the running loop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)

    def watch(self, system: System) -> None:
        """The system that a second signal kills."""
        self._system = system

    def _on_signal(self) -> None:
        if not self.asked.is_set():
            console.print("\nStopping (press Ctrl-C again to kill)")
            self.asked.set()
        elif self._system is not None:
            self._system.supervisor.stop_at_once()


START_FAILURES = (ProcessGivenUp, AlreadyRunning, PortsInUse, EmbeddedServerError)


def explain(error: Exception) -> int:
    """Say why the system did not start; returns the exit code: 1 a process failed, 2 this machine needs a change."""
    show_error(str(error))
    if isinstance(error, ProcessGivenUp):
        error_console.print(error.log_tail, markup=False)
        return 1
    return 2


def run_system(settings: Settings) -> int:
    """Run until stopped; returns the exit code."""
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    stop = StopRequest()
    stop.listen()
    console.print(f"Starting Cadenza (data and logs in {settings.data_dir.absolute()})")
    try:
        async with running_system(settings, listener=show_state, stop_asked=stop.asked) as system:
            stop.watch(system)
            if not stop.asked.is_set():
                _show_addresses(system)
            await stop.asked.wait()
    except START_FAILURES as error:
        return explain(error)
    console.print("Stopped")
    # A temporalio client may crash the interpreter if it exits within moments of its last use (sdk-python#300).
    await asyncio.sleep(0.4)
    return 0


def _show_addresses(system: System) -> None:
    settings = system.settings
    for notice in system.notices:
        console.print(f"  note: {notice}", markup=False)
    console.print(f"\n  API          http://{settings.api_host}:{settings.api_port}/docs")
    if settings.temporal_address is None:
        console.print(f"  Temporal UI  http://127.0.0.1:{settings.temporal_ui_port}/")
    console.print("\nRunning; Ctrl-C stops it")
