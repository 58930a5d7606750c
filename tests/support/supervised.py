"""Stand-ins for our own processes under a real supervisor, and callers who ask them who they are."""

import asyncio
import os
import socket
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from cadenza.operations.child_process import ProcessSpec
from cadenza.operations.listening import lending
from cadenza.operations.readiness import is_ready
from cadenza.operations.restart_policy import RestartPolicy

QUICK = RestartPolicy(first_delay=0.05, longest_delay=0.2, deaths_before_ready=2)


def stub(name: str, data_dir: Path, *arguments: str, grace_seconds: float = 10.0) -> ProcessSpec:
    """`tests.support.stub_process` as a process to supervise."""

    async def says_so(pid: int) -> bool:
        return is_ready(name, data_dir, pid)

    return ProcessSpec(
        name,
        [sys.executable, "-m", "tests.support.stub_process", name, *arguments],
        says_so,
        environment={**os.environ, "DATA_DIR": str(data_dir)},
        grace_seconds=grace_seconds,
        policy=QUICK,
        is_replaceable=True,
    )


def serving(spec: ProcessSpec, listener: socket.socket) -> ProcessSpec:
    """The same, serving on a lent socket."""
    assert spec.environment is not None
    return replace(
        spec,
        environment={**spec.environment, **lending(spec.name, listener)},
        popen_options={"pass_fds": [listener.fileno()]},
    )


async def who_answers(port: int, patience_seconds: float = 20.0) -> int:
    """The pid of the process that answers a new connection. Raises ConnectionRefusedError, ConnectionError where it
    was cut, TimeoutError."""
    async with asyncio.timeout(patience_seconds):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"who?\n")
            if not (line := await reader.readline()):
                raise ConnectionResetError("closed without an answer")
            return int(line)
        finally:
            writer.close()


@dataclass
class Callers:
    """Callers who ask again and again, several at once, until the block ends."""

    port: int
    count: int = 4
    answers: list[int] = field(default_factory=list)
    """Pids, in the order of the answers."""
    refused: int = 0
    cut: int = 0

    async def __aenter__(self) -> "Callers":
        self._tasks = [asyncio.create_task(self._ask()) for _ in range(self.count)]
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError), result

    async def until_answers(self, count: int, patience_seconds: float = 30.0) -> None:
        """Wait for so many answers more."""
        wanted = len(self.answers) + count
        async with asyncio.timeout(patience_seconds):
            while len(self.answers) < wanted:
                await asyncio.sleep(0.02)

    async def _ask(self) -> None:
        while True:
            try:
                self.answers.append(await who_answers(self.port))
            except ConnectionRefusedError:
                self.refused += 1
            except ConnectionError:
                self.cut += 1
            await asyncio.sleep(0.005)
