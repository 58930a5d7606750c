"""`python -m workflows`: the worker process."""

import asyncio
import sys

from cadenza.loading import loading

with loading():
    from cadenza.calling_rules import complaint
    from cadenza.domain.rules.rule_book import RulesRefused
    from cadenza.settings import get_settings
    from workflows.worker import run_worker


def main() -> int:
    try:
        asyncio.run(run_worker(get_settings()))
    except RulesRefused as refused:
        sys.stderr.write(complaint(refused))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
