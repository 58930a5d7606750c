"""The system under test as a stranger sees it: `cadenza up` in a process of its own, so that its supervisor can be
killed like everything else, and the rehearsal world beside it, which outlives all deaths and keeps the truth.

The sockets of API and bridge are held here and lent, as systemd would: they outlive the supervisor (docs/deploy.md)."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import psutil
import psycopg

from cadenza.operations.chaos.connections import can_cut, cut_connections
from cadenza.operations.chaos.schedule import Target
from cadenza.operations.demo.demo_command import REHEARSAL_PORTS, DemoPorts, demo_environment
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.listening import lending, listen
from cadenza.operations.processes import ProcessMark, die_with_parent, free_block
from cadenza.operations.readiness import is_ready
from cadenza.settings import Settings

_BLOCK = REHEARSAL_PORTS + 4
_WORLD = (sys.executable, "-m", "rehearsal")
_BUILD_FILE = "build.env"
_READY_PATIENCE = 90.0
_STOP_PATIENCE = 60.0
_ROLL_PATIENCE = 90.0
_ASK_AGAIN = 10.0
_REPLACED = (Target.WORKER, Target.BRIDGE, Target.API)
"""What a rolling restart replaces. The servers of the embedded kind go on: a cluster's own affair in production."""
_RENDERS_AT_ONCE = 12
"""Else the greetings of a first minute at this pace are not ready within the leases, and most admissions are wasted."""
_END_OTHER_BACKENDS = """
select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
"""


class DidNotStart(RuntimeError):
    """The system or the world under it does not come up; the message names the log."""


def chaos_environment(
    data_dir: Path, *, seed: int, calls_per_second: float, lines: int, builds: bool = False
) -> dict[str, str]:
    """Settings of every process of the run: rehearsal only, on a block of free ports. With `builds`, the workers are
    versioned, and each rolling restart deploys another build."""
    first = free_block(_BLOCK)
    after = first + REHEARSAL_PORTS
    ports = DemoPorts(rehearsal=first, api=after, bridge=after + 1, temporal=after + 2, temporal_ui=after + 3)
    return {
        **demo_environment(data_dir, ports),
        "CALLS_PER_SECOND": f"{calls_per_second:g}",
        "MAX_LINES": str(lines),
        "REHEARSAL_SEED": str(seed),
        "ELEVENLABS_RENDERS_AT_ONCE": str(_RENDERS_AT_ONCE),
        "BREAKER_ABANDONED_SHARE": "0",  # as in the campaigns' policy
        "BREAKER_OPT_OUT_SHARE": "0",
        "SIGNING_SECRET": "a-rehearsal-secret-long-enough-for-cadenza-up",
        "API_RATE_LIMIT": "6000/minute",
        "CADENZA_ENV_FILE": str(data_dir / _BUILD_FILE) if builds else "",
    }


class UnderTest:
    """World and system. `start`, then kill, freeze and revive at will, then `stop`."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], command: Sequence[str]) -> None:
        self.settings = settings
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self._command = command
        self._run_dir = settings.data_dir / "run"
        self._log_dir = settings.data_dir / "logs"
        self._world: subprocess.Popen[bytes] | None = None
        self._system: subprocess.Popen[bytes] | None = None
        self._frozen: list[psutil.Process] = []
        self._held = contextlib.ExitStack()
        self._lent: dict[str, socket.socket] = {}
        self._build_file = Path(name) if (name := environment.get("CADENZA_ENV_FILE")) else None
        self._build = 0
        self.starts = 0

    @property
    def database_url(self) -> str:
        """Address of the embedded database, which may move to another port when it is started again."""
        folder = self.settings.data_dir / "postgres"
        return EmbeddedPostgres(folder, port=int((folder / "port").read_text())).url

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.rehearsal_port + REHEARSAL_PORTS - 1}"

    async def start(self) -> None:
        """Start world and system and wait for the API. Raises DidNotStart."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._next_build()
        self._world = self._launch("world", _WORLD)
        await self._until(f"{self.control_url}/measures", "world")
        ours = self.settings
        for name, host, port in (
            ("api", ours.api_host, ours.api_port),
            ("bridge", ours.bridge_host, ours.bridge_port),
        ):
            self._lent[name] = self._held.enter_context(listen(name, host, port))
        self._launch_system()
        await self._until(f"{self.settings.cadenza_api_url}/health", "supervisor")

    def start_beside(self, name: str, module: str, lent: str) -> "subprocess.Popen[bytes]":
        """One more process of our own, on a socket that the system serves on too, and in nobody's care but the
        caller's. It keeps its own folder `name` in the data folder, and its log with the others."""
        settings = self.settings
        environment = {
            "DATA_DIR": str(settings.data_dir / name),
            "DATABASE_URL": self.database_url,
            "TEMPORAL_ADDRESS": f"127.0.0.1:{settings.temporal_embedded_port}",
        }
        command = (sys.executable, "-m", module)
        return self._launch(name, command, {lent: self._lent[lent]}, environment)

    def keep_up(self) -> bool:
        """Start the system again if its supervisor has ended. True if it had."""
        if self._system is not None and self._system.poll() is None:
            return False
        self._launch_system()
        return True

    async def stop(self) -> None:
        """Stop the system cleanly, then the world."""
        self.thaw()
        for process in (self._system, self._world):
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, _STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        self._held.close()

    def kill(self, target: Target) -> bool:
        """SIGKILL, as a crash would. False if the process is not there at the moment."""
        process = self.find(target)
        if process is None:
            return False
        try:
            process.kill()
        except psutil.Error:
            return False
        return True

    def freeze(self, target: Target) -> bool:
        """SIGSTOP to the process, at once, then to its children. False if it is not there."""
        process = self.find(target)
        if process is None:
            return False
        try:
            process.suspend()
            self._frozen.append(process)
            for child in process.children(recursive=True):
                child.suspend()
                self._frozen.append(child)
        except psutil.Error:
            return bool(self._frozen)
        return True

    def cut(self, target: Target) -> bool:
        """Break every connection of the process; PostgreSQL's by ending its backends, each of which serves one."""
        try:
            if target is Target.POSTGRES:
                with psycopg.connect(self.database_url, connect_timeout=3) as connection:
                    return bool(connection.execute(_END_OTHER_BACKENDS).rowcount)
            process = self.find(target)
            return can_cut() and process is not None and cut_connections(process) > 0
        except (psutil.Error, psycopg.Error, OSError, ValueError):
            return False

    @property
    def can_roll(self) -> bool:
        """Whether the supervisor there is knows what SIGHUP asks for. If not, it would die of it."""
        return self._system is not None and _catches(self._system.pid, signal.SIGHUP)

    async def roll(self) -> bool:
        """A rolling restart, from its beginning until every process is another one and ready. False: it did not end,
        or could not begin. A supervisor that is just coming up is waited for, and asked again if it was not up yet."""
        deadline = time.monotonic() + _ROLL_PATIENCE
        before: dict[Target, int | None] | None = None
        ask_at = 0.0
        self._next_build()
        while (now := time.monotonic()) < deadline:
            if before is None and all(self._serves_anew(target, None) for target in _REPLACED):
                before = {target: self._pid(target) for target in _REPLACED}
            if before is not None and now >= ask_at and all(self._pid(one) == pid for one, pid in before.items()):
                if self._system is None or not self.can_roll:
                    return False
                self._system.send_signal(signal.SIGHUP)
                ask_at = now + _ASK_AGAIN
            if before is not None and all(self._serves_anew(target, pid) for target, pid in before.items()):
                return True
            await asyncio.sleep(0.2)
        return False

    def _serves_anew(self, target: Target, before: int | None) -> bool:
        pid = self._pid(target)
        return pid not in {None, before} and is_ready(target, self.settings.data_dir, pid)

    def _pid(self, target: Target) -> int | None:
        process = self.find(target)
        return process.pid if process is not None else None

    def thaw(self) -> None:
        """SIGCONT to everything that was frozen; those that died meanwhile need none."""
        for process in self._frozen:
            with contextlib.suppress(psutil.Error):
                process.resume()
        self._frozen.clear()

    def find(self, target: Target) -> psutil.Process | None:
        """The process, None if it is not there."""
        if target is Target.SUPERVISOR:
            running = self._system is not None and self._system.poll() is None
            return psutil.Process(self._system.pid) if running and self._system is not None else None
        try:
            mark = ProcessMark.parse((self._run_dir / f"{target}.pid").read_text())
        except FileNotFoundError:
            return None
        return mark.process() if mark else None

    def _next_build(self) -> None:
        """What the processes that are started from now on take for their code's version."""
        if self._build_file is not None:
            self._build += 1
            self._build_file.write_text(f"WORKER_BUILD_ID=build-{self._build}\n")

    def _launch_system(self) -> None:
        self.starts += 1
        self._system = self._launch("supervisor", self._command, self._lent)

    def _launch(
        self,
        name: str,
        command: Sequence[str],
        lent: Mapping[str, socket.socket] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> "subprocess.Popen[bytes]":
        lent = lent or {}
        environment = {**self._environment, **(more or {})}
        for one, listener in lent.items():
            environment |= lending(one, listener)
        with (self._log_dir / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=environment,
                pass_fds=[listener.fileno() for listener in lent.values()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    async def _until(self, address: str, name: str) -> None:
        deadline = time.monotonic() + _READY_PATIENCE
        async with httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(address)).is_success:
                        return
                process = self._world if name == "world" else self._system
                if time.monotonic() > deadline or (process is not None and process.poll() is not None):
                    raise DidNotStart(f"{name} does not come up; its log is {self._log_dir / f'{name}.log'}")
                await asyncio.sleep(0.2)


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal. Linux tells; elsewhere no is the safe answer."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)
