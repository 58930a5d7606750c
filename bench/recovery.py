"""How long is nobody called after a process dies? From its SIGKILL to the next call that the carrier gets.

The whole real system (`cadenza up` in a process of its own, the vendors emulated) runs a campaign with more due leads
than it can call. One process after another is killed, each when calls flow again. Two times for each death: to the next
call placed, and the longest time without one until calls flow again: what was already on its way when Temporal or
PostgreSQL died still goes out, and would make a long outage look short.

    python -m bench recovery [--kills 5] [--only worker api]
"""

import argparse
import asyncio
import csv
import random
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import monotonic

import phonenumbers
from rich.console import Console
from rich.table import Table

from bench.machine import describe
from bench.truth_file import TruthFile
from cadenza.operations.chaos.patience import PatientApi
from cadenza.operations.chaos.results import UP
from cadenza.operations.chaos.schedule import Target
from cadenza.operations.chaos.under_test import UnderTest, chaos_environment
from cadenza.operations.demo.demo_command import demo_campaign, demo_settings
from cadenza.settings import Settings
from tests.support.servers import open_folder

CALLS_PER_SECOND = 4.0
LINES = 80
TARGETS = (Target.WORKER, Target.BRIDGE, Target.API, Target.TEMPORAL, Target.POSTGRES, Target.SUPERVISOR)
FLOWING_CALLS = 12
"""Calls after a death by which they flow again."""
STEADY_SECONDS = 2.0
"""The pace of calls before a death: no gap as long as this among the last calls."""
PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.05
_KEEP_UP_SECONDS = 0.1
"""As systemd's usual RestartSec."""
_AREAS = range(201, 340)
_ENDINGS = (54, 55, 56, 48, 49, 34)
"""Of fictional numbers: busy, busy, busy, no answer, no answer, hangs up early (rehearsal/README.md)."""


def longest_silence(died_at: datetime, placed: Sequence[datetime]) -> float:
    """Seconds of the longest time without a call, from the death to the last of `placed`, which are in order."""
    moments = [died_at, *placed]
    return max((after - before).total_seconds() for before, after in pairwise(moments))


@dataclass
class PlacedCalls:
    """When the carrier got its calls: the world's log, read on where it was left."""

    log: Path
    moments: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._truth = TruthFile(self.log)

    def look(self) -> None:
        self.moments += [datetime.fromisoformat(one["at"]) for one in self._truth.read() if one["kind"] == "placed"]

    def since(self, moment: datetime) -> list[datetime]:
        self.look()
        return [one for one in self.moments if one > moment]

    async def until(self, moment: datetime, count: int) -> list[datetime]:
        """The first calls after the moment, once there are so many. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := self.since(moment)) < count:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
        return found[:count]

    async def until_steady(self) -> None:
        """Wait until the last calls came without a long gap, the last of them just now. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                now = datetime.now(UTC)
                recent = self.since(now - timedelta(seconds=FLOWING_CALLS / CALLS_PER_SECOND * 2))
                if len(recent) >= FLOWING_CALLS and longest_silence(recent[0], [*recent, now]) < STEADY_SECONDS:
                    return
                await asyncio.sleep(_LOOK_SECONDS)


@dataclass(frozen=True)
class Measured:
    """Seconds after each death of one process."""

    to_next_call: list[float]
    silence: list[float]


async def measure(kills: int, targets: Sequence[Target], folder: Path) -> Mapping[Target, Measured]:
    """Kill each of the targets so often. Raises DidNotStart, TimeoutError."""
    environment = chaos_environment(folder, seed=1, calls_per_second=CALLS_PER_SECOND, lines=LINES)
    settings = demo_settings(environment)
    under_test = UnderTest(settings, environment, UP)
    placed = PlacedCalls(settings.data_dir / "rehearsal" / "truth.jsonl")
    results = {target: Measured([], []) for target in targets}
    try:
        await under_test.start()
        beside = [asyncio.create_task(_keep_up(under_test))]
        await _start_campaign(settings)
        for _ in range(kills):
            for target in targets:
                await placed.until_steady()
                await asyncio.sleep(random.uniform(0.0, 1.0))
                died_at = await _kill(under_test, target)
                calls = await placed.until(died_at, FLOWING_CALLS)
                results[target].to_next_call.append((calls[0] - died_at).total_seconds())
                results[target].silence.append(longest_silence(died_at, calls))
        for task in beside:
            task.cancel()
    finally:
        await under_test.stop()
    return results


async def _kill(under_test: UnderTest, target: Target) -> datetime:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            at = datetime.now(UTC)
            if await asyncio.to_thread(under_test.kill, target):
                return at
            await asyncio.sleep(_LOOK_SECONDS)


async def _keep_up(under_test: UnderTest) -> None:
    """As an init system would."""
    while True:
        await asyncio.sleep(_KEEP_UP_SECONDS)
        under_test.keep_up()


async def _start_campaign(settings: Settings) -> None:
    api = PatientApi(settings, until=monotonic() + PATIENCE_SECONDS)
    body = demo_campaign(settings)
    body["name"] = "Recovery"
    body["policy"] |= {
        "max_attempts": 10,
        "max_calls_per_day": 10,
        "retry_gap_seconds": 5,
        "busy_gap_seconds": 5,
        "ring_seconds": 15,
        "breakers": {"abandoned_share": 0, "abandoned_burst_share": 0, "opt_out_share": 0},
    }
    campaign = (await api.post("/v1/campaigns", body))["id"]
    await api.upload(f"/v1/campaigns/{campaign}/leads", await asyncio.to_thread(_lead_file, settings.data_dir))
    await api.post(f"/v1/campaigns/{campaign}/start")


def _lead_file(folder: Path) -> Path:
    """Fictional people, one for each area and ending."""
    path = folder / "leads.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["First Name", "Last Name", "Phone", "Email"])
        for number in (f"+1{area}55501{ending}" for area in _AREAS for ending in _ENDINGS):
            if phonenumbers.is_valid_number(phonenumbers.parse(number)):
                writer.writerow(["Alex", "Person", number, f"person{number[2:]}@example.com"])
    return path


def _show(console: Console, results: Mapping[Target, Measured]) -> None:
    kills = max(len(measured.silence) for measured in results.values())
    table = Table(
        "killed", "next call: p50 s", "longest s", "longest silence: p50 s", "longest s",
        title=f"After SIGKILL, {kills} times each, at {CALLS_PER_SECOND:g} calls a second",
    )  # fmt: skip
    for target, measured in results.items():
        seconds = [
            f"{figure(one):.1f}" for one in (measured.to_next_call, measured.silence) for figure in (_median, max)
        ]
        table.add_row(target.value, *seconds)
    console.print(table)


def _median(seconds: Sequence[float]) -> float:
    return statistics.median(seconds)


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=5, help="Of each process")
    parser.add_argument("--only", nargs="+", choices=[target.value for target in TARGETS], help="Only these processes")
    parser.add_argument("--data-dir", type=Path, help="Keep everything there (default: a temporary folder)")
    arguments = parser.parse_args(words)
    targets = [Target(name) for name in arguments.only or TARGETS]
    console = Console()
    console.print(f"Machine: {describe()}")
    if arguments.data_dir is not None:
        arguments.data_dir.mkdir(parents=True, exist_ok=True)
        _show(console, asyncio.run(measure(arguments.kills, targets, arguments.data_dir.absolute())))
    else:
        with open_folder("cadenza-bench-") as folder:
            _show(console, asyncio.run(measure(arguments.kills, targets, folder)))


if __name__ == "__main__":
    main(sys.argv[1:])
