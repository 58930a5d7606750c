"""A process to supervise, and one run of it from its launch to its end.

Children get a session of their own, so that Ctrl-C reaches us and not them, and are tied to our life, so that they do
not outlive even SIGKILL.
"""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cadenza.operations.processes import ProcessMark, die_with_parent
from cadenza.operations.restart_policy import RestartPolicy


@dataclass(frozen=True)
class ProcessSpec:
    """One process to supervise."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[int], Awaitable[bool]]
    """Asked again and again with the pid until it says yes."""
    environment: Mapping[str, str] | None = None
    """The whole environment of the process; None inherits ours."""
    prepare: Callable[[], None] | None = None
    """Run in a thread before each start, but not before a successor's."""
    popen_options: Mapping[str, Any] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    """Time between `stop_signal` and SIGKILL."""
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    own_ports: Sequence[int] = ()
    """Ports of this machine that the process binds by itself, kept for it while it is down."""
    is_replaceable: bool = False
    """Two of it may run at the same time, so a rolling restart starts the new one beside the old one."""


class ChildProcess:
    """One run. `off_duty` is set when it has ended, or when its successor serves."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.mark = ProcessMark.of(process.pid)
        self.off_duty = asyncio.Event()
        self.ended = asyncio.create_task(process.wait())
        """Its result is the exit code, negative for a signal."""
        self.ended.add_done_callback(lambda ended: self.off_duty.set())

    @classmethod
    async def launch(cls, spec: ProcessSpec, log: Path) -> "ChildProcess":
        """Start it; what it prints goes to the end of `log`."""
        options = {"preexec_fn": die_with_parent(), **spec.popen_options}
        options.setdefault("env", spec.environment)
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *spec.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **options,
            )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.returncode is None

    @property
    def ending(self) -> str:
        """How it ended, for people."""
        code = self._process.returncode
        assert code is not None, "still running"
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.runs:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal_number)

    async def end(self, stop_signal: signal.Signals, grace_seconds: float) -> bool:
        """Ask it to stop, and kill it after the grace time. False if it had to be killed."""
        self.send(stop_signal)
        _, late = await asyncio.wait([self.ended], timeout=grace_seconds)
        if late:
            self.send(signal.SIGKILL)
            await asyncio.wait(late)
        return not late
