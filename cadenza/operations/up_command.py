"""`cadenza up`: the whole system in the foreground until Ctrl-C."""

import asyncio

from cadenza.operations.instance_lock import AlreadyRunning
from cadenza.operations.keeper import ProcessGivenUp
from cadenza.operations.listening import CannotListen, NotAListener
from cadenza.operations.port_check import PortsInUse
from cadenza.operations.postgres_home import EmbeddedServerError
from cadenza.operations.screen import console, error_console, show_error, show_state
from cadenza.operations.system import System, running_system
from cadenza.operations.user_requests import UserRequests
from cadenza.settings import Settings

START_FAILURES = (ProcessGivenUp, AlreadyRunning, PortsInUse, CannotListen, NotAListener, EmbeddedServerError)


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
    requests = UserRequests()
    requests.listen()
    console.print(f"Starting Cadenza (data and logs in {settings.data_dir.absolute()})")
    try:
        async with running_system(settings, listener=show_state, stop_asked=requests.stop_asked) as system:
            requests.watch(system)
            if not requests.stop_asked.is_set():
                _show_addresses(system)
            await requests.stop_asked.wait()
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
