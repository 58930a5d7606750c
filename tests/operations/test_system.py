"""The whole system's start and stop, with the real embedded servers and stand-ins for our own four processes."""

import asyncio
import os
import signal
import sys
import time

import httpx
import psutil
import psycopg
import pytest
from temporalio.client import Client

from cadenza.operations import system as system_module
from cadenza.operations.demo.demo_command import REHEARSAL_PORTS
from cadenza.operations.instance_lock import AlreadyRunning
from cadenza.operations.port_check import PortsInUse
from cadenza.operations.processes import ProcessMark, free_block, port_is_free
from cadenza.operations.readiness import SUPERVISED, mark_ready, ready_pid
from cadenza.operations.restart_policy import ProcessState
from cadenza.operations.system import running_system
from cadenza.settings import Settings
from tests.support.servers import python_process

pytestmark = [pytest.mark.servers, pytest.mark.computes(50)]

STAND_IN = "tests.support.stub_process"


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_module, "_command", lambda name: [sys.executable, "-m", STAND_IN, name])


async def test_everything_starts_with_its_tables_and_search_attributes_and_stops(new_settings: Settings) -> None:
    settings, told = new_settings, list[str]()
    async with running_system(
        settings, listener=lambda name, state, words: told.append(f"{name} {state.value}")
    ) as system:
        for name in ("postgres", "temporal", "worker", "bridge", "api"):
            assert system.supervisor.state(name) is ProcessState.READY
        with psycopg.connect(system.database_url) as connection:
            assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        client = await Client.connect(system.temporal_address)
        await client.count_workflows("CampaignId = 'none'")  # refused if the attribute were not registered
        assert not port_is_free(settings.temporal_ui_port)
    assert told.index("postgres ready") < told.index("worker starting")
    assert told.index("worker stopped") < told.index("postgres stopping")
    assert port_is_free(settings.temporal_embedded_port)


async def test_a_killed_database_server_comes_back_at_the_same_address(settings: Settings) -> None:
    async with running_system(settings) as system:
        pid = system.supervisor.pid("postgres")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while system.supervisor.pid("postgres") in {pid, None}:
                await asyncio.sleep(0.05)
            await system.supervisor.until_ready("postgres")
        with psycopg.connect(system.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_requests_made_while_the_api_is_dead_are_answered_by_the_next_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in, real = system_module._command, [sys.executable, "-m", "api"]
    monkeypatch.setattr(system_module, "_command", lambda name: real if name == "api" else stand_in(name))
    address = f"http://127.0.0.1:{settings.api_port}"
    async with running_system(settings) as system, httpx.AsyncClient(base_url=address, timeout=30) as http:
        pid = system.supervisor.pid("api")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            while psutil.pid_exists(pid):
                await asyncio.sleep(0.005)
        health = [http.get("/health") for _ in range(20)]
        webhooks = [http.post("/webhooks/twilio/status", params={"attempt": "a"}) for _ in range(20)]
        answers = await asyncio.gather(*health, *webhooks)
        assert [answer.status_code for answer in answers] == [200] * 20 + [403] * 20  # the webhooks are not signed


async def test_the_sockets_are_lent_to_those_who_serve_and_to_nobody_else(settings: Settings) -> None:
    def listens_on(pid: int | None) -> set[int]:
        found = psutil.Process(pid).net_connections("tcp")
        return {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}

    ours = {"api": settings.api_port, "bridge": settings.bridge_port}
    async with running_system(settings) as system:
        for name in ("postgres", "temporal", "worker", "bridge", "api"):
            served = {of for of, port in ours.items() if port in listens_on(system.supervisor.pid(name))}
            assert served == {name} & set(ours)
        worker = system.supervisor.pid("worker")
        assert SUPERVISED.items() <= psutil.Process(worker).environ().items()  # so its build is the one that is meant


async def test_what_an_earlier_supervisor_left_beside_another_is_ended_too(settings: Settings) -> None:
    leftover = python_process("-c", "import time; time.sleep(60)")
    run_dir = settings.data_dir / "run"
    run_dir.mkdir(exist_ok=True)
    (run_dir / "worker.beside.pid").write_text(str(ProcessMark.of(leftover.pid)))
    async with running_system(settings):
        assert not psutil.pid_exists(leftover.pid)


async def test_a_second_system_on_the_same_data_is_refused(settings: Settings) -> None:
    async with running_system(settings):
        with pytest.raises(AlreadyRunning):
            async with running_system(settings):
                pass


async def test_a_taken_port_stops_the_start_before_anything_runs(
    new_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_module, "_LEFTOVER_PATIENCE_SECONDS", 0.0)
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", new_settings.api_port)
    async with server:
        with pytest.raises(PortsInUse, match="set API_PORT"):
            async with running_system(new_settings):
                pass
    assert not (new_settings.data_dir / "postgres").exists()


async def test_a_stop_asked_during_the_start_ends_it(settings: Settings) -> None:
    stop_asked = asyncio.Event()

    def stop_when_temporal_is_up(name: str, state: ProcessState, words: str) -> None:
        if name == "temporal" and state is ProcessState.READY:
            stop_asked.set()

    async with running_system(settings, listener=stop_when_temporal_is_up, stop_asked=stop_asked):
        assert stop_asked.is_set()
    assert port_is_free(settings.temporal_embedded_port)


async def test_rehearsals_start_the_world_before_those_who_need_it(settings: Settings) -> None:
    told: list[str] = []
    ports = settings.model_copy(update={"rehearsal_port": free_block(REHEARSAL_PORTS)})
    async with running_system(
        ports, rehearsal=True, listener=lambda name, state, words: told.append(f"{name} {state.value}")
    ):
        assert told.index("rehearsal ready") < told.index("worker starting")


@pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent's life is Linux's")
async def test_a_killed_up_leaves_nothing_behind_and_can_start_again_at_once(settings: Settings) -> None:
    script = f"""
import asyncio, sys
from pathlib import Path
from cadenza.operations import system
from cadenza.settings import Settings
system._command = lambda name: [sys.executable, "-m", {STAND_IN!r}, name]
async def main():
    async with system.running_system(Settings.model_validate_json({settings.model_dump_json()!r})):
        print("up", flush=True)
        await asyncio.sleep(120)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    process.kill()
    await process.wait()
    mark_ready("rubbish", settings.data_dir)
    started = time.monotonic()
    async with running_system(settings) as system:
        assert system.supervisor.state("api") is ProcessState.READY
        assert ready_pid("rubbish", settings.data_dir) is None
    assert time.monotonic() - started < 30
