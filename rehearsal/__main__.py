"""`python -m rehearsal`: the whole simulated world in one process."""

import asyncio
import logging
import os
import signal
import sys

from cadenza.settings import Settings, get_settings
from rehearsal.world import create_world, start_world

_PORT_TAKEN = 2  # exit code


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError when a port is taken."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    # The world may import nothing of the product but its settings, so it writes its readiness file itself.
    ready = settings.data_dir / "run" / "rehearsal.ready"
    ready.unlink(missing_ok=True)
    async with await start_world(create_world(settings)):
        ready.parent.mkdir(parents=True, exist_ok=True)
        draft = ready.with_name(f".{ready.name}.{os.getpid()}")
        draft.write_text(f"{os.getpid()}\n")
        draft.replace(ready)  # whole or not at all: a reader never sees half a pid
        try:
            await stopped.wait()
        finally:
            ready.unlink(missing_ok=True)


def main() -> int:
    """Run the world; returns the exit code."""
    settings = get_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs full addresses
    try:
        asyncio.run(run(settings))
    except OSError as error:
        first = settings.rehearsal_port
        sys.stderr.write(
            f"The rehearsal world could not listen on ports {first}-{first + 7}: {error.strerror or error}. "
            "Stop what uses them or set REHEARSAL_PORT.\n"
        )
        return _PORT_TAKEN
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
