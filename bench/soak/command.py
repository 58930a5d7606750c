"""Hours of calls on one bridge: memory, open files, tasks and latency, and whether a call gets stuck.

Callers as in `bench voice_bridge`, at emulated vendors: each talks for a natural length, hangs up and is followed by
another, so that thousands of calls begin and end. A sample every ten seconds; Ctrl-C ends the run with what it has. It
may run beside other work: a leak shows in spite of it, latency does not say much then.

    python -m bench soak [--hours 2] [--calls 75] [--json FILE]
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic

import httpx
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from bench.machine import describe
from bench.soak.callers import TYPICAL_SECONDS, Callers
from bench.soak.figures import MEBIBYTE, Sample, Verdict, Window, judge, window
from bench.voice_bridge.contenders import HOST, CadenzaBridge, NotStarted
from bench.voice_bridge.servers import cadenza_with_servers
from bench.voice_bridge.speech import make_speech
from bench.voice_bridge.vendors import Vendors
from tests.support.servers import open_folder

HALF_OF_CAPACITY = 75
"""Of the 150 calls that a core is to carry."""
SAMPLE_SECONDS = 10.0
WINDOW_SECONDS = 600.0
LEAVING_SECONDS = 60.0
"""After everybody hung up: so long the bridge may take to have written everything."""
ENDING_SECONDS = 30.0
"""A call that the bridge still counts so long after its caller left is stuck."""


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace, folder: Path, console: Console) -> None:
        self._options = options
        self._folder = folder
        self._console = console
        self._stop_asked = asyncio.Event()
        self.samples: list[Sample] = []
        self.windows: list[Window] = []
        self._stuck = 0

    async def run(self) -> Verdict:
        """Raises NotStarted."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop_asked.set)
        speech = make_speech()
        vendors = Vendors(speech)
        async with cadenza_with_servers(self._folder, await vendors.start()) as bridge:
            bridge.start(None, self._folder / "bridge.log")
            callers = Callers(bridge, vendors, speech, self._options.seed, self._options.typical)
            try:
                callers.start(self._options.calls)
                await self._watch(bridge, callers)
                await callers.stop()
                self._stuck = max(self._stuck, await self._left_behind(bridge))
            finally:
                bridge.stop()
                vendors.stop()
        return judge(
            self.samples, self.windows, calls=callers.calls, lost_calls=callers.lost_calls, stuck_calls=self._stuck
        )

    async def _watch(self, bridge: CadenzaBridge, callers: Callers) -> None:
        assert bridge.process is not None
        process, began = psutil.Process(bridge.process.pid), monotonic()
        until = began + self._options.hours * 3600
        window_began = began
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{bridge.port}", timeout=10.0) as client:
            while not self._stop_asked.is_set():
                self.samples.append(await self._sample(process, client, began, callers))
                self._stuck = max(self._stuck, self.samples[-1].stuck)
                over = monotonic() >= until
                if over or monotonic() - window_began >= self._options.window:
                    self._close_window(window_began - began, callers)
                    window_began = monotonic()
                if over:
                    return
                try:
                    await asyncio.wait_for(self._stop_asked.wait(), min(SAMPLE_SECONDS, max(0.1, until - monotonic())))
                except TimeoutError:
                    continue
        self._close_window(window_began - began, callers)

    async def _sample(
        self, process: psutil.Process, client: httpx.AsyncClient, began: float, callers: Callers
    ) -> Sample:
        health = (await client.get("/health")).json()
        with process.oneshot():
            times = process.cpu_times()
            return Sample(
                seconds=monotonic() - began,
                rss=process.memory_info().rss,
                files=process.num_fds(),
                sockets=len(process.net_connections("inet")),
                tasks=int(health["tasks"]),
                calls=int(health["calls"]),
                callers=len(callers.open),
                cpu_seconds=times.user + times.system,
                moving=callers.moving(ENDING_SECONDS),
            )

    def _close_window(self, from_seconds: float, callers: Callers) -> None:
        turns, lost = callers.take_replies()
        made, last = window(from_seconds, turns, lost), self.samples[-1]
        self.windows.append(made)
        self._console.print(
            f"{last.seconds / 60:.0f} min: {callers.calls} calls so far, {last.calls} now, "
            f"{last.rss / MEBIBYTE:.1f} MiB, {last.files} files, {last.tasks} tasks; {made.replies} replies, added "
            f"{made.added_p50_ms:.0f} / {made.added_p95_ms:.0f} ms, {made.gaps} gaps, {made.lost} turns lost, "
            f"{callers.lost_calls} calls lost",
            highlight=False,
        )

    async def _left_behind(self, bridge: CadenzaBridge) -> int:
        """Calls that the bridge still counts when everybody has left long ago."""
        until, calls = monotonic() + LEAVING_SECONDS, 0
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{bridge.port}", timeout=10.0) as client:
            while monotonic() < until:
                calls = int((await client.get("/health")).json()["calls"])
                if not calls:
                    return 0
                await asyncio.sleep(1.0)
        return calls


def show(verdict: Verdict, console: Console) -> None:
    """The windows, then the verdict."""
    table = Table("from minute", "replies", "lost", "added ms p50 / p95", "gaps", "longest ms")
    for one in verdict.windows:
        added = f"{one.added_p50_ms:.0f} / {one.added_p95_ms:.0f}"
        row = (f"{one.from_seconds / 60:.0f}", one.replies, one.lost, added, one.gaps, f"{one.longest_gap_ms:.0f}")
        table.add_row(*map(str, row))
    console.print(table, highlight=False)
    for name, growth in (("Memory, MiB", verdict.memory), ("Open files", verdict.files), ("Tasks", verdict.tasks)):
        if growth is None:
            console.print(f"{name}: too few samples to tell")
        else:
            console.print(
                f"{name}: {growth.at_begin:.1f} after the warm-up, {growth.an_hour:+.2f} an hour: "
                f"{'flat' if growth.is_flat else 'GROWS'}",
                highlight=False,
            )
    console.print(
        f"{verdict.seconds / 60:.0f} minutes, {verdict.calls} calls, {verdict.cpu_seconds_a_call_minute:.3f} CPU-s a "
        f"call-minute; stuck calls: {verdict.stuck_calls}; lost calls: {verdict.lost_calls}; "
        f"lost turns: {verdict.lost_turns}",
        highlight=False,
    )
    for failure in verdict.failures:
        console.print(f"NOT as it should be: {failure}", highlight=False)


def main(words: Sequence[str]) -> None:
    """Exit code 1 if something grows or is stuck, 2 if the bridge did not come up."""
    parser = argparse.ArgumentParser(prog="python -m bench soak", description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--calls", type=int, default=HALF_OF_CAPACITY, help="at the same time; half of the capacity")
    parser.add_argument("--typical", type=float, default=TYPICAL_SECONDS, help="seconds of a call in the middle of all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--window", type=float, default=WINDOW_SECONDS, help="seconds of replies in a row of figures")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 200)
    machine = describe()
    console.print(
        f"Machine: {machine}; {options.calls} calls for {options.hours:g} hours; Ctrl-C ends it with a verdict"
    )
    with open_folder("cadenza-bench-") as folder:

        async def run() -> tuple[Soak, Verdict]:
            soak = Soak(options, folder, console)
            return soak, await soak.run()

        try:
            soak, verdict = asyncio.run(run())
        except NotStarted as error:
            console.print(str(error))
            raise SystemExit(2) from error
    show(verdict, console)
    console.print(f"Load at the end: {os.getloadavg()[0]:.2f}", highlight=False)
    if options.json is not None:
        samples = [asdict(one) for one in soak.samples]
        document = {"machine": machine, "calls_at_once": options.calls, **verdict.as_dict(), "samples": samples}
        options.json.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    if verdict.failures:
        raise SystemExit(1)
