"""A bridge is killed in mid-call: do its calls go on, how long is the silence, is anything said or done twice?

The whole real system (`cadenza up` in a process of its own, vendors and people emulated) with three bridges on one
socket and a steady flow of conversations. One of them is killed by SIGKILL, so often, each time while some call is in
another phase; the others take its calls, and the dead one comes back. Judged by the carrier's own log (what sounded on
each line to 20 ms, the words that were heard, the calendars' own appointments) and by the journal.

    python -m bench bridge_kills [--kills 100] [--calls 10] [--bridges 3] [--seed 1] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from time import monotonic

from rich.console import Console
from rich.table import Table

from bench.bridge_kills.live import Bridges, Watch, kill, tools_twice
from bench.bridge_kills.stories import Phase
from bench.bridge_kills.verdict import GAP_GOAL_SECONDS, Death, Fate, Result, judge
from bench.machine import describe
from bench.rehearsal_system import CALLED, log_sound, make_realistic, skipped_ticks, start_talks
from cadenza.domain.line import Line
from cadenza.domain.script import Script
from cadenza.domain.standard_lines import STANDARD_LINES, line_text
from cadenza.operations.chaos.results import UP
from cadenza.operations.chaos.under_test import DidNotStart, UnderTest, chaos_environment
from cadenza.operations.demo.demo_command import demo_campaign, demo_settings
from tests.support.servers import open_folder
from voice_bridge.fillers import Wait

SPACING_SECONDS = 4.0
"""Between deaths, at least. A call may meet more than one."""
PHASE_SECONDS = 6.0
"""So long a moment of the wanted phase is waited for."""
FIRST_CALLS_SECONDS = 120.0
SETTLE_SECONDS = 25.0
"""After the last death: the calls go on."""


ALLOWED = tuple(
    STANDARD_LINES[line] for line in (Line.RESUME, Line.RESUME_AND_ASK, *(line for wait in Wait for line in wait.value))
)
"""May be said after every death."""


class Run:
    """One run. `deaths` grows; what happened is judged at the end, or when it is interrupted."""

    def __init__(self, options: argparse.Namespace, folder: Path, console: Console) -> None:
        self._options = options
        self._console = console
        self._random = Random(options.seed)
        environment = chaos_environment(
            folder, seed=options.seed, calls_per_second=max(0.5, options.calls / 10), lines=options.calls
        )
        self.settings = demo_settings(environment)
        self._under_test = UnderTest(self.settings, environment, UP)
        self.deaths: list[Death] = []
        self.skipped = 0

    async def run(self) -> Result:
        """Raises DidNotStart, TimeoutError."""
        bridges = Bridges(self._under_test, self._options.bridges)
        try:
            await self._under_test.start()
            await log_sound(self._under_test)
            await make_realistic(self._under_test)
            await bridges.until_all_serve()
            leads = max(200, int(self._options.kills * 8))
            await start_talks(self.settings, "Bridge kills", leads)
            watch = Watch(self._under_test)
            try:
                await self._until_talking(watch)
                await self._kill_and_kill(watch, bridges)
                await asyncio.sleep(SETTLE_SECONDS)
                watch.look()
            finally:
                watch.close()
            self.skipped = await skipped_ticks(self._under_test)
            repeated = tools_twice(self._under_test.database_url)
            return judge(watch.stories, self.deaths, ALLOWED, self._disclosure(), repeated)
        finally:
            bridges.stop_beside()
            await self._under_test.stop()

    def _disclosure(self) -> str:
        script = Script.model_validate(demo_campaign(self.settings)["script"])
        return line_text(Line.DISCLOSURE, script, first_name=CALLED)

    async def _until_talking(self, watch: Watch) -> None:
        async with asyncio.timeout(FIRST_CALLS_SECONDS):
            while True:
                watch.look()
                if len(watch.stories.live) >= max(1, self._options.calls // 2):
                    return
                await asyncio.sleep(0.2)

    async def _kill_and_kill(self, watch: Watch, bridges: Bridges) -> None:
        deck: list[Phase] = []
        while len(self.deaths) < self._options.kills:
            await bridges.until_all_serve()
            deck = deck or self._random.sample(list(Phase), len(Phase))
            wanted = deck.pop()
            found = await watch.until_phase(wanted, bridges, PHASE_SECONDS)
            if found is None:
                self._console.print("no call to strike; waiting for one")
                await self._until_talking(watch)
                continue
            self.deaths.append(await kill(*found, wanted))
            next_at = monotonic() + SPACING_SECONDS
            if len(self.deaths) % 5 == 0 or len(self.deaths) == self._options.kills:
                self._console.print(f"{len(self.deaths)} deaths, {len(watch.stories.live)} calls on the line")
            while monotonic() < next_at:
                await asyncio.sleep(0.2)
                watch.look()


def show(result: Result, console: Console) -> None:
    """The figures by phase, then what misses its goal."""
    table = Table(
        "phase at the death", "calls in hand", "continued", "over", "left", "lost", "gap s p50", "p95", "longest",
        "said twice", title=f"{result.deaths} deaths of a bridge, others standing by",
    )  # fmt: skip
    for phase in (*Phase, None):
        struck = [one for one in result.survivors if phase is None or one.phase is phase]
        fates = [str(sum(one.fate is fate for one in struck)) for fate in Fate]
        gaps = [f"{result.gap(share, phase):.2f}" for share in (0.5, 0.95, 1.0)]
        twice = str(sum(len(one.said_twice) for one in struck))
        table.add_row("all" if phase is None else phase.value, str(len(struck)), *fates, *gaps, twice)
    console.print(table, highlight=False)
    later = sum(len(one.said_again_later) for one in result.survivors)
    console.print(
        f"Continued: {result.continued_share:.1%} of those with something left to say (goal: all). Gap, from the "
        f"broken stream to the agent's first frame on the next: p95 {result.gap(0.95):.2f} s (goal: under "
        f"{GAP_GOAL_SECONDS:g} s). "
        f"Tools run twice: {len(result.tools_twice)}. Booked twice: {len(result.bookings_doubled)}. "
        f"The model came back to a sentence later in the call: {later}.",
        highlight=False,
    )
    for failure in result.failures:
        console.print(f"NOT met: {failure}", highlight=False)
    if not result.failures:
        console.print("All goals met")


def main(words: Sequence[str]) -> None:
    """Exit code 1 if a goal is missed, 2 if the system did not come up."""
    parser = argparse.ArgumentParser(prog="python -m bench bridge_kills", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="deaths")
    parser.add_argument("--calls", type=int, default=10, help="calls at the same time")
    parser.add_argument("--bridges", type=int, default=3, help="two at least; the others stand by")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the result there too")
    parser.add_argument("--data-dir", type=Path, help="keep everything there (default: a temporary folder)")
    options = parser.parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 200)
    machine, began = describe(), monotonic()
    console.print(f"Machine: {machine}; {options.calls} calls at the same time")

    async def run(folder: Path) -> Result:
        one = Run(options, folder, console)
        result = await one.run()
        show(result, console)
        console.print(
            f"{monotonic() - began:.0f} s; load at the end {os.getloadavg()[0]:.2f}; "
            f"frames that the simulated carrier was too late for: {one.skipped}",
            highlight=False,
        )
        return result

    try:
        if options.data_dir is not None:
            options.data_dir.mkdir(parents=True, exist_ok=True)
            result = asyncio.run(run(options.data_dir.absolute()))
        else:
            with open_folder("cadenza-bench-") as folder:
                result = asyncio.run(run(folder))
    except (DidNotStart, TimeoutError) as error:
        console.print(f"No result: {error or 'nothing came up in time'}")
        raise SystemExit(2) from error
    if options.json is not None:
        document = {"machine": machine, **asdict(result), "failures": result.failures}
        options.json.write_text(json.dumps(document, indent=1, default=str))
    if result.failures:
        raise SystemExit(1)
