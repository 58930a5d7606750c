"""`python -m voice_bridge`: the voice bridge process."""

import asyncio

from cadenza.loading import loading

with loading():
    from cadenza.settings import get_settings
    from voice_bridge.process import run_bridge

if __name__ == "__main__":
    asyncio.run(run_bridge(get_settings()))
