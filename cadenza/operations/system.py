"""The whole system on one machine: which processes there are, how they start, and when each is ready."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.embedded_temporal import EmbeddedTemporal
from cadenza.operations.instance_lock import only_instance
from cadenza.operations.port_check import needed_ports, refuse_taken_ports
from cadenza.operations.processes import ProcessMark, end_leftover
from cadenza.operations.readiness import is_ready, readiness_file
from cadenza.operations.supervisor import Listener, ProcessSpec, Stage, Supervisor
from cadenza.records.migrate import migrate
from cadenza.settings import Settings
from cadenza.temporal.connection import connect
from cadenza.temporal.search_attributes import register_search_attributes

_MODULES = {"rehearsal": "rehearsal", "worker": "workflows", "bridge": "voice_bridge", "api": "api"}

# The worker finishes the carrier request under way (15 s at most): cut off, it would leave a doubtful call behind.
_GRACE_SECONDS = {"worker": 20.0, "bridge": 25.0}
_LEFTOVER_PATIENCE_SECONDS = 5.0


def _silent(name: str, state: object, words: str) -> None:
    """The listener of those who want to hear nothing."""


@dataclass
class System:
    """A running system."""

    settings: Settings
    supervisor: Supervisor
    environment: Mapping[str, str]
    """What the children run with: the settings of this process, and the embedded servers' addresses."""
    notices: list[str]

    @property
    def database_url(self) -> str:
        """Address of the database in use, embedded or not."""
        return self.environment["DATABASE_URL"]

    @property
    def temporal_address(self) -> str:
        """host:port of the Temporal server in use, embedded or not."""
        return self.environment["TEMPORAL_ADDRESS"]


@asynccontextmanager
async def running_system(
    settings: Settings,
    *,
    overrides: Mapping[str, str] | None = None,
    rehearsal: bool = False,
    listener: Listener = _silent,
    stop_asked: asyncio.Event | None = None,
) -> AsyncIterator[System]:
    """Everything, started and ready; stopped on leaving.

    `settings` are those that the children will see, and `overrides` the environment variables that make it so (beside
    this process's own environment and `.env`). If `stop_asked` is set before everything is ready, the body runs at
    once, and should see that it has nothing to do.

    Raises AlreadyRunning, PortsInUse, EmbeddedServerError or ProcessGivenUp, with nothing left running.
    """
    data_dir = settings.data_dir.absolute()
    with only_instance(data_dir):
        await asyncio.to_thread(_clear_leftovers, data_dir / "run")
        ports = needed_ports(settings, rehearsal=rehearsal)
        await asyncio.to_thread(refuse_taken_ports, ports, _LEFTOVER_PATIENCE_SECONDS)
        system = await asyncio.to_thread(_plan, settings, data_dir, dict(overrides or {}), rehearsal, listener)
        start = asyncio.create_task(system.supervisor.start())
        try:
            if stop_asked is None:
                await start
            else:
                await _first_of(start, stop_asked)
            yield system
        finally:
            start.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await start
            await system.supervisor.stop()


async def _first_of(start: "asyncio.Task[None]", stop_asked: asyncio.Event) -> None:
    stopping = asyncio.create_task(stop_asked.wait())
    await asyncio.wait([start, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if start.done():
        start.result()


def _clear_leftovers(run_dir: Path) -> None:
    """End what a supervisor that was killed left running (where the system did not do it), forget who was ready."""
    if run_dir.is_dir():
        for pid_file in run_dir.glob("*.pid"):
            if mark := ProcessMark.parse(pid_file.read_text()):
                end_leftover(mark)
            pid_file.unlink(missing_ok=True)
        for ready_file in run_dir.glob("*.ready"):
            ready_file.unlink(missing_ok=True)


def _plan(settings: Settings, data_dir: Path, overrides: dict[str, str], rehearsal: bool, listener: Listener) -> System:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **overrides, "DATA_DIR": str(data_dir)}
    notices: list[str] = []
    servers: list[ProcessSpec] = []

    if settings.database_url is None:
        postgres = EmbeddedPostgres(data_dir / "postgres")
        postgres.prepare()
        if postgres.home.moved_because:
            notices.append(postgres.home.moved_because)
        servers.append(_postgres_spec(postgres))
        environment["DATABASE_URL"] = postgres.url
    else:
        environment["DATABASE_URL"] = settings.database_url.get_secret_value()

    if settings.temporal_address is None:
        temporal = EmbeddedTemporal(
            data_dir / "temporal",
            settings.temporal_embedded_port,
            settings.temporal_ui_port,
            settings.temporal_namespace,
        )
        servers.append(_temporal_spec(temporal))
        environment["TEMPORAL_ADDRESS"] = temporal.address
    else:
        environment["TEMPORAL_ADDRESS"] = settings.temporal_address

    async def lay_the_tables() -> None:
        await asyncio.to_thread(migrate, environment["DATABASE_URL"])
        reached = settings.model_copy(update={"temporal_address": environment["TEMPORAL_ADDRESS"]})
        await register_search_attributes(await connect(reached))

    def ours(*names: str) -> list[ProcessSpec]:
        return [_own_spec(name, environment, data_dir) for name in names]

    stages = [Stage(servers, afterwards=lay_the_tables)]
    if rehearsal:
        stages.append(Stage(ours("rehearsal")))
    stages.append(Stage(ours("worker", "bridge", "api")))
    return System(settings, Supervisor(stages, data_dir, listener), environment, notices)


def _postgres_spec(postgres: EmbeddedPostgres) -> ProcessSpec:
    async def answers(pid: int) -> bool:
        return await asyncio.to_thread(postgres.is_answering)

    return ProcessSpec(
        "postgres",
        postgres.command,
        answers,
        prepare=postgres.prepare,
        popen_options=postgres.popen_options,
        stop_signal=signal.SIGINT,  # fast shutdown: SIGTERM would wait for every client to leave
        grace_seconds=15.0,
    )


def _temporal_spec(temporal: EmbeddedTemporal) -> ProcessSpec:
    async def answers(pid: int) -> bool:
        return await temporal.is_answering()

    return ProcessSpec("temporal", temporal.command, answers, prepare=temporal.prepare)


def _own_spec(name: str, environment: Mapping[str, str], data_dir: Path) -> ProcessSpec:
    async def says_so(pid: int) -> bool:
        return is_ready(name, pid, data_dir)

    return ProcessSpec(
        name,
        _command(name),
        says_so,
        environment=environment,
        prepare=lambda: readiness_file(name, data_dir).unlink(missing_ok=True),
        grace_seconds=_GRACE_SECONDS.get(name, 10.0),
    )


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", _MODULES[name]]
