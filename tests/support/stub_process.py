"""A process for supervisor tests: `python -m tests.support.stub_process NAME [options]`.

Marks itself ready like the real ones, optionally holds a port, and writes what happens to it into its log.
"""

import argparse
import signal
import socket
import sys
import time
from types import FrameType

from cadenza.operations.readiness import clear_ready, mark_ready


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--port", type=int)
    parser.add_argument("--slow-stop", type=float, default=0.0)
    parser.add_argument("--ignore-stop", action="store_true")
    arguments = parser.parse_args()

    listening = socket.socket()
    if arguments.port:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", arguments.port))
        listening.listen(1)

    def on_stop(number: int, frame: FrameType | None) -> None:
        print("asked to stop", flush=True)
        if not arguments.ignore_stop:
            time.sleep(arguments.slow_stop)
            clear_ready(arguments.name)
            sys.exit(0)

    signal.signal(signal.SIGTERM, on_stop)
    mark_ready(arguments.name)
    print("ready", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
