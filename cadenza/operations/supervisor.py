"""Starts the processes of the system in order, keeps them alive, and stops them in reverse order."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cadenza.operations.child_process import ProcessSpec
from cadenza.operations.keeper import READY_POLL_SECONDS, Keeper, Listener
from cadenza.operations.listening import reserved
from cadenza.operations.restart_policy import ProcessState

_LOG_CHECK_SECONDS = 10.0


@dataclass(frozen=True)
class Stage:
    """Processes that start together once the stage before is ready; then `afterwards` runs once."""

    processes: Sequence[ProcessSpec]
    afterwards: Callable[[], Awaitable[None]] | None = None


class Supervisor:
    """Owns the stages' processes from `start` to `stop`. `start` and `stop` each run once."""

    def __init__(
        self, stages: Sequence[Stage], data_dir: Path, listener: Listener = lambda name, state, words: None
    ) -> None:
        self._stages = stages
        self._run_dir = data_dir / "run"
        self._log_dir = data_dir / "logs"
        self._listener = listener
        self._keepers: dict[str, Keeper] = {}
        self._ports = contextlib.ExitStack()
        self._housekeeping: asyncio.Task[None] | None = None
        self._restarting = asyncio.Lock()
        self._stopping = False

    async def start(self) -> None:
        """Start everything, stage by stage. Raises ProcessGivenUp; the caller then calls `stop`."""
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._housekeeping = asyncio.create_task(self._bound_logs())
        for stage in self._stages:
            for spec in stage.processes:
                for port in spec.own_ports:
                    self._ports.enter_context(reserved(port))
            keepers = [Keeper(spec, self._run_dir, self._log_dir, self._listener) for spec in stage.processes]
            self._keepers.update({keeper.spec.name: keeper for keeper in keepers})
            await asyncio.gather(*(keeper.start() for keeper in keepers))
            if stage.afterwards is not None:
                await stage.afterwards()

    async def restart(self) -> bool:
        """Replace every replaceable process, one after another, so that there is always one serving.

        False, and no further, at the first that cannot be replaced: new code that does not start stays out.
        """
        async with self._restarting:
            for keeper in list(self._keepers.values()):
                if self._stopping or (keeper.spec.is_replaceable and not await keeper.replace()):
                    return False
            return True

    async def stop(self) -> None:
        """Stop everything in reverse order of the stages, with each process's grace time."""
        self._stopping = True
        for stage in reversed(self._stages):
            keepers = [self._keepers[spec.name] for spec in stage.processes if spec.name in self._keepers]
            await asyncio.gather(*(keeper.stop() for keeper in keepers))
        async with self._restarting:  # one under way finds nothing left to replace, and ends
            pass
        self._ports.close()
        if self._housekeeping is not None:
            self._housekeeping.cancel()

    def stop_at_once(self) -> None:
        """Kill everything still running: the user pressed Ctrl-C twice. `stop`, if waiting, then returns."""
        for keeper in self._keepers.values():
            keeper.kill()

    def pid(self, name: str) -> int | None:
        """The running process's pid, None while it is down."""
        return self._keepers[name].pid

    def state(self, name: str) -> ProcessState:
        """Where the process is."""
        return self._keepers[name].life.state

    async def until_ready(self, name: str, patience_seconds: float = 30.0) -> None:
        """Wait until a process is (again) ready. Raises TimeoutError."""
        async with asyncio.timeout(patience_seconds):
            while True:
                if self.state(name) is ProcessState.READY:
                    return
                await asyncio.sleep(READY_POLL_SECONDS)

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOG_CHECK_SECONDS)
            for keeper in self._keepers.values():
                keeper.log.keep_within_limit()
