"""Starts the processes of the system in order, keeps them alive, and stops them in reverse order.

Decisions are `restart_policy`'s; this is the shell that owns processes, signals and files. Children get a session of
their own, so that Ctrl-C reaches us and not them, and are tied to our life, so that they do not outlive even SIGKILL.
"""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cadenza.operations.process_log import ProcessLog
from cadenza.operations.processes import ProcessMark, die_with_parent, end_leftover
from cadenza.operations.restart_policy import LeaveDown, ProcessLife, ProcessState, RestartPolicy

_READY_POLL_SECONDS = 0.05
_LOG_CHECK_SECONDS = 10.0


class ProcessGivenUp(RuntimeError):
    """A process did not become ready in any of its first starts. `log_tail` holds its last words."""

    def __init__(self, name: str, log: Path, log_tail: str) -> None:
        super().__init__(f"{name} does not start; its log is {log}")
        self.name = name
        self.log = log
        self.log_tail = log_tail


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
    """Run before each start, in a thread."""
    popen_options: Mapping[str, Any] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    """Time between `stop_signal` and SIGKILL."""
    policy: RestartPolicy = field(default_factory=RestartPolicy)


@dataclass(frozen=True)
class Stage:
    """Processes that start together once the stage before is ready; then `afterwards` runs once."""

    processes: Sequence[ProcessSpec]
    afterwards: Callable[[], Awaitable[None]] | None = None


Listener = Callable[[str, ProcessState, str], None]
"""Told of each change: process, its new state, a few words for people."""


class Supervisor:
    """Owns the stages' processes from `start` to `stop`. `start` and `stop` each run once."""

    def __init__(
        self, stages: Sequence[Stage], data_dir: Path, listener: Listener = lambda name, state, words: None
    ) -> None:
        self._stages = stages
        self._run_dir = data_dir / "run"
        self._log_dir = data_dir / "logs"
        self._listener = listener
        self._keepers: dict[str, _Keeper] = {}
        self._housekeeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start everything, stage by stage. Raises ProcessGivenUp; the caller then calls `stop`."""
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._housekeeping = asyncio.create_task(self._bound_logs())
        for stage in self._stages:
            keepers = [_Keeper(spec, self._run_dir, self._log_dir, self._listener) for spec in stage.processes]
            self._keepers.update({keeper.spec.name: keeper for keeper in keepers})
            await asyncio.gather(*(keeper.start() for keeper in keepers))
            if stage.afterwards is not None:
                await stage.afterwards()

    async def stop(self) -> None:
        """Stop everything in reverse order of the stages, with each process's grace time."""
        for stage in reversed(self._stages):
            keepers = [self._keepers[spec.name] for spec in stage.processes if spec.name in self._keepers]
            await asyncio.gather(*(keeper.stop() for keeper in keepers))
        if self._housekeeping is not None:
            self._housekeeping.cancel()

    def stop_at_once(self) -> None:
        """Kill everything still running: the user pressed Ctrl-C twice. `stop`, if waiting, then returns."""
        for keeper in self._keepers.values():
            keeper.send(signal.SIGKILL)

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
                await asyncio.sleep(_READY_POLL_SECONDS)

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOG_CHECK_SECONDS)
            for keeper in self._keepers.values():
                keeper.log.keep_within_limit()


class _Keeper:
    """Keeps one process alive."""

    def __init__(self, spec: ProcessSpec, run_dir: Path, log_dir: Path, listener: Listener) -> None:
        self.spec = spec
        self.life = ProcessLife(spec.policy)
        self.log = ProcessLog(log_dir, spec.name)
        self._pid_file = run_dir / f"{spec.name}.pid"
        self._listener = listener
        self._process: asyncio.subprocess.Process | None = None
        self._story: asyncio.Task[None] | None = None
        self._stop_asked = asyncio.Event()

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    def send(self, signal_number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None and self._process.returncode is None:
                self._process.send_signal(signal_number)

    async def start(self) -> None:
        """Returns when the process is ready for the first time. Raises ProcessGivenUp."""
        first_ready = asyncio.get_running_loop().create_future()
        self._story = asyncio.create_task(self._keep(first_ready))
        await asyncio.wait([first_ready, self._story], return_when=asyncio.FIRST_COMPLETED)
        if self._story.done() and not self._story.cancelled() and (error := self._story.exception()):
            raise error

    async def stop(self) -> None:
        if self._story is None:
            return
        self._ask_to_stop()
        self._stop_asked.set()
        try:
            async with asyncio.timeout(self.spec.grace_seconds):
                await asyncio.wait([self._story])
        except TimeoutError:
            self._tell(ProcessState.STOPPING, f"did not stop within {self.spec.grace_seconds:g} s: killed")
            self.send(signal.SIGKILL)
            await asyncio.wait([self._story])
        self._pid_file.unlink(missing_ok=True)

    def _ask_to_stop(self) -> None:
        self.life.on_stop_asked()
        if self.life.state is ProcessState.STOPPING:
            self._tell(ProcessState.STOPPING, "")
            self.send(self.spec.stop_signal)

    async def _keep(self, first_ready: "asyncio.Future[None]") -> None:
        while not self._stop_asked.is_set():
            started = time.monotonic()
            process = await self._launch()
            watch = asyncio.create_task(self._watch_readiness(process.pid, started, first_ready))
            code = await process.wait()
            watch.cancel()
            decision = self.life.on_exited(time.monotonic())
            if isinstance(decision, LeaveDown):
                self._tell(self.life.state, "")
                if decision.given_up:
                    raise ProcessGivenUp(self.spec.name, self.log.path, self.log.tail())
                return
            self._tell(self.life.state, f"ended with {_ending(code)}; starting it again in {decision.after:.1f} s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(decision.after):
                    await self._stop_asked.wait()
                    return

    async def _launch(self) -> asyncio.subprocess.Process:
        if self._pid_file.exists() and (mark := ProcessMark.parse(self._pid_file.read_text())):
            await asyncio.to_thread(end_leftover, mark)
        if self.spec.prepare is not None:
            await asyncio.to_thread(self.spec.prepare)
        options = {"preexec_fn": die_with_parent(), **self.spec.popen_options}
        options.setdefault("env", self.spec.environment)
        with self.log.path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,
            )
        self.life.on_started(time.monotonic())
        if mark := ProcessMark.of(self._process.pid):
            self._pid_file.write_text(str(mark))
        self._tell(ProcessState.STARTING, "")
        if self._stop_asked.is_set():  # asked while we were launching
            self._ask_to_stop()
        return self._process

    async def _watch_readiness(self, pid: int, started: float, first_ready: "asyncio.Future[None]") -> None:
        while not await self._answers(pid):
            if self.life.is_stuck(time.monotonic()):
                self._tell(self.life.state, f"not ready after {self.spec.policy.ready_within:g} s: ended")
                self.send(signal.SIGKILL)
                return
            await asyncio.sleep(_READY_POLL_SECONDS)
        self.life.on_ready(time.monotonic())
        self._tell(self.life.state, f"in {time.monotonic() - started:.1f} s")
        if not first_ready.done():
            first_ready.set_result(None)

    async def _answers(self, pid: int) -> bool:
        try:
            return await self.spec.is_ready(pid)
        except Exception as error:  # whatever a check trips over, the process is not ready
            self._tell(self.life.state, f"readiness check failed: {type(error).__name__}")
            await asyncio.sleep(1.0)
            return False

    def _tell(self, state: ProcessState, words: str) -> None:
        self._listener(self.spec.name, state, words)


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
