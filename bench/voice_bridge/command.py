"""How many live calls does one core carry, and what does the bridge add to a reply?

Callers in real time (synthesised speech as mu-law, a frame every 20 ms) on one core, with the vendors' wire protocols
emulated at fixed delays; the bridge on the other. They speak, hear the reply to its end, break into every third one. In
the same run, against the same callers and vendors: a bridge that only copies bytes, on two WebSocket libraries, as the
limit; and Pipecat, as its own Twilio template sets it up and as light as it fairly can be.

    python -m bench voice_bridge [--callers 1,5,10,25,50,100,150,200,300] [--seconds 30] [--peers FOLDER] [--json FILE]
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic

import orjson
from rich.console import Console
from rich.table import Table

from bench.machine import describe
from bench.voice_bridge.caller import FRAME_SECONDS, Caller
from bench.voice_bridge.contenders import HOST, Contender, NotStarted, bare_bridge, pipecat_bot
from bench.voice_bridge.figures import ADDED_LIMIT_MS, Row, Usage, capacity, core_limit, row
from bench.voice_bridge.goals import goals
from bench.voice_bridge.servers import cadenza_with_servers
from bench.voice_bridge.speech import Speech, make_speech
from bench.voice_bridge.vendors import Vendors

DEFAULT_CALLERS = [1, 5, 10, 25, 50, 100, 150, 200, 300]
NAMES = ("cadenza", "websockets", "picows", "example", "lightest")
PEERS = ("pipecat-ai[assemblyai,elevenlabs,openai,runner,silero,websocket]", "picows")
PACKAGES = {"websockets": "websockets", "picows": "picows", "example": "pipecat-ai", "lightest": "pipecat-ai"}
JOIN_SECONDS = 20
JOIN_EVERY_SECONDS = 0.03
SETTLING_SECONDS = 14.0
SLOTS = 20


class NoReply(Exception):
    """A contender does not answer its first caller; the message says what is known."""


class Measurement:
    """One contender, with ever more callers."""

    def __init__(self, contender: Contender, vendors: Vendors, speech: Speech, seconds: float) -> None:
        self._contender = contender
        self._vendors = vendors
        self._speech = speech
        self._seconds = seconds
        self._lateness: list[float] = []
        self._numbered = 0

    async def warm_up(self) -> Usage:
        """One call with one reply, so that everything is loaded; what the process uses after it."""
        callers = await self._join(1)
        ticking = asyncio.create_task(self._tick(callers))
        for _ in range(200):
            await asyncio.sleep(0.1)
            if any(turn.reply_at is not None for turn in callers[0].turns.values()):
                break
        else:
            trouble = "; ".join(self._vendors.trouble)
            raise NoReply(f"{self._contender.name} gave no reply to the first caller. {trouble}")
        await asyncio.sleep(4)
        await self._leave(callers, ticking)
        await asyncio.sleep(2)
        return self._contender.usage()

    async def measure(self, count: int, idle: Usage) -> Row:
        """So many callers for so many seconds, after all have settled."""
        callers: list[Caller] = []
        ticking = asyncio.create_task(self._tick(callers))
        await self._join(count, callers)
        await asyncio.sleep(SETTLING_SECONDS)
        self._lateness.clear()
        before, began = self._contender.usage(), monotonic()
        await asyncio.sleep(self._seconds)
        after, ended = self._contender.usage(), monotonic()
        lateness = list(self._lateness)
        turns = [
            turn for caller in callers for turn in caller.turns.values() if began <= turn.began_at and turn.reply_at
        ]
        lost = sum(1 for caller in callers for at in caller.lost if at >= began)
        lost += sum(caller.ended_early for caller in callers)
        await self._leave(callers, ticking)
        return row(self._contender.name, count, turns, ended - began, idle, before, after, lateness, lost)

    async def _join(self, count: int, callers: list[Caller] | None = None) -> list[Caller]:
        """One after the other: each waits until the bridge has opened his recogniser."""
        callers = [] if callers is None else callers
        loop = asyncio.get_running_loop()
        host = f"{HOST}:{self._contender.port}"
        for headers, start in await self._contender.invitations(count):
            self._numbered += 1
            caller = Caller(self._numbered, self._speech, host, self._contender.path, headers, start)
            self._vendors.callers[caller.number] = caller
            self._vendors.joining.append(caller)
            await loop.create_connection(lambda caller=caller: caller, HOST, self._contender.port)  # type: ignore[misc]
            callers.append(caller)
            try:
                async with asyncio.timeout(JOIN_SECONDS):
                    await caller.joined.wait()
            except TimeoutError:
                caller.ended_early = True
                if caller in self._vendors.joining:
                    self._vendors.joining.remove(caller)
            await asyncio.sleep(JOIN_EVERY_SECONDS)
        return callers

    async def _leave(self, callers: list[Caller], ticking: "asyncio.Task[None]") -> None:
        for caller in callers:
            caller.hang_up()
            self._vendors.callers.pop(caller.number, None)
        await asyncio.sleep(0.5)
        ticking.cancel()
        for _ in range(300):  # until the bridge has written what it has to write, and is at rest
            before = self._contender.usage().cpu_seconds
            await asyncio.sleep(0.5)
            if self._contender.usage().cpu_seconds - before < 0.05:
                break

    async def _tick(self, callers: list[Caller]) -> None:
        """Every caller every 20 ms, each at his own time within them."""
        next_at, slot = monotonic(), 0
        while True:
            now = monotonic()
            await asyncio.sleep(max(0.0, next_at - now))
            now = monotonic()
            self._lateness.append(now - next_at)
            for caller in callers[slot::SLOTS]:
                caller.tick(now)
            slot = (slot + 1) % SLOTS
            next_at += FRAME_SECONDS / SLOTS


class Bench:
    """One run: all contenders, one after the other."""

    def __init__(self, options: argparse.Namespace, console: Console, folder: Path) -> None:
        self._options = options
        self._console = console
        self._folder = folder
        self._speech = make_speech()
        self._vendors = Vendors(self._speech)
        self.rows: list[Row] = []
        self.versions: dict[str, str] = {}

    async def run(self) -> None:
        port = await self._vendors.start()
        for name in self._options.only:
            if name == "cadenza":
                async with cadenza_with_servers(self._folder, port) as bridge:  # they share the callers' core
                    await self._measure(bridge)
            elif (python := self._python_of(name)) is not None:
                bare = name in ("websockets", "picows")
                await self._measure(bare_bridge(python, name, port) if bare else pipecat_bot(python, name, port))
        self._vendors.stop()

    async def _measure(self, contender: Contender) -> None:
        try:
            contender.start(self._options.bridge_core, self._folder / f"{contender.name.replace(' ', '_')}.log")
            measurement = Measurement(contender, self._vendors, self._speech, self._options.seconds)
            idle = await measurement.warm_up()
            self._console.print(f"{contender.name}: {idle.rss / 2**20:.0f} MiB without a call")
            for place, count in enumerate(self._options.callers):
                figures = await measurement.measure(count, idle)
                self.rows.append(figures)
                self._console.print(
                    f"  {count} calls: {figures.replies} replies, {figures.lost} lost, added "
                    f"{figures.added_p50_ms:.0f} / {figures.added_p95_ms:.0f} ms, {figures.gaps} gaps, "
                    f"{figures.cpu_seconds_a_call_minute:.3f} CPU-s a call-minute, core {figures.cpu_share:.0%}",
                    highlight=False,
                )
                if figures.failed and (more := self._options.callers[place + 1 :]):
                    numbers = ", ".join(str(one) for one in more)
                    self._console.print(f"{contender.name} failed with {count} calls; {numbers} are not tried")
                    break
        except (NoReply, NotStarted) as trouble:
            self._console.print(f"{trouble}; the others go on")
        finally:
            contender.stop()

    def _python_of(self, name: str) -> str | None:
        """The Python that a contender runs on; None, and why, where there is none. Prints its version."""
        package = PACKAGES[name]
        python = Path(sys.executable)
        if name != "websockets":
            folder = self._options.peers
            if folder is None:
                self._console.print(f"{name}: left out; --peers FOLDER names a virtual environment for it")
                return None
            python = folder / "bin" / "python"
            if not python.exists():
                self._console.print(f"Installing {' '.join(PEERS)} into {folder}")
                subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
                subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS], check=True)
        asked = subprocess.run(
            [str(python), "-c", f"from importlib.metadata import version; print(version({package!r}))"],
            capture_output=True,
            text=True,
        )
        if asked.returncode:
            self._console.print(f"{name}: left out; {python} has no {package}")
            return None
        self.versions[package] = asked.stdout.strip()
        self._console.print(f"{package} {self.versions[package]}")
        return str(python)


def table(rows: Sequence[Row]) -> Table:
    """The figures as a person reads them."""
    made = Table(
        "", "calls", "replies", "lost", "added ms p50 / p95", "listening, thinking, speaking, playing p50 / p95",
        "stop ms p50 / p95", "after words p95", "gaps", "longest ms", "CPU-s a call-minute", "core",
        "MiB a call RSS / PSS", "callers late p99 ms",
    )  # fmt: skip
    for each in rows:
        made.add_row(
            each.contender,
            str(each.callers),
            str(each.replies),
            str(each.lost),
            f"{each.added_p50_ms:.0f} / {each.added_p95_ms:.0f}",
            " / ".join(
                ", ".join(f"{value:.0f}" for value in stages.values())
                for stages in (each.stages_p50_ms, each.stages_p95_ms)
            ),
            f"{each.stop_p50_ms:.0f} / {each.stop_p95_ms:.0f}",
            f"{each.stop_after_words_p95_ms:.0f}",
            str(each.gaps),
            f"{each.longest_gap_ms:.0f}",
            f"{each.cpu_seconds_a_call_minute:.3f}",
            f"{each.cpu_share:.0%}",
            f"{each.rss_a_call_mib:.2f} / {each.pss_a_call_mib:.2f}",
            f"{each.callers_late_p99_ms:.1f}",
        )
    return made


def print_ratios(rows: Sequence[Row], console: Console) -> None:
    """Calls a core, measured and by processor time, and what ours is of the others'."""
    names = list(dict.fromkeys(each.contender for each in rows))
    for name in names:
        own_wait = name.startswith("Pipecat")
        measured_from = "its own single call's median" if own_wait else "nothing"
        console.print(
            f"{name}: carried {capacity(rows, name, own_wait=own_wait)} calls on one core (no gap, no turn lost, "
            f"p95 less than {ADDED_LIMIT_MS:.0f} ms above {measured_from}); "
            f"by processor time {core_limit(rows, name):.0f} fill it"
        )
    ours = core_limit(rows, "Cadenza")
    for name in names:
        theirs = core_limit(rows, name)
        if name != "Cadenza" and ours and theirs:
            console.print(f"Cadenza carries {ours / theirs:.2f} times the calls of {name}, by processor time")


def goals_table(rows: Sequence[Row]) -> Table:
    """What was to be reached, and whether it was."""
    made = Table("goal", "found", "", title="Goals")
    for goal in goals(rows):
        made.add_row(goal.words, goal.found, {True: "met", False: "NOT met", None: "not measured"}[goal.met])
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench voice_bridge", description=__doc__.splitlines()[0])
    parser.add_argument("--callers", type=_numbers, default=DEFAULT_CALLERS, help="for example 1,25")
    parser.add_argument("--seconds", type=float, default=30.0, help="measured for each number of callers")
    parser.add_argument("--peers", type=Path, help="virtual environment with Pipecat and picows, made if absent")
    parser.add_argument("--only", type=_names, default=list(NAMES), help=f"some of {','.join(NAMES)}")
    parser.add_argument("--bridge-core", type=int, default=None, help="processor of the bridge; the last one")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 200)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        console.print("voice_bridge: left out; it needs Linux and two cores, one for the bridge alone")
        return
    options.bridge_core = cores[-1] if options.bridge_core is None else options.bridge_core
    machine = describe()
    console.print(f"Machine: {machine}; the bridge on processor {options.bridge_core}")
    os.sched_setaffinity(0, set(cores) - {options.bridge_core})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what was started is stopped then, too
    try:
        with tempfile.TemporaryDirectory(prefix="cadenza-bench-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # PostgreSQL does not run as root
            bench = Bench(options, console, folder)
            asyncio.run(bench.run())
    finally:
        os.sched_setaffinity(0, set(cores))
    console.print(table(bench.rows), highlight=False)
    print_ratios(bench.rows, console)
    console.print(goals_table(bench.rows), highlight=False)
    console.print(f"Load at the end: {os.getloadavg()[0]:.2f}")
    if options.json is not None:
        document = {
            "machine": machine,
            "load_at_end": os.getloadavg()[0],
            "seconds": options.seconds,
            "versions": bench.versions,
            "rows": [each.as_dict() for each in bench.rows],
            "goals": [asdict(goal) for goal in goals(bench.rows)],
        }
        options.json.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers such as 1,25,100") from None


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"there is no {name}; there are {','.join(NAMES)}")
    return names
