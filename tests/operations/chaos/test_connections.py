"""A running process loses its connections and nothing else."""

import socket
import subprocess
import sys

import psutil
import pytest

from cadenza.operations.chaos.connections import can_cut, cut_connections

SERVER = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    print("connected", flush=True)
    print(connection.recv(9), flush=True)
"""


@pytest.mark.skipif(not can_cut(), reason="Linux only")
def test_both_ends_see_the_connection_end_and_the_process_takes_the_next_one() -> None:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                assert server.stdout.readline() == "connected\n"
                assert cut_connections(psutil.Process(server.pid)) == 1
                assert client.recv(1) == b""
                assert server.stdout.readline() == "b''\n"
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(b"still up")
                assert server.stdout.readline() == "connected\n"
                assert server.stdout.readline() == "b'still up'\n"
        finally:
            server.kill()
