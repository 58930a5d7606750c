"""`python -m api`"""

import asyncio
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
        from api.server import serve
        from cadenza.logging_setup import set_up_logging

    set_up_logging(settings, "api")
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
