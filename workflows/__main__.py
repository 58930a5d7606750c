"""`python -m workflows`: the worker process."""

import asyncio

from cadenza.loading import loading

with loading():
    from cadenza.settings import get_settings
    from workflows.worker import run_worker

if __name__ == "__main__":
    asyncio.run(run_worker(get_settings()))
