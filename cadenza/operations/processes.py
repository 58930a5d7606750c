"""Small facts about operating-system processes and ports, shared by everything that starts a process."""

import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

import psutil

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signal_number: int = signal.SIGKILL) -> Callable[[], None] | None:
    """A `preexec_fn` that ties a child's life to ours, even if we are killed with SIGKILL.

    Linux only (PR_SET_PDEATHSIG); elsewhere None, and the next start clears leftovers instead. Python calls it after
    it changed the user, as it must be: a change of user clears the setting.
    """
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return tie


_LASTING_PORTS = (18_500, 32_700)
"""Below what systems hand to outgoing connections (Linux: 32768, others: 49152), and above the servers' usual ones."""
_STRIDE = 101
"""Ports from one process's place to that of the next one."""
_given = 0  # how far this process has come


def free_port(first: int = _LASTING_PORTS[0], last: int = _LASTING_PORTS[1], host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on. See `free_block`."""
    return free_block(1, first, last, host)


def free_block(
    length: int, first: int = _LASTING_PORTS[0], last: int = _LASTING_PORTS[1], host: str = "127.0.0.1"
) -> int:
    """`length` neighbouring ports (from `first`, before `last`) that nothing listens on.

    The ports stay ours over a restart, as the range is one that no outgoing connection takes its port from. Each
    process looks in a place of its own, and goes on behind what it was given last: of servers that start at the same
    moment none gets a port that another one is about to take. Raises OSError where no such block was found.
    """
    global _given
    span = last - length + 1 - first
    for step in range(span):
        start = first + (os.getpid() * _STRIDE + _given + step) % span
        if all(port_is_free(port, host) for port in range(start, start + length)):
            _given += step + length
            return start
    raise OSError(f"no {length} free ports in a row from {first} to {last}")


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now (a socket in TIME_WAIT does not count as taken)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class PortHolder:
    """The process that listens on a port; both None where the system does not tell."""

    pid: int | None = None
    name: str | None = None

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"{self.name or 'a process'} (pid {self.pid})"


def port_holder(port: int) -> PortHolder:
    """Who listens on the TCP port."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                with contextlib.suppress(psutil.Error):
                    return PortHolder(connection.pid, psutil.Process(connection.pid).name())
                return PortHolder(connection.pid)
    return PortHolder()


@dataclass(frozen=True)
class ProcessMark:
    """A pid with the moment its process was created: together they name one process for ever, a pid alone does not."""

    pid: int
    created_at: float

    @classmethod
    def of(cls, pid: int) -> "ProcessMark | None":
        """The mark of a running process, None if it is gone."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    @classmethod
    def parse(cls, text: str) -> "ProcessMark | None":
        """Read what `str` wrote; None if it is not that."""
        try:
            pid, created_at = text.split()
            return cls(int(pid), float(created_at))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.pid} {self.created_at}"

    def process(self) -> psutil.Process | None:
        """The very process, if it still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created_at) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def end_leftover(mark: ProcessMark, grace_seconds: float = 5.0) -> bool:
    """End a process that an earlier, killed supervisor left behind, with its children. True if there was one."""
    process = mark.process()
    if process is None:
        return False
    family = [process]
    with contextlib.suppress(psutil.Error):
        family += process.children(recursive=True)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.terminate()
    _, alive = psutil.wait_procs(family, timeout=grace_seconds)
    for member in alive:
        with contextlib.suppress(psutil.Error):
            member.kill()
    psutil.wait_procs(alive, timeout=grace_seconds)
    return True
