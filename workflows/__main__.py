"""`python -m workflows`: the worker process."""

import asyncio
import sys

from cadenza.loading import loading

with loading():
    from cadenza.operations.process_settings import process_settings, tell
    from cadenza.operations.settings_check import SettingsError
    from workflows.worker import run_worker


def main() -> int:
    try:
        settings = process_settings()
    except SettingsError as error:
        return tell(error)
    asyncio.run(run_worker(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
