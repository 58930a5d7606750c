"""How long do people wait for a reply, with vendors as slow as real ones? By stage, beside the goals.

The whole real system (`cadenza up` in a process of its own) calls people who talk, book and object; recogniser, model,
voice, calendars and the telephone network take what they take in production (`bench/rehearsal_system.py` names it).
The stages are those of the campaign's report, measured by the bridge at the carrier's marks; the last figure is the
carrier's own: from a person's last sound to the agent's first, at the phone.

The emulated model uses few words, and a voice that keeps what it said lately would hardly be asked: without `--reuse`
every sentence is synthesised anew.

    python -m bench reply_time [--leads 40] [--calls 6] [--reuse]
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.bridge_kills.stories import Stories
from bench.machine import describe
from bench.rehearsal_system import log_sound, make_realistic, skipped_ticks, start_talks
from bench.truth_file import TruthFile
from bench.voice_bridge.figures import quantile
from cadenza.operations.chaos.patience import PatientApi
from cadenza.operations.chaos.results import UP
from cadenza.operations.chaos.under_test import DidNotStart, UnderTest, chaos_environment
from cadenza.operations.demo.demo_command import demo_settings
from tests.support.servers import open_folder

PATIENCE_SECONDS = 1200.0
_OVER = {"completed", "cancelled"}


class Waited:
    """What a run found."""

    def __init__(self, report: dict[str, Any], at_the_phone: Sequence[float], skipped: int) -> None:
        self.stages: list[dict[str, Any]] = report["reply_latency"]
        self.heard: dict[str, Any] = report["reply_time"]
        self.at_the_phone = at_the_phone
        self.skipped = skipped


async def measure(folder: Path, leads: int, calls: int, seed: int, *, reuse: bool) -> Waited:
    """Call so many people. Raises DidNotStart, TimeoutError."""
    environment = chaos_environment(folder, seed=seed, calls_per_second=1.0, lines=calls)
    if not reuse:
        environment["BRIDGE_SPOKEN_CACHE_MB"] = "0"
    settings = demo_settings(environment)
    under_test = UnderTest(settings, environment, UP)
    try:
        await under_test.start()
        await make_realistic(under_test)
        await log_sound(under_test)
        campaign = await start_talks(settings, "Reply time", leads)
        api = PatientApi(settings, until=monotonic() + PATIENCE_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await api.get(f"/v1/campaigns/{campaign}/progress"))["state"] not in _OVER:  # noqa: ASYNC110
                await asyncio.sleep(1.0)
        report = await api.get(f"/v1/campaigns/{campaign}/report")
        stories = Stories()
        stories.feed(TruthFile(settings.data_dir / "rehearsal" / "truth.jsonl").read())
        waits = [wait for story in stories.by_sid.values() for wait in story.waits_for_replies()]
        return Waited(report, waits, await skipped_ticks(under_test))
    finally:
        await under_test.stop()


def show(waited: Waited, console: Console) -> None:
    """The stages, the whole, the goals."""
    table = Table("from the callee's last sound to", "p50 ms", "p95 ms", "of it this stage p50", "p95", "replies")
    for stage in waited.stages:
        figures = (f"{stage[name]:.0f}" for name in ("p50", "p95", "took_p50", "took_p95"))
        table.add_row(stage["stage"].replace("_", " "), *figures, str(stage["count"]))
    phone = [1000 * quantile(waited.at_the_phone, share) for share in (0.5, 0.95)]
    table.add_row("at the phone", *(f"{one:.0f}" for one in phone), "", "", str(len(waited.at_the_phone)))
    console.print(table, highlight=False)
    heard = waited.heard
    console.print(
        f"Goals: p50 under {heard['goal_p50']:.0f} ms, p95 under {heard['goal_p95']:.0f} ms: "
        f"{ {True: 'met', False: 'NOT met', None: 'nothing measured'}[heard['met']] }",
        highlight=False,
    )


def main(words: Sequence[str]) -> None:
    """Exit code 1 if a goal is missed, 2 if the system did not come up."""
    parser = argparse.ArgumentParser(prog="python -m bench reply_time", description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=40, help="people to call")
    parser.add_argument("--calls", type=int, default=6, help="at the same time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reuse", action="store_true", help="say a sentence again from memory, as the bridge does")
    options = parser.parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(f"Machine: {describe()}; {options.calls} calls at the same time")
    try:
        with open_folder("cadenza-bench-") as folder:
            waited = asyncio.run(measure(folder, options.leads, options.calls, options.seed, reuse=options.reuse))
    except (DidNotStart, TimeoutError) as error:
        console.print(f"No result: {error or 'the campaign did not end in time'}")
        raise SystemExit(2) from error
    show(waited, console)
    console.print(
        f"Load at the end: {os.getloadavg()[0]:.2f}; "
        f"frames that the simulated carrier was too late for: {waited.skipped}",
        highlight=False,
    )
    if waited.heard["met"] is False:
        raise SystemExit(1)
