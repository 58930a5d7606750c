"""Sockets that are lent: who may have one, what is refused, and ports that are kept."""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cadenza.operations.listening import (
    BACKLOG,
    CannotListen,
    NotAListener,
    inherited,
    lending,
    listen,
    reserved,
)
from cadenza.operations.processes import port_is_free

_IP_LOCAL_PORT_RANGE = 51
"""Linux 6.3: the ports that one socket takes for itself. Python does not name it."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("api", "127.0.0.1", 0) as made:
        yield made


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_callers_wait_in_a_long_queue_before_anybody_serves(host: str) -> None:
    with listen("api", host, 0) as listener:
        callers = [socket.create_connection(("127.0.0.1", port_of(listener)), timeout=5) for _ in range(300)]
        for caller in callers:
            caller.close()
    assert BACKLOG >= 1024


def test_an_address_that_cannot_be_had_is_told_with_its_settings(listener: socket.socket) -> None:
    with pytest.raises(CannotListen, match=r"port \d+: .*set BRIDGE_HOST or BRIDGE_PORT"):
        listen("bridge", "127.0.0.1", port_of(listener))
    with pytest.raises(CannotListen, match="set API_HOST"):
        listen("api", "192.0.2.1", 0)


def test_nobody_gets_a_socket_who_was_not_lent_one(listener: socket.socket) -> None:
    assert inherited("api") is None
    assert not listener.get_inheritable()


CHILD = """
import os, sys
from cadenza.operations.listening import inherited
lent = inherited("api")
print(lent.getsockname()[1], inherited("bridge"), "CADENZA_LISTEN_FD_API" in os.environ, lent.get_inheritable())
"""


def said_by(code: str, **options: object) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return str(done.stdout).strip()


def test_a_child_has_the_socket_that_was_lent_to_it_and_no_other(listener: socket.socket) -> None:
    environment = {**os.environ, **lending("api", listener)}
    said = said_by(CHILD, env=environment, pass_fds=[listener.fileno()])
    assert said == f"{port_of(listener)} None False False"


ACTIVATED = f"""
import os
os.environ |= {{"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "other:api"}}
os.dup2(int(os.environ["GIVEN"]), 4, inheritable=True)
os.execv({sys.executable!r}, [{sys.executable!r}, "-c", {CHILD!r}])
"""


def test_sockets_of_a_service_manager_are_taken_by_their_names(listener: socket.socket) -> None:
    environment = {**os.environ, "GIVEN": str(listener.fileno())}
    said = said_by(ACTIVATED, env=environment, pass_fds=[listener.fileno()])
    assert said == f"{port_of(listener)} None False False"


def test_sockets_that_a_service_manager_gave_to_another_process_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getppid()))
    monkeypatch.setenv("LISTEN_FDNAMES", "api")
    assert inherited("api") is None


@pytest.mark.parametrize("value", ["rubbish", "-1", "9999", ""])
def test_a_descriptor_that_is_none_is_refused_by_its_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENZA_LISTEN_FD_API", value)
    with pytest.raises(NotAListener, match="CADENZA_LISTEN_FD_API"):
        inherited("api")


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_that_does_not_listen_is_refused_and_stays_open(
    kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(type=kind) as other:
        other.bind(("127.0.0.1", 0))
        monkeypatch.setenv("CADENZA_LISTEN_FD_API", str(other.fileno()))
        with pytest.raises(NotAListener):
            inherited("api")
        assert other.getsockname()[1] > 0


def ephemeral_port() -> int:
    """A free port from the range that outgoing connections have theirs from."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return port_of(probe)


def outgoing_from(port: int) -> socket.socket:
    """An outgoing connection to be, whose own port the system takes from a range of one."""
    caller = socket.socket()
    try:
        caller.setsockopt(socket.IPPROTO_IP, _IP_LOCAL_PORT_RANGE, struct.pack("I", port << 16 | port))
    except OSError:
        caller.close()
        pytest.skip("this system does not know IP_LOCAL_PORT_RANGE")
    return caller


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ports are not reserved")
def test_a_reserved_port_goes_to_its_server_and_to_no_outgoing_connection(listener: socket.socket) -> None:
    port = ephemeral_port()
    with outgoing_from(port) as caller:
        caller.connect(listener.getsockname())
    port = ephemeral_port()
    with reserved(port):
        with outgoing_from(port) as caller, pytest.raises(OSError, match="assign requested address"):
            caller.connect(listener.getsockname())
        for _ in range(2):  # also after the server's death
            with socket.create_server(("127.0.0.1", port)):
                assert not port_is_free(port)
        with outgoing_from(port) as caller, pytest.raises(OSError, match="assign requested address"):
            caller.connect(listener.getsockname())


def test_a_port_that_is_taken_is_left_to_whoever_wants_it(listener: socket.socket) -> None:
    with reserved(port_of(listener)):
        assert not port_is_free(port_of(listener))
