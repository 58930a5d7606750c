"""The settings of one process (API, worker, bridge), or all that keeps it from starting, at once."""

import sys

from cadenza.operations.settings_check import SettingProblem, SettingsError, load_settings, unusable_rules
from cadenza.settings import Settings

CANNOT_START = 2
"""Exit code: a setting needs a change first."""


def process_settings() -> Settings:
    """Raises SettingsError with everything that is missing or wrong, not only the first of it."""
    settings = load_settings()
    problems = list(unusable_rules(settings.calling_rules))
    if settings.database_url is None:
        fix = "set it, or start the whole system with `cadenza up`, which brings a database"
        problems.insert(0, SettingProblem("DATABASE_URL", "is not set", fix))
    if problems:
        raise SettingsError(problems)
    return settings


def tell(error: SettingsError) -> int:
    """Each setting with what is wrong and what to do, a line each, for a log. The exit code."""
    for one in error.problems:
        sys.stderr.write(f"{one.variable}: {one.problem} -> {one.fix}\n")
    return CANNOT_START
