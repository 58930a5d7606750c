"""`cadenza restart`: a rolling restart of the `cadenza up` that runs with the same data folder."""

import os
import signal

from cadenza.operations.instance_lock import running_instance
from cadenza.operations.screen import console, show_error
from cadenza.settings import Settings


def restart_running(settings: Settings) -> int:
    """Ask for it; returns the exit code: 1 if nothing runs. `cadenza up` tells how it goes."""
    pid = running_instance(settings.data_dir)
    if pid is None:
        show_error(f"no `cadenza up` runs with the data folder {settings.data_dir.absolute()}")
        return 1
    os.kill(pid, signal.SIGHUP)
    console.print(f"Asked Cadenza (pid {pid}) to restart its processes one after another; it tells how it goes")
    return 0
