"""`python -m voice_bridge`: the voice bridge process."""

import sys

from cadenza.loading import loading
from cadenza.operations.process_settings import process_settings, tell
from cadenza.operations.settings_check import SettingsError


def main() -> int:
    try:
        settings = process_settings()
    except SettingsError as error:
        return tell(error)  # before what takes a second or more to load
    with loading():
        import uvloop

        from voice_bridge.process import run_bridge

    uvloop.run(run_bridge(settings))  # less processor time for each call than on asyncio's own loop
    return 0


if __name__ == "__main__":
    sys.exit(main())
