"""Listening sockets that outlive the processes that serve on them.

Whoever supervises listens once, keeps the socket, and lends it to each process that it starts. While such a process is
dead or still starting, the kernel goes on taking connections, and the next process to serve on the socket answers
them: a caller waits for a moment instead of being refused.

A socket is lent as an inherited descriptor, named by a variable of the environment. `cadenza up` itself takes sockets
that it was lent, also by systemd's socket activation (sd_listen_fds(3)): then they outlive it too.
"""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator, Mapping

BACKLOG = 2048
"""Connections that wait for a process; the system may allow fewer (Linux: net.core.somaxconn). A process that starts to
serve sets it anew, so it has to name it too."""
_FIRST_ACTIVATED = 3
"""systemd's descriptors are numbered from here."""


class CannotListen(RuntimeError):
    """Nobody can listen on the address; the message names the settings that change it."""

    def __init__(self, name: str, host: str, port: int, error: OSError) -> None:
        super().__init__(
            f"cannot listen on {host} port {port}: {error.strerror or error}: "
            f"set {name.upper()}_HOST or {name.upper()}_PORT"
        )


class NotAListener(RuntimeError):
    """A descriptor that was lent is not a listening TCP socket: whoever started us is at fault."""

    def __init__(self, source: str) -> None:
        super().__init__(f"{source} does not name a listening TCP socket")


def listen(name: str, host: str, port: int) -> socket.socket:
    """Listen for the process `name` ("api", "bridge"), to lend the socket. Raises CannotListen."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family = min((entry[0] for entry in found), key=lambda one: one != socket.AF_INET)
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(name, host, port, error) from error
    # Shared with those we lend to: several may see one connection arrive, and only one can accept it.
    listener.setblocking(False)
    return listener


def lending(name: str, listener: socket.socket) -> Mapping[str, str]:
    """The environment variable that lends the socket to a child, which must also get its descriptor (`pass_fds`)."""
    return {_variable(name): str(listener.fileno())}


def inherited(name: str) -> socket.socket | None:
    """The socket that was lent to this process to serve as `name`, None if there is none. Raises NotAListener."""
    variable = _variable(name)
    source, descriptor = variable, os.environ.pop(variable, None)  # taken: a child of ours must not find it
    if descriptor is None:
        source, descriptor = "LISTEN_FDNAMES", _activated(name)
    if descriptor is None:
        return None
    try:
        lent = socket.socket(fileno=int(descriptor))
    except (ValueError, OSError) as error:
        raise NotAListener(source) from error
    if not _listens(lent):
        lent.detach()  # not ours to close
        raise NotAListener(source)
    lent.set_inheritable(False)
    lent.setblocking(False)
    return lent


@contextlib.contextmanager
def reserved(port: int, host: str = "127.0.0.1") -> Iterator[None]:
    """Keep a port for a server beside us that binds it itself: while that is down, the system must not give the port
    to an outgoing connection.

    Bound and not listening, both with SO_REUSEADDR: Linux lets the server have the port all the same. Elsewhere it
    would not, and nothing is done.
    """
    with socket.socket() as place:
        if sys.platform == "linux":
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):  # taken: the server that wants it will say so
                place.bind((host, port))
        yield


def _variable(name: str) -> str:
    return f"CADENZA_LISTEN_FD_{name.upper()}"


def _activated(name: str) -> str | None:
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    return str(_FIRST_ACTIVATED + names.index(name)) if name in names else None


def _listens(lent: socket.socket) -> bool:
    return (
        lent.family in {socket.AF_INET, socket.AF_INET6}
        and lent.type == socket.SOCK_STREAM
        and lent.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    )
