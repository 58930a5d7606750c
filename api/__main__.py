"""`python -m api`"""

import asyncio
import sys

from cadenza.loading import loading

with loading():
    from api.server import DatabaseUnset, serve
    from cadenza.calling_rules import complaint
    from cadenza.domain.rules.rule_book import RulesRefused
    from cadenza.logging_setup import set_up_logging
    from cadenza.settings import get_settings


def main() -> int:
    settings = get_settings()
    set_up_logging(settings, "api")
    try:
        asyncio.run(serve(settings))
    except DatabaseUnset:
        sys.stderr.write("DATABASE_URL is not set. `cadenza up` starts an embedded database; the API alone does not.\n")
        return 2
    except RulesRefused as refused:
        sys.stderr.write(complaint(refused))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
