"""What a check found, in a form that can be shown."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Outcome of one check. SKIPPED: not set up, and not needed for a start."""

    GOOD = "good"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What one check found. `fix` is empty unless something is wrong."""

    subject: str
    verdict: Verdict
    detail: str
    fix: str = ""
