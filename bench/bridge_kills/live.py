"""The running system as the bench sees it: its bridges, the carrier's log, the journal."""

import asyncio
import random
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.bridge_kills.stories import Phase, Stories, Story
from bench.bridge_kills.verdict import CallAtDeath, Death
from bench.truth_file import TruthFile
from cadenza.operations.chaos.schedule import Target
from cadenza.operations.chaos.under_test import UnderTest
from cadenza.operations.readiness import is_ready

_LOOK_SECONDS = 0.03
_INSIDE_SECONDS = {Phase.GREETING: 4.0, Phase.AGENT_TALKS: 2.0, Phase.CALLEE_TALKS: 1.0, Phase.FAREWELL: 2.0}
"""These last, and are struck at any moment, not at their first one."""
_READY_SECONDS = 60.0
_BRIDGE_ID = re.compile(r"bridge_ready.*?\b(br_\w+)")
_OPEN_CALLS = """
select a.call_sid, a.bridge_id, a.disclosure_heard, (
    select t.tool from turn t where t.attempt_id = a.id and t.speaker = 'tool'
    and not coalesce(t.payload ? 'result', false) order by t.position desc limit 1)
from attempt a where a.state = 'in_progress' and a.call_sid is not null and not a.conversation_over
"""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A row of the journal's side: who holds the call, which tool runs."""

    bridge_id: str | None
    at_death: CallAtDeath


class Bridges:
    """The supervised bridge and others beside it, on one socket. Any may be killed; all come back."""

    def __init__(self, under_test: UnderTest, count: int) -> None:
        self._under_test = under_test
        self._folder = under_test.settings.data_dir
        self._beside: dict[str, subprocess.Popen[bytes] | None] = {
            f"bridge_{place}": None for place in range(2, count + 1)
        }
        self.count = count

    def stop_beside(self) -> None:
        """End those that nobody else ends."""
        running = [process for process in self._beside.values() if process is not None and process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()

    async def until_all_serve(self) -> None:
        """Start those again that died, and wait until all are ready. Raises TimeoutError."""
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                for name, process in self._beside.items():
                    if process is None or process.poll() is not None:
                        self._beside[name] = self._under_test.start_beside(name, "voice_bridge", "bridge")
                if len(self.ready()) == self.count:
                    return
                await asyncio.sleep(_LOOK_SECONDS)

    def ready(self) -> dict[str, psutil.Process]:
        """Bridges that serve, by the id that they claim calls with."""
        found = {}
        first = self._under_test.find(Target.BRIDGE)
        if first is not None and is_ready("bridge", self._folder, first.pid):
            found[self._id_of("bridge")] = first
        for name, beside in self._beside.items():
            if beside is not None and beside.poll() is None and is_ready("bridge", self._folder / name, beside.pid):
                found[self._id_of(name)] = psutil.Process(beside.pid)
        found.pop("", None)
        return {name: process for name, process in found.items() if process.is_running()}

    def _id_of(self, log: str) -> str:
        """The id of the latest process that wrote to the log."""
        path = Path(self._folder / "logs" / f"{log}.log")
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 200_000))
            ids = _BRIDGE_ID.findall(file.read().decode(errors="replace"))
        return ids[-1] if ids else ""


class Watch:
    """Stories as they unfold, beside what the journal says at this moment."""

    def __init__(self, under_test: UnderTest) -> None:
        self.stories = Stories()
        self._truth = TruthFile(under_test.settings.data_dir / "rehearsal" / "truth.jsonl")
        self._database = psycopg.connect(under_test.database_url, autocommit=True)

    def close(self) -> None:
        self._database.close()

    def look(self) -> dict[str, OpenCall]:
        """Read on; the open calls as the journal has them now."""
        self.stories.feed(self._truth.read())
        rows = self._database.execute(_OPEN_CALLS).fetchall()
        return {sid: OpenCall(bridge, CallAtDeath(tool, heard)) for sid, bridge, heard, tool in rows}

    async def until_phase(
        self, wanted: Phase, bridges: "Bridges", seconds: float
    ) -> tuple[psutil.Process, dict[str, OpenCall]] | None:
        """The bridge that holds a call in this phase, as soon as there is one. After so many seconds: the one that
        holds most calls. None if there is no call, or a bridge is missing."""
        loop = asyncio.get_running_loop()
        until, inside = loop.time() + seconds, False
        while True:
            calls, ready = self.look(), bridges.ready()
            if len(ready) < bridges.count:
                return None
            held = [story for story in self.stories.live if self._bridge_of(story, calls) in ready]
            now = datetime.now(UTC)
            fitting = [story for story in held if self._phase(story, calls, now) is wanted]
            if fitting and wanted in _INSIDE_SECONDS and not inside:
                inside = True
                await asyncio.sleep(random.uniform(0, _INSIDE_SECONDS[wanted]))
                continue
            if fitting:
                return ready[self._bridge_of(fitting[0], calls)], calls
            if loop.time() >= until:
                if not held:
                    return None
                owners = [self._bridge_of(story, calls) for story in held]
                return ready[max(set(owners), key=owners.count)], calls
            await asyncio.sleep(_LOOK_SECONDS)

    def _phase(self, story: Story, calls: Mapping[str, OpenCall], now: datetime) -> Phase:
        known = calls[story.sid].at_death
        return story.phase(now, tool=known.tool, disclosure_heard=known.disclosure_heard)

    @staticmethod
    def _bridge_of(story: Story, calls: Mapping[str, OpenCall]) -> str:
        return (calls[story.sid].bridge_id or "") if story.sid in calls else ""


async def kill(process: psutil.Process, calls: Mapping[str, OpenCall], wanted: Phase) -> Death:
    """SIGKILL, as a crash would; returns when it is dead."""
    at = datetime.now(UTC)
    process.kill()
    async with asyncio.timeout(_READY_SECONDS):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
    return Death(at, {sid: call.at_death for sid, call in calls.items()}, wanted)


_TOOLS_TWICE = """
select first.attempt_id, first.tool, first.position, again.position
from turn first join turn again on again.attempt_id = first.attempt_id and again.position > first.position
    and again.speaker = 'tool' and again.tool = first.tool
    and again.payload ->> 'arguments' = first.payload ->> 'arguments'
where first.speaker = 'tool'
and exists (select 1 from turn resumed where resumed.attempt_id = first.attempt_id and resumed.payload ? 'resumed_by'
    and resumed.position between first.position and again.position)
and not exists (select 1 from turn asked where asked.attempt_id = first.attempt_id and asked.speaker = 'callee'
    and asked.position between first.position and again.position)
"""


def tools_twice(database_url: str) -> list[str]:
    """Tools that were run again with the same arguments after a resume, though nobody had asked anew."""
    with psycopg.connect(database_url) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(_TOOLS_TWICE).fetchall()
    return [f"{tool} in {attempt} (turns {first} and {again})" for attempt, tool, first, again in rows]
