"""A process for supervisor tests: `python -m tests.support.stub_process NAME [options]`.

Marks itself ready like the real ones, optionally holds a port or serves on the socket lent to it, and writes what
happens to it into its log.
"""

import argparse
import asyncio
import os
import signal
import socket
from pathlib import Path

from cadenza.operations.listening import BACKLOG, inherited
from cadenza.operations.readiness import clear_ready, mark_ready


class Answers:
    """One line in, our pid out."""

    def __init__(self) -> None:
        self._owed = 0

    async def give(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._owed += 1
        await reader.readline()
        writer.write(f"{os.getpid()}\n".encode())
        writer.close()
        self._owed -= 1

    async def finish(self) -> None:
        """Wait until everybody who was accepted has their answer."""
        await asyncio.sleep(0.05)  # the last one was accepted a moment ago
        while self._owed:
            await asyncio.sleep(0.01)


async def run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()

    def on_stop() -> None:
        print("asked to stop", flush=True)
        if not arguments.ignore_stop:
            stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, on_stop)
    match arguments.flaw.read_text() if arguments.flaw and arguments.flaw.exists() else "":
        case "dies":
            raise SystemExit(3)
        case "hangs":
            await stop.wait()
            return
        case "slow":
            await asyncio.sleep(1.0)
    data_dir = Path(os.environ["DATA_DIR"])
    lent = inherited(arguments.name)
    answers = Answers()
    server = await asyncio.start_server(answers.give, sock=lent, backlog=BACKLOG) if lent else None
    mark_ready(arguments.name, data_dir)
    print("ready", flush=True)
    await stop.wait()
    if server:
        server.close()
        await answers.finish()
    await asyncio.sleep(arguments.slow_stop)
    clear_ready(arguments.name, data_dir)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--port", type=int)
    parser.add_argument("--slow-stop", type=float, default=0.0)
    parser.add_argument("--ignore-stop", action="store_true")
    parser.add_argument("--flaw", type=Path, help="a file that may say: dies, hangs, slow")
    arguments = parser.parse_args()

    with socket.socket() as listening:
        if arguments.port:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", arguments.port))
            listening.listen(1)
        asyncio.run(run(arguments))


if __name__ == "__main__":
    main()
