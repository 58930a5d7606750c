"""Breaks the TCP connections of a running process from outside, as a network would. Linux only.

The process's own socket is duplicated (pidfd_getfd) and shut down: both ends see the connection end, and nothing else
of the process is touched. It takes the rights of a debugger, which we have over our own descendants.
"""

import ctypes
import os
import socket
import sys

import psutil

_PIDFD_GETFD = 438
"""The system call's number; the same on every architecture that Linux gave it to."""


def can_cut() -> bool:
    """Whether this system lets us."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


def cut_connections(process: psutil.Process) -> int:
    """Shut every established TCP connection of the process; how many there were. Listening sockets stay.

    Raises OSError or psutil.Error where the process is gone or may not be touched.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.pidfd_open(process.pid)
    try:
        connections = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
        return sum(_shut(libc, handle, one.fd) for one in connections)
    finally:
        os.close(handle)


def _shut(libc: ctypes.CDLL, handle: int, descriptor: int) -> bool:
    """False where the process closed it meanwhile."""
    duplicate = libc.syscall(_PIDFD_GETFD, handle, descriptor, 0)
    if duplicate < 0:
        error = ctypes.get_errno()
        if isinstance(OSError(error, ""), PermissionError):
            raise PermissionError(error, os.strerror(error))
        return False
    with socket.socket(fileno=duplicate) as connection:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return False
    return True
