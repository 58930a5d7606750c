"""`python -m workflows` as a process: comes up before Temporal does, dials, dies and is replaced, stops cleanly."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from cadenza.domain.identifiers import dialer_workflow_id
from cadenza.domain.messages import DIALER_WORKFLOW, TASK_QUEUE, DialerInput
from cadenza.operations.embedded_temporal import EmbeddedTemporal
from cadenza.operations.processes import free_port
from cadenza.operations.readiness import is_ready
from cadenza.operations.rehearsal_environment import RULES
from cadenza.records.database import Database
from cadenza.settings import Settings
from cadenza.temporal.connection import connect
from cadenza.temporal.worker_versions import BuildState, look_at_build
from rehearsal.twilio.server import TwilioEmulator
from rehearsal.world import World as CarrierWorld
from tests.records.conftest import ACCOUNT as OUR_ACCOUNT
from tests.records.conftest import World as Rows
from tests.rehearsal.twilio.conftest import ACCOUNT, FROM, TOKEN, System, emulator, eventually, system, world
from workflows.promotion import NEEDED

__all__ = ["emulator", "system", "world"]

pytestmark = [pytest.mark.servers, pytest.mark.waits(70), pytest.mark.timeout(180)]


class House:
    """A database, a Temporal server, an emulated carrier; and worker processes on demand."""

    def __init__(self, rows: Rows, temporal: EmbeddedTemporal, environment: dict[str, str], data_dir: Path) -> None:
        self.rows = rows
        self.temporal = temporal
        self.environment = environment
        self.data_dir = data_dir
        self.processes: list[subprocess.Popen[bytes]] = []

    def start_worker(self, **more: str) -> "subprocess.Popen[bytes]":
        """`more` environment variables."""
        environment = {**os.environ, **self.environment, **more}
        process = subprocess.Popen([sys.executable, "-m", "workflows"], env=environment)
        self.processes.append(process)
        return process

    async def ready(self, process: "subprocess.Popen[bytes]") -> None:
        await eventually(lambda: is_ready("worker", self.data_dir, process.pid), seconds=120)

    @asynccontextmanager
    async def running_temporal(self) -> AsyncIterator[Client]:
        self.temporal.prepare()
        server = subprocess.Popen(self.temporal.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            async with asyncio.timeout(30):
                while not await self.temporal.is_answering():
                    await asyncio.sleep(0.1)
            yield await connect(Settings(_env_file=None, temporal_address=self.temporal.address))
        finally:
            server.terminate()
            server.wait(20)

    async def dial(self, client: Client) -> None:
        await client.start_workflow(
            DIALER_WORKFLOW,
            DialerInput(account=OUR_ACCOUNT),
            id=dialer_workflow_id(OUR_ACCOUNT),
            task_queue=TASK_QUEUE,
        )

    async def states(self) -> list[tuple[str, str | None, str | None]]:
        rows = await self.rows.run("select state, outcome, call_sid from attempt order by number")
        return [(row.state, row.outcome, row.call_sid) for row in rows]

    async def until(self, query: str, patience: float = 120) -> list[Any]:
        async with asyncio.timeout(patience):
            while not (rows := await self.rows.run(query)):
                await asyncio.sleep(0.1)
            return rows


@pytest_asyncio.fixture
async def house(
    laid_out_url: str, tmp_path: Path, emulator: TwilioEmulator, system: System, world: CarrierWorld
) -> AsyncIterator[House]:
    database = Database(laid_out_url)
    temporal = EmbeddedTemporal(tmp_path / "temporal", free_port(), None)
    environment = {
        "DATABASE_URL": laid_out_url,
        "TEMPORAL_ADDRESS": temporal.address,
        "DATA_DIR": str(tmp_path),
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM_NUMBER": FROM,
        "TWILIO_BASE_URL": f"http://127.0.0.1:{emulator.port}",
        "TWILIO_TIMEOUT_SECONDS": "3",
        "PUBLIC_BASE_URL": system.url(""),
        "CALLS_PER_SECOND": "10",
        "CALLING_RULES": str(RULES),
        # Nobody listens there: a greeting that cannot be rendered holds nobody up.
        "ELEVENLABS_BASE_URL": f"http://127.0.0.1:{free_port()}",
    }
    house = House(Rows(database), temporal, environment, tmp_path)
    yield house
    for process in house.processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    await database.close()


async def test_it_waits_for_temporal_dials_and_stops_cleanly(house: House, world: CarrierWorld) -> None:
    process = house.start_worker()
    await asyncio.sleep(2)
    assert process.poll() is None, "Temporal may start later"
    async with house.running_temporal() as client:
        await house.ready(process)
        await house.rows.account()
        campaign = await house.rows.campaign(lease_seconds=60)
        await house.rows.run("update campaign set caller_id = :number", number=FROM)
        await house.rows.leads(campaign, phone="+12125550148")
        await house.dial(client)
        await house.until("select 1 from attempt where call_sid is not null")
        assert len(world.calls) == 1
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20) == 0
        assert not is_ready("worker", house.data_dir, process.pid)


async def test_a_worker_killed_in_the_middle_of_the_post_leaves_one_ring(house: House, world: CarrierWorld) -> None:
    """The worker dies between the carrier's yes and the report; another finds the call instead of placing it again."""
    world.faults.order({"vendor": "twilio", "operation": "create_call", "effect": "stall_after_placing", "seconds": 5})
    async with house.running_temporal() as client:
        first = house.start_worker()
        await house.ready(first)
        await house.rows.account()
        campaign = await house.rows.campaign(lease_seconds=60)
        await house.rows.run("update campaign set caller_id = :number", number=FROM)
        await house.rows.leads(campaign, phone="+12125550148")
        await house.dial(client)
        await eventually(lambda: world.calls, seconds=120)
        first.kill()
        await asyncio.to_thread(first.wait, 10)
        second = house.start_worker()
        await house.ready(second)
        [found] = await house.until("select call_sid from attempt where call_sid is not null", patience=90)
        assert found.call_sid in world.calls
        assert len(world.calls) == 1
        assert len(await house.states()) == 1
        second.terminate()
        assert await asyncio.to_thread(second.wait, 20) == 0


async def test_a_new_builds_worker_is_ready_when_the_leads_are_its_own_and_the_old_one_may_stop(
    house: House, world: CarrierWorld
) -> None:
    async with house.running_temporal() as client:
        first = house.start_worker(WORKER_BUILD_ID="b1")
        await house.ready(first)
        await house.rows.account()
        campaign = await house.rows.campaign(lease_seconds=60)
        await house.rows.run("update campaign set caller_id = :number", number=FROM)
        await house.dial(client)
        second = house.start_worker(WORKER_BUILD_ID="b2")
        await house.ready(second)
        state = await look_at_build(client, "cadenza", "b2")
        # Whether Temporal has ended its own note is nothing to go by (`have_heard`).
        assert replace(state, is_settled=True) == BuildState("b2", "b2", was_ever_active=True, polled=NEEDED)
        first.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(first.wait, 20) == 0
        await house.rows.leads(campaign, phone="+12125550148")
        await house.rows.run("update bridge_node set beat_at = now()")  # its word is old by now
        await house.until("select 1 from attempt where call_sid is not null")
        assert len(world.calls) == 1
        second.terminate()
        assert await asyncio.to_thread(second.wait, 20) == 0
