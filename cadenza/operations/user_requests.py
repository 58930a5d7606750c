"""What people ask of a running system by signals: to stop, to be killed, to restart."""

import asyncio
import os
import signal

from cadenza.operations.screen import console, error_console, show_error
from cadenza.operations.system import System, TablesNotLaid


class UserRequests:
    """Ctrl-C or SIGTERM: the first asks for a clean stop, the second kills what is left. SIGHUP: a rolling restart."""

    def __init__(self) -> None:
        self.stop_asked = asyncio.Event()
        self._system: System | None = None
        self._restart: asyncio.Task[None] | None = None
        self._terminal = False
        self._hangup_is_ignored = False

    def listen(self) -> None:
        """Take the signals of the running loop."""
        loop = asyncio.get_running_loop()
        self._terminal = _has_terminal()
        self._hangup_is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def watch(self, system: System) -> None:
        """The system, now up, that is meant."""
        self._system = system

    def _on_stop(self) -> None:
        if not self.stop_asked.is_set():
            console.print("\nStopping (press Ctrl-C again to kill)")
            self.stop_asked.set()
        elif self._system is not None:
            self._system.supervisor.stop_at_once()

    def _on_hangup(self) -> None:
        if self._terminal and not _has_terminal():
            self._on_terminal_closed()
        elif self._system is None or self.stop_asked.is_set():
            console.print("Not restarted: not everything is up")
        elif self._restart is not None and not self._restart.done():
            console.print("Not restarted: a restart is under way already")
        else:
            self._restart = asyncio.create_task(self._restart_all(self._system))

    def _on_terminal_closed(self) -> None:
        """The terminal was closed, which sends the same signal: end as any program would, unless started by nohup.

        Nobody who closes a window wants calls to go on behind it.
        """
        self._terminal = False
        if not self._hangup_is_ignored:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)

    async def _restart_all(self, system: System) -> None:
        try:
            done = await system.restart()
        except TablesNotLaid as error:
            show_error(str(error))
            error_console.print(error.log_tail, markup=False)
        else:
            console.print("Restarted" if done else "Not everything was restarted: see above")


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
