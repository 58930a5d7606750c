"""The whole system on one machine: which processes there are, how they start, and when each is ready."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cadenza.operations.child_process import ProcessSpec
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.embedded_temporal import EmbeddedTemporal
from cadenza.operations.instance_lock import only_instance
from cadenza.operations.keeper import Listener
from cadenza.operations.listening import inherited, lending, listen
from cadenza.operations.port_check import needed_ports, refuse_taken_ports
from cadenza.operations.processes import ProcessMark, die_with_parent, end_leftover
from cadenza.operations.readiness import SUPERVISED, is_ready, readiness_file
from cadenza.operations.supervisor import Stage, Supervisor
from cadenza.records.migrate import migrate
from cadenza.settings import Settings
from cadenza.temporal.connection import connect
from cadenza.temporal.search_attributes import register_search_attributes

_MODULES = {"rehearsal": "rehearsal", "worker": "workflows", "bridge": "voice_bridge", "api": "api"}

# The worker finishes the carrier request under way (15 s at most): cut off, it would leave a doubtful call behind.
_GRACE_SECONDS = {"worker": 20.0, "bridge": 30.0, "api": 15.0}
_LEFTOVER_PATIENCE_SECONDS = 5.0
_REPLACEABLE = frozenset({"worker", "bridge", "api"})


class TablesNotLaid(RuntimeError):
    """The code that is about to be started cannot bring the database to its shape; `log_tail` holds why."""

    def __init__(self, log_tail: str) -> None:
        super().__init__("the database cannot be brought to the new code's shape: nothing was restarted")
        self.log_tail = log_tail


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

    async def restart(self) -> bool:
        """Replace our own processes by new ones of the code that is there now, one after another, under load.

        False if one of them did not become ready: it and those after it stay as they are. Raises TablesNotLaid.
        """
        migration = await asyncio.create_subprocess_exec(  # by the new code, not by what we hold in memory
            *(sys.executable, "-m", "cadenza.records.migrate"),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        said, _ = await migration.communicate()
        if migration.returncode != 0:
            raise TablesNotLaid(said.decode(errors="replace"))
        return await self.supervisor.restart()


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

    Raises AlreadyRunning, PortsInUse, CannotListen, NotAListener, EmbeddedServerError or ProcessGivenUp, with nothing
    left running.
    """
    data_dir = settings.data_dir.absolute()
    with only_instance(data_dir), contextlib.ExitStack() as held:
        await asyncio.to_thread(_clear_leftovers, data_dir / "run")
        sockets = await asyncio.to_thread(_listen, settings, rehearsal, held)
        system = await asyncio.to_thread(_plan, settings, data_dir, dict(overrides or {}), rehearsal, listener, sockets)
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


def _listen(settings: Settings, rehearsal: bool, held: contextlib.ExitStack) -> dict[str, socket.socket]:
    """The sockets that API and bridge serve on: lent to us, or our own. Every other port that we need is free."""
    addresses = {"bridge": (settings.bridge_host, settings.bridge_port), "api": (settings.api_host, settings.api_port)}
    lent = {name: held.enter_context(found) for name in addresses if (found := inherited(name)) is not None}
    ports = needed_ports(settings, rehearsal=rehearsal)
    for name in lent:
        ports.pop(addresses[name][1], None)
    refuse_taken_ports(ports, _LEFTOVER_PATIENCE_SECONDS)
    return lent | {
        name: held.enter_context(listen(name, *address)) for name, address in addresses.items() if name not in lent
    }


def _plan(
    settings: Settings,
    data_dir: Path,
    overrides: dict[str, str],
    rehearsal: bool,
    listener: Listener,
    sockets: Mapping[str, socket.socket],
) -> System:
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
        return [_own_spec(name, environment, data_dir, sockets.get(name)) for name in names]

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
        own_ports=[postgres.port] if postgres.port is not None else [],
    )


def _temporal_spec(temporal: EmbeddedTemporal) -> ProcessSpec:
    async def answers(pid: int) -> bool:
        return await temporal.is_answering()

    ports = [port for port in (temporal.port, temporal.ui_port) if port is not None]
    return ProcessSpec("temporal", temporal.command, answers, prepare=temporal.prepare, own_ports=ports)


def _own_spec(
    name: str, environment: Mapping[str, str], data_dir: Path, serves_on: socket.socket | None
) -> ProcessSpec:
    async def says_so(pid: int) -> bool:
        return is_ready(name, data_dir, pid)

    return ProcessSpec(
        name,
        _command(name),
        says_so,
        environment={**environment, **SUPERVISED, **(lending(name, serves_on) if serves_on else {})},
        popen_options={"pass_fds": [serves_on.fileno()]} if serves_on else {},
        prepare=lambda: readiness_file(name, data_dir).unlink(missing_ok=True),
        grace_seconds=_GRACE_SECONDS.get(name, 10.0),
        is_replaceable=name in _REPLACEABLE,
    )


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", _MODULES[name]]
