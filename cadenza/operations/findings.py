"""What a check found, in a form that can be shown."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Outcome of one check. SKIPPED: not set up, and not needed for a start. DOUBTFUL: a person should look."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What one check found. `fix` is empty unless something is wrong or doubtful."""

    subject: str
    verdict: Verdict
    detail: str
    fix: str = ""
