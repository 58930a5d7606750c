"""`python -m voice_bridge`: the voice bridge process."""

import asyncio
import sys

from cadenza.loading import loading

with loading():
    from cadenza.calling_rules import complaint
    from cadenza.domain.rules.rule_book import RulesRefused
    from cadenza.settings import get_settings
    from voice_bridge.process import run_bridge


def main() -> int:
    try:
        asyncio.run(run_bridge(get_settings()))
    except RulesRefused as refused:
        sys.stderr.write(complaint(refused))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
