"""The embedded PostgreSQL: prepared once, then run in the foreground under our own supervision.

It listens on 127.0.0.1 only (a unix socket's path may be too long) with a password made at first start, and remembers
its port. Commits are durable (fsync on): the promises of the engine stand on what the database said it stored.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from cadenza.operations.postgres_home import Account, EmbeddedServerError, PostgresHome, find_home
from cadenza.operations.processes import die_with_parent, free_port, port_is_free

_SUPERUSER = "cadenza"
_DATABASE = "cadenza"
_HOST = "127.0.0.1"
_PORTS = (15_432, 18_432)
"""Below what systems hand to outgoing connections (Linux: 32768, others: 49152): one of those on our port would keep a
killed server from starting again.
"""
_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "dynamic_shared_memory_type": "posix",
    # Backends look for a dead client or postmaster this often, so locks of a killed worker are freed in seconds.
    "client_connection_check_interval": "2s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "log_min_messages": "warning",
    # A failed statement may hold a lead's name or number: it must not reach the log.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
if sys.platform == "linux":
    # After a crash its files are flushed by one call, not one by one: back in a tenth of the time, and just as durable.
    _SETTINGS["recovery_init_sync_method"] = "syncfs"
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass
class EmbeddedPostgres:
    """One server over one data folder. `prepare`, then either `start`/`stop` here or let the supervisor run `command`.

    `folder` holds everything of it; `port` None means the remembered one or a free one. `durable=False` is for tests
    that throw the data away.
    """

    folder: Path
    port: int | None = None
    durable: bool = True
    home: PostgresHome = field(init=False)
    _child: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()
        self.home = find_home(self.folder)

    # What others need to know

    @property
    def url(self) -> str:
        """Address for DATABASE_URL. Valid after `prepare`."""
        return self.url_of(_DATABASE)

    def url_of(self, database: str) -> str:
        """Address of another database on this server."""
        password = self._password_file.read_text().strip()
        return f"postgresql://{_SUPERUSER}:{password}@{_HOST}:{self.port}/{database}"

    @property
    def command(self) -> list[str]:
        """Runs the server in the foreground."""
        settings = _SETTINGS | ({} if self.durable else _NOT_DURABLE) | {"port": str(self.port)}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.home.program("postgres"), "-D", str(self.home.data), *arguments]

    @property
    def popen_options(self) -> dict[str, Any]:
        """Keyword arguments for `subprocess.Popen` that run `command` as the right user, tied to our life.

        SIGQUIT is PostgreSQL's immediate shutdown: no child process of it outlives us.
        """
        return {**_as_account(self.home.account), "preexec_fn": die_with_parent(signal.SIGQUIT)}

    # Life

    def prepare(self) -> None:
        """Make the data folder if it is new, clear what a killed server left, choose the port.

        Raises EmbeddedServerError if the folder is in use by a server that does not stop, or cannot be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.home.data / "PG_VERSION").exists():
            self._initialise()
        self._hand_over(self.home.data)
        self._clear_stale_server()
        self._choose_port()

    def start(self, log: Path | None = None) -> str:
        """Start the server as our child and wait until it answers; returns its address."""
        self.prepare()
        target: Any = subprocess.DEVNULL
        with contextlib.ExitStack() as files:
            if log is not None:
                target = files.enter_context(log.open("ab"))
            self._child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=target, stderr=target, **self.popen_options
            )
        self.wait_ready()
        return self.url

    def is_answering(self) -> bool:
        """Whether the server takes connections; also makes our database the first time."""
        try:
            with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=2) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_DATABASE])
                if known.fetchone() is None:
                    connection.execute(f'CREATE DATABASE "{_DATABASE}"')
            return True
        except psycopg.OperationalError:
            return False

    def wait_ready(self, patience_seconds: float = 30.0) -> None:
        """Wait until the server answers. Raises EmbeddedServerError if it ends or takes longer."""
        deadline = time.monotonic() + patience_seconds
        while not self.is_answering():
            if self._child is not None and self._child.poll() is not None:
                raise EmbeddedServerError(f"PostgreSQL ended at once with code {self._child.returncode}")
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"PostgreSQL did not answer within {patience_seconds:g} s")
            time.sleep(0.05)

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Fast shutdown (SIGINT: open transactions are rolled back), immediate after the grace time."""
        if self._child is None:
            return
        for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self._child.send_signal(signal_number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(grace_seconds)
                break
        self._child = None

    # Preparation, step by step

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    @property
    def _port_file(self) -> Path:
        return self.folder / "port"

    def _initialise(self) -> None:
        # Made beside its place and renamed when whole: a first start that was cut short leaves nothing half done.
        data = self.home.data.with_name("data.unfinished")
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        self._hand_over(data)
        if not self._password_file.exists():
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(24))
        # initdb runs as the other account, which may not be able to enter our folder: hand the password over by a
        # file in the temporary folder, readable to that account only.
        with tempfile.NamedTemporaryFile("w") as handover:
            handover.write(self._password_file.read_text())
            handover.flush()
            if self.home.account is not None:
                os.chown(handover.name, self.home.account.user_id, self.home.account.group_id)
            finished = subprocess.run(
                [
                    self.home.program("initdb"),
                    *("-D", str(data), "-U", _SUPERUSER, "--pwfile", handover.name),
                    *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
                    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                    *([] if self.durable else ["--no-sync"]),
                ],
                capture_output=True,
                text=True,
                **_as_account(self.home.account),
            )
        if finished.returncode != 0:
            raise EmbeddedServerError(f"initdb failed in {data}: {finished.stderr.strip()}")
        data.rename(self.home.data)

    def _hand_over(self, data: Path) -> None:
        """Give the data folder to the account that runs the server."""
        account = self.home.account
        if account is not None and data.stat().st_uid != account.user_id:
            for path in [data, *data.rglob("*")]:
                os.chown(path, account.user_id, account.group_id, follow_symlinks=False)

    def _clear_stale_server(self) -> None:
        """After SIGKILL `postmaster.pid` stays. A live server of this folder is ended first; two would corrupt it.

        PostgreSQL itself refuses a stale file when the pid in it has been taken by any other process.
        """
        pid_file = self.home.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.name() == "postgres" and str(self.home.data) in process.cmdline():
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(10)
                except psutil.TimeoutExpired:
                    process.send_signal(signal.SIGQUIT)
                    process.wait(10)
        self._end_orphans()
        pid_file.unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """Backends of a killed postmaster keep shared memory until they notice: a new server would refuse to start.

        They carry no command line of their own, so they are known by the data folder they work in.
        """
        orphans = []
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.Error, OSError):
                if process.info["name"] == "postgres" and Path(process.cwd()) == self.home.data:
                    process.kill()
                    orphans.append(process)
        psutil.wait_procs(orphans, timeout=10)

    def _choose_port(self) -> None:
        if self.port is None:
            with contextlib.suppress(FileNotFoundError, ValueError):
                remembered = int(self._port_file.read_text())
                if port_is_free(remembered, _HOST):
                    self.port = remembered
        if self.port is None:
            self.port = free_port(*_PORTS, _HOST)
        self._port_file.write_text(str(self.port))


def _as_account(account: Account | None) -> dict[str, Any]:
    """Popen's keywords that change to the account; "/" as working directory, which it can enter."""
    if account is None:
        return {}
    return {
        "user": account.user_id,
        "group": account.group_id,
        "extra_groups": [],
        "cwd": "/",
        "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
    }
