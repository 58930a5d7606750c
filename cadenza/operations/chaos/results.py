"""What is wanted of a chaos run, and everything that it showed: kept as JSON, read again for reports."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from cadenza.domain.judge import ScoreCard
from cadenza.operations.chaos.recovery import Recovery
from cadenza.operations.chaos.schedule import Card

UP = (sys.executable, "-m", "cadenza.cli", "up")


@dataclass(frozen=True)
class ChaosOrder:
    """What is wanted. `patience` in seconds from the start of the campaigns; after it the judge sees what is there."""

    leads: int
    seed: int
    kills: int
    data_dir: Path
    talkers: bool = True
    """People who hold a conversation of about a minute are among the leads."""
    builds: bool = False
    """Workers are versioned, and each rolling restart deploys another build."""
    calls_per_second: float = 12.0
    lines: int = 60
    patience: float = 900.0
    settle_seconds: float = 90.0
    """From the last outcome until nothing is under way: webhooks, recordings, last workflow tasks."""
    opt_outs: int = 2
    """Numbers that are suppressed over the API while they ring."""
    opt_out_gap: float = 6.0
    max_call_seconds: int = 90
    """A call whose last callback was lost holds its line so long: the carrier is asked then."""
    gap: tuple[float, float] = (3.0, 7.0)
    deck: Sequence[Card] | None = None
    command: Sequence[str] = field(default=UP)


class ChaosResult(BaseModel):
    """Everything that a run showed. Counts by process, by kind or by name."""

    seed: int
    leads: int
    commit: str | None = None
    """The code that ran, `-dirty` if it was changed; None outside a repository."""
    began_at: datetime
    seconds: float
    processors: int
    busy: float
    """Share of all processors that was in use, by us or by others, from 0 to 1."""
    timed_out: bool
    kills: dict[str, int]
    freezes: dict[str, int]
    cuts: dict[str, int]
    rolls: int
    pauses: int
    faults: dict[str, int]
    not_played: list[str]
    """Cards that could not be played here."""
    breaker_trips: int
    """Pauses that the system made by itself, and that we ended."""
    opted_out_while_ringing: int
    struck: int
    """Requests of the carrier that a fault hit."""
    recoveries: list[Recovery]
    waits: dict[str, list[float]]
    outcomes: dict[str, int]
    card: ScoreCard

    @property
    def passed(self) -> bool:
        """No promise was broken, and the campaigns came to their end."""
        return self.card.passed and not self.timed_out


_RESULTS = TypeAdapter(list[ChaosResult])


class NotResults(ValueError):
    """The file is not there, or does not hold the results of chaos runs; the message names it."""


def write_results(file: Path, results: Sequence[ChaosResult]) -> None:
    file.write_bytes(_RESULTS.dump_json(list(results), indent=1))


def read_results(files: Iterable[Path]) -> list[ChaosResult]:
    """The results in all files, by seed. Raises NotResults."""
    found: list[ChaosResult] = []
    for file in files:
        try:
            found += _RESULTS.validate_json(file.read_bytes())
        except ValidationError as error:
            raise NotResults(f"{file} does not hold results of `cadenza chaos --json`") from error
        except OSError as error:
            raise NotResults(
                f"{file} cannot be read ({error.strerror}): name files that `cadenza chaos --json FILE` wrote"
            ) from error
    return sorted(found, key=lambda result: result.seed)


def running_commit() -> str | None:
    """The commit of the code that runs, if it runs from a repository."""
    command = ["git", "describe", "--always", "--abbrev=10", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
