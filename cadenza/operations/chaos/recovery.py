"""How long after a death the next call was placed. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median

from pydantic import BaseModel, ConfigDict


class Death(BaseModel):
    """A process was killed. `leads_were_due`: there was something to place, so the wait says something."""

    model_config = ConfigDict(frozen=True)

    target: str
    at: datetime
    leads_were_due: bool


class Recovery(BaseModel):
    """Seconds from a process's deaths to the next call placed. None where no death was followed by one."""

    model_config = ConfigDict(frozen=True)

    target: str
    deaths: int
    measured: int
    median_seconds: float | None
    longest_seconds: float | None


def waits(deaths: Iterable[Death], placed: Sequence[datetime]) -> dict[str, list[float]]:
    """Seconds to the next call, by process; deaths while nothing was due, or with no call after, are left out."""
    ordered = sorted(placed)
    found: defaultdict[str, list[float]] = defaultdict(list)
    for death in deaths:
        after = next((moment for moment in ordered if moment > death.at), None)
        if death.leads_were_due and after is not None:
            found[death.target].append((after - death.at).total_seconds())
    return dict(found)


def recoveries(deaths: Sequence[Death], placed: Sequence[datetime]) -> list[Recovery]:
    """One line for each process that died."""
    return all_recoveries([(Counter(death.target for death in deaths), waits(deaths, placed))])


def all_recoveries(runs: Iterable[tuple[Mapping[str, int], Mapping[str, Sequence[float]]]]) -> list[Recovery]:
    """The same over several runs, each with its deaths and its waits by process."""
    deaths: Counter[str] = Counter()
    measured: defaultdict[str, list[float]] = defaultdict(list)
    for its_deaths, its_waits in runs:
        deaths.update(its_deaths)
        for target, seconds in its_waits.items():
            measured[target] += seconds
    return [
        Recovery(
            target=target,
            deaths=count,
            measured=len(measured[target]),
            median_seconds=round(median(measured[target]), 2) if measured[target] else None,
            longest_seconds=round(max(measured[target]), 2) if measured[target] else None,
        )
        for target, count in sorted(deaths.items())
    ]
