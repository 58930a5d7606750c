"""A rolling restart: always one process that serves, and none replaced by one that does not."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from cadenza.operations.child_process import ProcessSpec
from cadenza.operations.listening import listen
from cadenza.operations.processes import ProcessMark
from cadenza.operations.readiness import is_ready, ready_pid
from cadenza.operations.restart_policy import ProcessState
from cadenza.operations.supervisor import Stage, Supervisor
from tests.support.supervised import QUICK, Callers, serving, stub

pytestmark = pytest.mark.computes(40)

NAMES = ("worker", "bridge", "api")


@dataclass
class House:
    """Three stand-ins, of which the API serves on a lent socket; what is in `flaw` is wrong with those started next."""

    supervisor: Supervisor
    data_dir: Path
    flaw: Path
    port: int
    told: list[tuple[str, str]] = field(default_factory=list)

    def pid(self, name: str) -> int:
        pid = self.supervisor.pid(name)
        assert pid is not None
        return pid

    def pids(self) -> dict[str, int]:
        return {name: self.pid(name) for name in NAMES}

    def noted_pid(self, name: str) -> int | None:
        """What a stranger finds in the pid file."""
        mark = ProcessMark.parse((self.data_dir / "run" / f"{name}.pid").read_text())
        return mark.pid if mark else None

    def pid_files(self) -> set[str]:
        return {path.name for path in (self.data_dir / "run").glob("*.pid")}

    async def until(self, words: str) -> None:
        async with asyncio.timeout(20):
            while not any(words in said for _, said in self.told):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def house(
    data_dir: Path, *arguments: str, names: Sequence[str] = NAMES, ready_within: float = 60.0
) -> AsyncIterator[House]:
    flaw, told = data_dir / "flaw", list[tuple[str, str]]()
    with listen("api", "127.0.0.1", 0) as listener:

        def spec(name: str) -> ProcessSpec:
            made = stub(name, data_dir, "--flaw", str(flaw), *arguments)
            made = replace(made, policy=replace(QUICK, ready_within=ready_within))
            return serving(made, listener) if name == "api" else made

        supervisor = Supervisor(
            [Stage([spec(name) for name in names])], data_dir, lambda name, state, words: told.append((name, words))
        )
        try:
            await supervisor.start()
            yield House(supervisor, data_dir, flaw, int(listener.getsockname()[1]), told)
        finally:
            await supervisor.stop()


async def test_every_process_is_replaced_and_no_caller_notices(tmp_path: Path) -> None:
    async with house(tmp_path) as one, Callers(one.port) as callers:
        before = one.pids()
        assert await one.supervisor.restart()
        after = one.pids()
        await callers.until_answers(60)
    assert set(before.values()).isdisjoint(after.values())
    assert not any(psutil.pid_exists(pid) for pid in before.values())
    assert (callers.refused, callers.cut) == (0, 0)
    assert set(callers.answers) == {before["api"], after["api"]}


async def test_there_is_no_moment_without_a_ready_process_and_the_files_name_the_newest(tmp_path: Path) -> None:
    seen: dict[str, list[int]] = {name: [] for name in NAMES}

    async def watch(one: House) -> None:
        while True:
            for name in NAMES:
                pid = one.noted_pid(name)
                assert pid is not None and psutil.pid_exists(pid), name
                assert one.supervisor.state(name) is ProcessState.READY
                ready = ready_pid(name, tmp_path)
                assert ready is not None and psutil.pid_exists(ready), name
                if pid not in seen[name]:
                    seen[name].append(pid)
            await asyncio.sleep(0.005)

    async with house(tmp_path) as one:
        before = one.pids()
        watching = asyncio.create_task(watch(one))
        assert await one.supervisor.restart()
        after = one.pids()
        assert all(is_ready(name, tmp_path, after[name]) for name in NAMES)
        await asyncio.sleep(0.05)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
        assert seen == {name: [before[name], after[name]] for name in NAMES}
        assert one.pid_files() == {f"{name}.pid" for name in NAMES}


async def test_the_processes_are_replaced_one_after_another(tmp_path: Path) -> None:
    async with house(tmp_path, "--slow-stop", "0.2") as one:
        one.told.clear()
        assert await one.supervisor.restart()
        order = [name for name, _ in one.told]
        assert order == sorted(order, key=NAMES.index)
        assert set(order) == set(NAMES)


async def test_the_old_process_finishes_its_work_beside_the_new_one(tmp_path: Path) -> None:
    async with house(tmp_path, "--slow-stop", "1.0", names=["worker"]) as one:
        old = one.pid("worker")
        restarting = asyncio.create_task(one.supervisor.restart())
        await one.until("the old process finishes")
        assert one.noted_pid("worker") == one.pid("worker") != old
        assert psutil.pid_exists(old)
        assert "worker.beside.pid" in one.pid_files()  # found by the next start if we are killed now
        assert await restarting
        assert not psutil.pid_exists(old)


async def test_an_old_process_that_does_not_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    stubborn = stub("worker", tmp_path, "--ignore-stop", grace_seconds=0.5)
    told: list[str] = []
    supervisor = Supervisor([Stage([stubborn])], tmp_path, lambda name, state, words: told.append(words))
    await supervisor.start()
    old = supervisor.pid("worker")
    assert await supervisor.restart()
    assert old is not None and not psutil.pid_exists(old)
    assert "the old process did not stop within 0.5 s: killed" in told
    await supervisor.stop()


@pytest.mark.parametrize(
    ("flaw", "why"), [("hangs", "was not ready in time"), ("dies", "ended with exit code 3")], ids=["hangs", "dies"]
)
async def test_a_new_process_that_does_not_become_ready_leaves_the_old_ones_serving(
    tmp_path: Path, flaw: str, why: str
) -> None:
    async with house(tmp_path, ready_within=3.0) as one, Callers(one.port) as callers:
        before = one.pids()
        one.flaw.write_text(flaw)
        assert not await one.supervisor.restart()
        assert one.pids() == before
        assert one.told[-1] == ("worker", f"the new process {why}: the old one stays")
        assert one.pid_files() == {f"{name}.pid" for name in NAMES}
        assert all(is_ready(name, tmp_path, pid) for name, pid in before.items())
        await callers.until_answers(20)
        one.flaw.unlink()
        assert await one.supervisor.restart()
    assert (callers.refused, callers.cut) == (0, 0)


async def test_a_process_that_dies_while_its_successor_starts_is_succeeded_by_it(tmp_path: Path) -> None:
    async with house(tmp_path, names=["worker"]) as one:
        one.flaw.write_text("slow")
        restarting = asyncio.create_task(one.supervisor.restart())
        await one.until("a new process starts beside it")
        os.kill(one.pid("worker"), signal.SIGKILL)
        assert await restarting
        starts = (tmp_path / "logs" / "worker.log").read_text().count("ready")
        assert starts == 2


async def test_a_process_that_is_down_when_its_turn_comes_is_waited_for(tmp_path: Path) -> None:
    async with house(tmp_path, names=["worker"]) as one:
        killed = one.pid("worker")
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(5):
            while one.supervisor.state("worker") is ProcessState.READY:
                await asyncio.sleep(0.001)
        assert await one.supervisor.restart()
        assert one.supervisor.state("worker") is ProcessState.READY


async def test_a_new_process_that_dies_while_the_old_one_finishes_is_started_again_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, "--slow-stop", "4.0", names=["worker"]) as one:
        restarting = asyncio.create_task(one.supervisor.restart())
        await one.until("the old process finishes")
        new = one.pid("worker")
        os.kill(new, signal.SIGKILL)
        async with asyncio.timeout(3.5):  # less than the old process needs
            while one.supervisor.pid("worker") in {new, None}:
                await asyncio.sleep(0.01)
            await one.supervisor.until_ready("worker")
        assert await restarting


@pytest.mark.parametrize("moment", ["a new process starts beside it", "the old process finishes"])
async def test_a_stop_in_the_middle_of_a_restart_leaves_nothing_running(tmp_path: Path, moment: str) -> None:
    async with house(tmp_path, "--slow-stop", "0.5") as one:
        one.flaw.write_text("slow")
        ours = psutil.Process()
        restarting = asyncio.create_task(one.supervisor.restart())
        await one.until(moment)
        await one.supervisor.stop()
        assert not await restarting
        assert one.pid_files() == set()
        assert [child for child in ours.children() if "tests.support.stub_process" in child.cmdline()] == []


async def test_an_impatient_stop_kills_both(tmp_path: Path) -> None:
    async with house(tmp_path, "--slow-stop", "30", names=["worker"]) as one:
        restarting = asyncio.create_task(one.supervisor.restart())
        await one.until("the old process finishes")
        stopping = asyncio.create_task(one.supervisor.stop())
        await asyncio.sleep(0.2)
        one.supervisor.stop_at_once()
        async with asyncio.timeout(5):
            await stopping
            await restarting


async def test_servers_are_not_replaced(tmp_path: Path) -> None:
    database = replace(stub("postgres", tmp_path), is_replaceable=False)
    supervisor = Supervisor([Stage([database]), Stage([stub("worker", tmp_path)])], tmp_path)
    await supervisor.start()
    try:
        server, worker = supervisor.pid("postgres"), supervisor.pid("worker")
        assert await supervisor.restart()
        assert supervisor.pid("postgres") == server
        assert supervisor.pid("worker") != worker
    finally:
        await supervisor.stop()
