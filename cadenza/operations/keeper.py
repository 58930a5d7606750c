"""Keeps one process alive: starts it again when it dies, replaces it without a gap, and stops it.

Decisions are `restart_policy`'s; this is the shell that owns the process, its signals and its files. There is one
current process. Beside it there may be a successor that is starting, or a predecessor that finishes its work.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path

from cadenza.operations.child_process import ChildProcess, ProcessSpec
from cadenza.operations.process_log import ProcessLog
from cadenza.operations.processes import ProcessMark, end_leftover
from cadenza.operations.restart_policy import LeaveDown, ProcessLife, ProcessState

READY_POLL_SECONDS = 0.05
_UNREADY_GRACE_SECONDS = 2.0
"""For a successor that did not become ready: it has no work to finish."""

Listener = Callable[[str, ProcessState, str], None]
"""Told of each change: process, its state, a few words for people."""


class ProcessGivenUp(RuntimeError):
    """A process did not become ready in any of its first starts. `log_tail` holds its last words."""

    def __init__(self, name: str, log: Path, log_tail: str) -> None:
        super().__init__(f"{name} does not start; its log is {log}")
        self.name = name
        self.log = log
        self.log_tail = log_tail


class Keeper:
    """Owns one process from `start` to `stop`, which run once each. `replace` may run any number of times between."""

    def __init__(self, spec: ProcessSpec, run_dir: Path, log_dir: Path, listener: Listener) -> None:
        self.spec = spec
        self.life = ProcessLife(spec.policy)
        self.log = ProcessLog(log_dir, spec.name)
        self._pid_file = run_dir / f"{spec.name}.pid"
        self._beside_file = run_dir / f"{spec.name}.beside.pid"
        self._listener = listener
        self._current: ChildProcess | None = None
        self._children: list[ChildProcess] = []
        self._launching = asyncio.Lock()
        self._story: asyncio.Task[None] | None = None
        self._stop_asked = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The current process's pid, None while it is down."""
        return self._current.pid if self._current is not None and self._current.runs else None

    async def start(self) -> None:
        """Returns when the process is ready for the first time. Raises ProcessGivenUp."""
        first_ready = asyncio.get_running_loop().create_future()
        self._story = asyncio.create_task(self._keep(first_ready))
        await asyncio.wait([first_ready, self._story], return_when=asyncio.FIRST_COMPLETED)
        if self._story.done() and not self._story.cancelled() and (error := self._story.exception()):
            raise error

    async def replace(self) -> bool:
        """Start a new process beside the current one; once ready it takes over, and the old one finishes its work.

        False if the new one did not become ready, or the current one is down for long: then nothing has changed.
        """
        await self._until_up()
        async with self._launching:
            old = self._current
            if old is None or self.life.state is not ProcessState.READY:
                self._tell(self.life.state, "not replaced")
                return False
            started = time.monotonic()
            self._tell(self.life.state, "a new process starts beside it")
            new = await self._launch()
            self._note(self._beside_file, new)
            if not (await self._becomes_ready(new, started) and self.life.on_successor_ready(time.monotonic())):
                await self._give_up(new)
                return False
            self._current = new
            self._note(self._pid_file, new)
            self._note(self._beside_file, old)
            old.off_duty.set()
        self._tell(self.life.state, f"replaced in {time.monotonic() - started:.1f} s; the old process finishes")
        if not await old.end(self.spec.stop_signal, self.spec.grace_seconds):
            self._tell(self.life.state, f"the old process did not stop within {self.spec.grace_seconds:g} s: killed")
        self._beside_file.unlink(missing_ok=True)
        return True

    async def stop(self) -> None:
        """Stop whatever runs, with its grace time."""
        if self._story is None:
            return
        self._ask_to_stop()
        self._stop_asked.set()
        if not await self._all_ended(self.spec.grace_seconds):
            self._tell(ProcessState.STOPPING, f"did not stop within {self.spec.grace_seconds:g} s: killed")
            self.kill()
            await self._all_ended(None)
        self._pid_file.unlink(missing_ok=True)
        self._beside_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL to everything that still runs."""
        for child in self._children:
            child.send(signal.SIGKILL)

    def _ask_to_stop(self) -> None:
        self.life.on_stop_asked()
        if self.life.state is ProcessState.STOPPING and self._current is not None:
            self._tell(ProcessState.STOPPING, "")
            self._current.send(self.spec.stop_signal)

    async def _all_ended(self, patience_seconds: float | None) -> bool:
        assert self._story is not None, "not started"
        ends = [self._story, *(child.ended for child in self._children)]
        _, late = await asyncio.wait(ends, timeout=patience_seconds)
        return not late

    # The story

    async def _keep(self, first_ready: "asyncio.Future[None]") -> None:
        current = await self._start_alone()
        while True:
            watch = asyncio.create_task(self._watch_readiness(current, first_ready))
            await current.off_duty.wait()
            watch.cancel()
            if self._current is current and not await self._is_wanted_again(current):
                return
            async with self._launching:  # a successor that is starting at this moment may still take over
                if self._current is current:
                    if self._stop_asked.is_set():
                        return
                    await self._start_alone()
                assert self._current is not None
                current = self._current

    async def _is_wanted_again(self, dead: ChildProcess) -> bool:
        """Says how it ended, and waits for as long as the policy wants. Raises ProcessGivenUp."""
        decision = self.life.on_exited(time.monotonic())
        if isinstance(decision, LeaveDown):
            self._tell(self.life.state, "")
            if decision.given_up:
                raise ProcessGivenUp(self.spec.name, self.log.path, self.log.tail())
            return False
        self._tell(self.life.state, f"ended with {dead.ending}; starting it again in {decision.after:.1f} s")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(decision.after):
                await self._stop_asked.wait()
        return not self._stop_asked.is_set()

    async def _start_alone(self) -> ChildProcess:
        """Start the process where none runs."""
        if self._pid_file.exists() and (mark := ProcessMark.parse(self._pid_file.read_text())):
            await asyncio.to_thread(end_leftover, mark)
        if self.spec.prepare is not None:
            await asyncio.to_thread(self.spec.prepare)
        self._current = await self._launch()
        self.life.on_started(time.monotonic())
        self._note(self._pid_file, self._current)
        self._tell(ProcessState.STARTING, "")
        if self._stop_asked.is_set():  # asked while we were launching
            self._ask_to_stop()
        return self._current

    async def _launch(self) -> ChildProcess:
        child = await ChildProcess.launch(self.spec, self.log.path)
        self._children = [*(one for one in self._children if one.runs), child]
        return child

    def _note(self, pid_file: Path, child: ChildProcess) -> None:
        if child.mark is not None:
            pid_file.write_text(str(child.mark))

    # Readiness

    async def _until_up(self) -> None:
        """Wait for a process that died a moment ago; not for longer than one may take to become ready."""
        asked = time.monotonic()
        while self.life.is_coming_up:
            if self.spec.policy.is_overdue(time.monotonic() - asked):
                return
            await asyncio.sleep(READY_POLL_SECONDS)

    async def _watch_readiness(self, child: ChildProcess, first_ready: "asyncio.Future[None]") -> None:
        if self.life.state is not ProcessState.STARTING:  # it was ready before it took over
            return
        started = time.monotonic()
        while not await self._answers(child):
            if self.life.is_stuck(time.monotonic()):
                self._tell(self.life.state, f"not ready after {self.spec.policy.ready_within:g} s: ended")
                child.send(signal.SIGKILL)
                return
            await asyncio.sleep(READY_POLL_SECONDS)
        self.life.on_ready(time.monotonic())
        self._tell(self.life.state, f"in {time.monotonic() - started:.1f} s")
        if not first_ready.done():
            first_ready.set_result(None)

    async def _becomes_ready(self, child: ChildProcess, started: float) -> bool:
        while child.runs and not self._stop_asked.is_set():
            if await self._answers(child):
                return True
            if self.spec.policy.is_overdue(time.monotonic() - started):
                return False
            await asyncio.sleep(READY_POLL_SECONDS)
        return False

    async def _give_up(self, successor: ChildProcess) -> None:
        reason = "was not ready in time" if successor.runs else f"ended with {successor.ending}"
        await successor.end(self.spec.stop_signal, _UNREADY_GRACE_SECONDS)
        self._beside_file.unlink(missing_ok=True)
        if not self._stop_asked.is_set():
            self._tell(self.life.state, f"the new process {reason}: the old one stays")

    async def _answers(self, child: ChildProcess) -> bool:
        try:
            return await self.spec.is_ready(child.pid)
        except Exception as error:  # whatever a check trips over, the process is not ready
            self._tell(self.life.state, f"readiness check failed: {type(error).__name__}")
            await asyncio.sleep(1.0)
            return False

    def _tell(self, state: ProcessState, words: str) -> None:
        self._listener(self.spec.name, state, words)
