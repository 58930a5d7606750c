"""The supervisor with real processes: order, restarts, stops, and nothing left behind."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from cadenza.operations.child_process import ProcessSpec
from cadenza.operations.keeper import ProcessGivenUp
from cadenza.operations.processes import ProcessMark, free_port, port_is_free
from cadenza.operations.readiness import is_ready
from cadenza.operations.restart_policy import ProcessState, RestartPolicy
from cadenza.operations.supervisor import Stage, Supervisor
from tests.support.servers import python_process
from tests.support.supervised import QUICK, stub


async def test_stages_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    told: list[tuple[str, ProcessState]] = []
    ran: list[str] = []

    async def afterwards() -> None:
        ran.append("after the first stage")
        assert ("first", ProcessState.READY) in told

    stages = [Stage([stub("first", tmp_path)], afterwards), Stage([stub("second", tmp_path), stub("third", tmp_path)])]
    supervisor = Supervisor(stages, tmp_path, lambda name, state, words: told.append((name, state)))
    await supervisor.start()
    assert ran == ["after the first stage"]
    assert told.index(("first", ProcessState.READY)) < told.index(("second", ProcessState.STARTING))
    await supervisor.stop()
    assert told.index(("second", ProcessState.STOPPED)) < told.index(("first", ProcessState.STOPPING))
    assert {supervisor.state(name) for name in ("first", "second", "third")} == {ProcessState.STOPPED}
    assert list((tmp_path / "run").glob("*.pid")) == []


async def test_a_killed_process_is_back_within_a_second(tmp_path: Path) -> None:
    port = free_port()
    supervisor = Supervisor([Stage([stub("api", tmp_path, "--port", str(port))])], tmp_path)
    await supervisor.start()
    try:
        first = supervisor.pid("api")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        killed = time.monotonic()
        while supervisor.pid("api") in {first, None} or supervisor.state("api") is not ProcessState.READY:
            await asyncio.sleep(0.02)
        assert time.monotonic() - killed < 3.0
        assert supervisor.pid("api") != first
        assert not port_is_free(port)
    finally:
        await supervisor.stop()
    assert port_is_free(port)


async def test_a_process_that_never_starts_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    async def never(pid: int) -> bool:
        return False

    broken = ProcessSpec("broken", [sys.executable, "-c", "raise SystemExit('no such thing')"], never, policy=QUICK)
    supervisor = Supervisor([Stage([broken]), Stage([stub("next", tmp_path)])], tmp_path)
    with pytest.raises(ProcessGivenUp) as caught:
        await supervisor.start()
    assert caught.value.name == "broken"
    assert "no such thing" in caught.value.log_tail
    await supervisor.stop()


async def test_a_process_that_hangs_at_its_start_is_killed_and_counted(tmp_path: Path) -> None:
    async def never(pid: int) -> bool:
        return False

    policy = RestartPolicy(first_delay=0.01, deaths_before_ready=2, ready_within=0.3)
    hanging = ProcessSpec("hanging", [sys.executable, "-c", "import time; time.sleep(60)"], never, policy=policy)
    supervisor = Supervisor([Stage([hanging])], tmp_path)
    with pytest.raises(ProcessGivenUp):
        await supervisor.start()
    await supervisor.stop()


async def test_a_failing_readiness_check_counts_as_not_ready(tmp_path: Path) -> None:
    async def failing(pid: int) -> bool:
        raise OSError("no route")

    told: list[str] = []
    policy = RestartPolicy(first_delay=0.01, deaths_before_ready=1, ready_within=0.1)
    spec = ProcessSpec("deaf", [sys.executable, "-c", "import time; time.sleep(60)"], failing, policy=policy)
    supervisor = Supervisor([Stage([spec])], tmp_path, lambda name, state, words: told.append(words))
    with pytest.raises(ProcessGivenUp):
        await supervisor.start()
    await supervisor.stop()
    assert "readiness check failed: OSError" in told


async def test_a_process_that_ignores_the_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    supervisor = Supervisor([Stage([stub("deaf", tmp_path, "--ignore-stop", grace_seconds=0.5)])], tmp_path)
    await supervisor.start()
    pid = supervisor.pid("deaf")
    assert pid is not None
    await supervisor.stop()
    assert not psutil.pid_exists(pid)
    assert "asked to stop" in (tmp_path / "logs" / "deaf.log").read_text()


async def test_a_process_gets_its_grace_time_to_finish(tmp_path: Path) -> None:
    supervisor = Supervisor([Stage([stub("worker", tmp_path, "--slow-stop", "1.0")])], tmp_path)
    await supervisor.start()
    started = time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - started >= 1.0
    assert not is_ready("worker", tmp_path)


async def test_an_impatient_stop_does_not_wait_for_the_grace_time(tmp_path: Path) -> None:
    supervisor = Supervisor([Stage([stub("worker", tmp_path, "--slow-stop", "30", grace_seconds=60)])], tmp_path)
    await supervisor.start()
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0.3)
    supervisor.stop_at_once()
    async with asyncio.timeout(5):
        await stopping


async def test_a_stop_in_the_middle_of_the_start_leaves_nothing_running(tmp_path: Path) -> None:
    async def never(pid: int) -> bool:
        return False

    spec = ProcessSpec("slow", [sys.executable, "-c", "import time; time.sleep(60)"], never)
    supervisor = Supervisor([Stage([spec])], tmp_path)
    starting = asyncio.create_task(supervisor.start())
    await asyncio.sleep(0.3)
    pid = supervisor.pid("slow")
    assert pid is not None
    await supervisor.stop()
    assert not psutil.pid_exists(pid)
    await asyncio.wait([starting], timeout=2)
    assert starting.done()


async def test_a_leftover_of_a_killed_supervisor_is_ended_before_the_start(tmp_path: Path) -> None:
    leftover = python_process("-c", "import time; time.sleep(60)")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "api.pid").write_text(str(ProcessMark.of(leftover.pid)))
    supervisor = Supervisor([Stage([stub("api", tmp_path)])], tmp_path)
    await supervisor.start()
    try:
        assert not psutil.pid_exists(leftover.pid)
    finally:
        await supervisor.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent's life is Linux's")
async def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    port = free_port()
    script = f"""
import asyncio, pathlib
from tests.support.supervised import stub
from cadenza.operations.supervisor import Stage, Supervisor
async def main():
    data_dir = pathlib.Path({str(tmp_path)!r})
    supervisor = Supervisor([Stage([stub("api", data_dir, "--port", "{port}")])], data_dir)
    await supervisor.start()
    print(supervisor.pid("api"), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    child = int(await process.stdout.readline())
    assert psutil.pid_exists(child)
    process.kill()
    await process.wait()
    deadline = time.monotonic() + 3.0
    while not port_is_free(port) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert port_is_free(port)
