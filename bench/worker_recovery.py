"""How long does nobody call after the worker's death? From SIGKILL to the next call that the carrier gets.

A real worker process, PostgreSQL, Temporal and emulated vendors; the process is started again 0.2 s after its death, as
the supervisor does. Twice: with leads that were never called, and with leads whose workflows slept in the memory of the
process that died.

    python -m bench.worker_recovery [--kills 10] [--leads new|asleep]
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.admission_tick import callable_numbers
from bench.machine import describe
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.identifiers import dialer_workflow_id, new_id
from cadenza.domain.messages import DIALER_WORKFLOW, TASK_QUEUE, CallProgressed, DialerInput
from cadenza.domain.outcomes import CallStatus
from cadenza.domain.policy import CampaignPolicy
from cadenza.operations.embedded_postgres import EmbeddedPostgres
from cadenza.operations.embedded_temporal import EmbeddedTemporal
from cadenza.operations.processes import free_port
from cadenza.operations.readiness import is_ready
from cadenza.operations.rehearsal_environment import RULES
from cadenza.records.attempts import apply_call_status
from cadenza.records.database import Database
from cadenza.records.migrate import migrate
from cadenza.records.tables import Account, BridgeNode, Campaign, Lead
from cadenza.settings import Settings
from cadenza.temporal.connection import connect
from cadenza.temporal.lead_client import LeadClient
from cadenza.temporal.search_attributes import register_search_attributes
from rehearsal.elevenlabs import server as elevenlabs
from rehearsal.twilio import server as twilio
from rehearsal.world import World, create_world
from tests.support.servers import open_folder

ACCOUNT, TOKEN, FROM = "AC" + "b2" * 16, "bench-token", "+12125550100"
RESTART_SECONDS = 0.2
CALLS_PER_SECOND = 4
SLEEPERS = 8
ENDLESS = 100_000
PATIENCE_SECONDS = 120
KINDS = {"new": "never called before", "asleep": "slept in the dead worker"}


class House:
    """Everything but the worker process, which is started and killed."""

    def __init__(
        self, database: Database, leads: LeadClient, world: World, environment: dict[str, str], data_dir: Path
    ) -> None:
        self._database, self._leads, self._world = database, leads, world
        self._environment, self._data_dir = environment, data_dir
        self._process: subprocess.Popen[bytes] | None = None
        self.campaign = new_id("cmp")
        self._numbers = callable_numbers()

    async def furnish(self) -> None:
        policy = CampaignPolicy(calling_hours=WeeklyHours.always())
        script = {"agent_company": "Acme", "purpose": "p", "opening": "Hello"}
        async with self._database.transaction() as session:
            session.add(Account(id=ACCOUNT, calls_per_second=CALLS_PER_SECOND, max_lines=ENDLESS))
            session.add(BridgeNode(id="bridge-1", public_url="ws://bridge", max_calls=ENDLESS))
            await session.flush()
            session.add(
                Campaign(
                    id=self.campaign, account_id=ACCOUNT, name="Bench", state="running", caller_id=FROM,
                    policy=policy.model_dump(mode="json"), script=script,
                )
            )  # fmt: skip
        await self._run("update bridge_node set beat_at = now() + interval '1 day'")

    async def add_leads(self, count: int) -> list[str]:
        ids = [new_id("ld") for _ in range(count)]
        async with self._database.transaction() as session:
            now = (await (await session.connection()).execute(text("select now()"))).scalar_one()
            for lead_id in ids:
                phone = next(self._numbers)
                session.add(
                    Lead(id=lead_id, campaign_id=self.campaign, phone=phone, zones=["America/New_York"], due_at=now)
                )
        return ids

    async def asleep(self) -> None:
        """Leads that were called once, whose workflows sleep in the worker's memory."""
        ids = await self.add_leads(SLEEPERS)
        called = "select id, lead_id, call_sid from attempt where lead_id = any(:ids) and call_sid is not null"
        rows = await self._rows(called, ids)
        for row in rows:
            word = CallProgressed(attempt_id=row.id, call_sid=row.call_sid, status=CallStatus.NO_ANSWER)
            async with self._database.transaction() as session:
                await apply_call_status(session, word)
            await self._leads.signal(self.campaign, row.lead_id, word)
        await self._rows("select id from lead where id = any(:ids) and state = 'waiting'", ids)

    async def ring(self) -> None:
        """In place of the API: every call rings as soon as it is placed, so the carrier seems to have no queue."""
        while True:
            await self._run("update attempt set state = 'ringing', ringing_at = now() where state = 'placed'")
            await asyncio.sleep(0.2)

    async def wake(self) -> None:
        await self._run("update lead set state = 'due', due_at = now() where state = 'waiting'")

    async def no_leads(self) -> None:
        await self._run("delete from lead where state in ('new', 'due', 'waiting')")

    def start_worker(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workflows"], env={**os.environ, **self._environment}, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    async def ready(self) -> None:
        assert self._process is not None
        pid = self._process.pid
        await _eventually(lambda: is_ready("worker", pid, self._data_dir))

    async def kill_worker(self) -> None:
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def next_call(self, known: int) -> None:
        await _eventually(lambda: self.calls > known)

    @property
    def calls(self) -> int:
        return len(self._world.calls)

    async def _run(self, statement: str) -> None:
        async with self._database.transaction() as session:
            await (await session.connection()).execute(text(statement))

    async def _rows(self, query: str, ids: list[str]) -> list[Any]:
        """As soon as there is one for each of `ids`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with self._database.transaction() as session:
                    rows = list((await (await session.connection()).execute(text(query), {"ids": ids})).all())
                if len(rows) >= len(ids):
                    return rows
                await asyncio.sleep(0.05)


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def _recoveries(house: House, kills: int, *, asleep: bool) -> tuple[list[float], list[float]]:
    """Seconds to the next call, and to the worker's being ready again, for each kill."""
    to_call, to_ready = [], []
    for _ in range(kills):
        if asleep:
            await house.no_leads()
            await house.asleep()
        else:
            await house.add_leads(CALLS_PER_SECOND * 40)
            await house.next_call(house.calls)
        await asyncio.sleep(random.uniform(1.5, 3.5))
        killed = time.perf_counter()
        await house.kill_worker()
        known = house.calls
        if asleep:
            await house.wake()
        await asyncio.sleep(RESTART_SECONDS)
        house.start_worker()
        waiting = asyncio.create_task(house.next_call(known))
        await house.ready()
        to_ready.append(time.perf_counter() - killed)
        await waiting
        to_call.append(time.perf_counter() - killed)
        await asyncio.sleep(2.0)
    return to_call, to_ready


@asynccontextmanager
async def _running_temporal(folder: Path) -> AsyncIterator[EmbeddedTemporal]:
    server = EmbeddedTemporal(folder, free_port(), None)
    server.prepare()
    process = await asyncio.create_subprocess_exec(
        *server.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not await server.is_answering():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        yield server
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _running_vendors(data_dir: Path) -> AsyncIterator[tuple[World, dict[str, str]]]:
    """The carrier and the synthesiser, and the settings that lead to them."""
    settings = Settings(
        _env_file=None, data_dir=data_dir, twilio_account_sid=ACCOUNT, twilio_auth_token=SecretStr(TOKEN),
        twilio_from_number=FROM,
    )  # fmt: skip
    world = create_world(settings)
    carrier, voice = twilio.build(world), elevenlabs.build(world)
    carrier.behaviour.calls_per_second = 50
    world.behaviours["elevenlabs"].speed = 100.0
    await carrier.start("127.0.0.1", 0)
    await voice.start("127.0.0.1", 0)
    try:
        yield (
            world,
            {
                "TWILIO_BASE_URL": f"http://127.0.0.1:{carrier.port}",
                "ELEVENLABS_BASE_URL": f"http://127.0.0.1:{voice.port}",
            },
        )
    finally:
        await carrier.stop()
        await voice.stop()


async def measure(kills: int, kinds: list[str]) -> None:
    console = Console()
    console.print(f"Machine: {describe()}")
    with open_folder("cadenza-bench-") as folder:
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        postgres.start(folder / "postgres.log")
        try:
            async with _running_temporal(folder / "temporal") as temporal, _running_vendors(folder) as (world, vendors):
                environment = {
                    **vendors,
                    "DATABASE_URL": postgres.url,
                    "CALLING_RULES": str(RULES),
                    "TEMPORAL_ADDRESS": temporal.address,
                    "DATA_DIR": str(folder),
                    "CADENZA_ENV_FILE": "",
                    "TWILIO_ACCOUNT_SID": ACCOUNT,
                    "TWILIO_AUTH_TOKEN": TOKEN,
                    "TWILIO_FROM_NUMBER": FROM,
                    "PUBLIC_BASE_URL": f"http://127.0.0.1:{free_port()}",
                    "CALLS_PER_SECOND": str(CALLS_PER_SECOND),
                }
                await _measure(console, kills, kinds, world, environment, folder)
        finally:
            postgres.stop()


async def _measure(
    console: Console, kills: int, kinds: list[str], world: World, environment: dict[str, str], folder: Path
) -> None:
    migrate(environment["DATABASE_URL"])
    database = Database(environment["DATABASE_URL"])
    client = await connect(Settings(_env_file=None, temporal_address=environment["TEMPORAL_ADDRESS"]))
    await register_search_attributes(client)
    house = House(database, LeadClient(client), world, environment, folder)
    await house.furnish()
    house.start_worker()
    await house.ready()
    dialer = DialerInput(account=ACCOUNT)
    await client.start_workflow(DIALER_WORKFLOW, dialer, id=dialer_workflow_id(ACCOUNT), task_queue=TASK_QUEUE)
    ringing = asyncio.create_task(house.ring())
    table = Table("the next lead", "", "p50 s", "longest s", title=f"After SIGKILL of the worker, {kills} times each")
    for leads in kinds:
        to_call, to_ready = await _recoveries(house, kills, asleep=leads == "asleep")
        for what, seconds in (("to the next call", to_call), ("to a worker that is ready", to_ready)):
            table.add_row(KINDS[leads], what, f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}")
    console.print(table)
    ringing.cancel()
    await house.kill_worker()
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--leads", choices=KINDS, help="only these; default: one after the other")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.kills, [arguments.leads] if arguments.leads else list(KINDS)))


if __name__ == "__main__":
    main()
