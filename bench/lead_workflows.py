"""How many leads a second does the embedded Temporal carry, beside a bare workflow with as many history events?

Each lead makes three attempts that nobody answers: three admissions, three last words of the carrier (the others
stay in SQL), three recorded outcomes, two sleeps. Activities do nothing but answer, so the figure is the price of
durability alone. The bare workflow runs activities that do nothing until its history is as long: what the same server
and worker give without our logic.

    python -m bench.lead_workflows [--leads 300] [--at-once 32]
"""

import argparse
import asyncio
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from rich.console import Console
from rich.table import Table
from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from activities.audio import PrepareLeadAudio
from activities.call_models import AttemptRef, PlacedCall, RecordedOutcome
from bench.bare_workflow import BareWorkflow, do_nothing
from bench.machine import describe
from cadenza.domain.call_result import Submission
from cadenza.domain.identifiers import attempt_id, lead_workflow_id
from cadenza.domain.messages import DIAL_TASK_QUEUE, TASK_QUEUE, AttemptAdmitted, CallProgressed
from cadenza.domain.outcomes import CallStatus, LeadOutcome
from cadenza.domain.retry import NextStep, StepKind
from cadenza.operations.embedded_temporal import EmbeddedTemporal
from cadenza.operations.processes import free_port
from cadenza.records.finishing import FinishAttempt
from cadenza.temporal.lead_client import LeadClient
from cadenza.temporal.search_attributes import register_search_attributes
from workflows.lead import LeadWorkflow
from workflows.registry import sandbox

CAMPAIGN = "cp_bench"
ATTEMPTS = 3
RING_SECONDS = 0.5
EVENTS_OF_AN_ACTIVITY = 6
"""Scheduled, started, completed; and the workflow task that follows: scheduled, started, completed."""


class Carrier:
    """Answers as the SQL side and the carrier would for a lead that nobody answers."""

    def __init__(self, leads: LeadClient) -> None:
        self._leads = leads
        self._tasks: set[asyncio.Task[None]] = set()

    async def admit(self, lead_id: str, number: int) -> None:
        message = AttemptAdmitted(
            attempt_id=attempt_id(lead_id, number), number=number, leaves_voicemail=False, ring_seconds=25,
            max_call_seconds=600,
        )  # fmt: skip
        await self._leads.admit(CAMPAIGN, lead_id, message)

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ring(self, attempt: str) -> None:
        await asyncio.sleep(RING_SECONDS)  # a word that came with the carrier's yes would save a workflow task
        news = CallProgressed(attempt_id=attempt, call_sid=attempt, status=CallStatus.NO_ANSWER)
        await self._leads.signal(CAMPAIGN, attempt.rsplit("-", 1)[0], news)

    @activity.defn
    async def place_call(self, ref: AttemptRef) -> PlacedCall:
        self._later(self._ring(ref.attempt_id))
        return PlacedCall(submission=Submission.PLACED, call_sid=ref.attempt_id)

    @activity.defn
    async def record_outcome(self, finish: FinishAttempt) -> RecordedOutcome:
        lead_id, number = finish.attempt_id.rsplit("-", 1)
        if int(number) >= ATTEMPTS:
            end = NextStep(kind=StepKind.FINISH, reason="all attempts were made", outcome=LeadOutcome.NO_ANSWER)
            return RecordedOutcome(step=end)
        soon = datetime.now(UTC) + timedelta(seconds=1)
        self._later(self._admit_later(lead_id, int(number) + 1))
        return RecordedOutcome(step=NextStep(kind=StepKind.RETRY, reason="no answer", at=soon))

    async def _admit_later(self, lead_id: str, number: int) -> None:
        await asyncio.sleep(1.0)
        await self.admit(lead_id, number)

    @activity.defn
    async def prepare_lead_audio(self, request: PrepareLeadAudio) -> None:
        return


async def measure(leads: int, at_once: int) -> None:
    console = Console()
    console.print(f"Machine: {describe()}")
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedTemporal(Path(folder), free_port(), None)
        server.prepare()
        process = await asyncio.create_subprocess_exec(
            *server.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not await server.is_answering():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            await _measure(console, server.address, leads, at_once)
        finally:
            process.terminate()
            await process.wait()


async def _measure(console: Console, address: str, leads: int, at_once: int) -> None:
    clients = [await Client.connect(address, data_converter=pydantic_data_converter) for _ in range(2)]
    await register_search_attributes(clients[0])
    await asyncio.sleep(1.0)
    carrier = Carrier(LeadClient(clients[0]))
    general = Worker(
        clients[0], task_queue=TASK_QUEUE, workflows=[LeadWorkflow, BareWorkflow], workflow_runner=sandbox(),
        activities=[carrier.record_outcome, carrier.prepare_lead_audio, do_nothing],
    )  # fmt: skip
    dial = Worker(clients[1], task_queue=DIAL_TASK_QUEUE, activities=[carrier.place_call])
    async with general, dial:
        events = await _one_lead(clients[0], carrier)
        activities = round((events - 5) / EVENTS_OF_AN_ACTIVITY)
        bare_events = await _one_bare(clients[0], activities)
        ours = await _timed(leads, at_once, lambda: _one_lead(clients[0], carrier))
        bare = await _timed(leads, at_once, lambda: _one_bare(clients[0], activities))
    await asyncio.sleep(0.4)  # sdk-python#300
    table = Table(
        "", "events", "workflows/s", "events/s", "worker CPU ms each", title=f"{leads} workflows, {at_once} at once"
    )
    for name, count, (rate, cpu) in (("lead, three attempts", events, ours), ("bare", bare_events, bare)):
        table.add_row(name, str(count), f"{rate:.1f}", f"{rate * count:.0f}", f"{cpu:.0f}")
    console.print(table)
    console.print(
        f"Leads per second are {ours[0] * events / (bare[0] * bare_events):.2f} of the bare workflow's, event for event"
    )
    console.print("Compare: 2,200 calls a day are 0.03 a second")


async def _one_lead(client: Client, carrier: Carrier) -> int:
    """Start to outcome; returns the number of history events."""
    lead_id = f"ld_{uuid4().hex[:16]}"
    await carrier.admit(lead_id, 1)
    handle = client.get_workflow_handle(lead_workflow_id(CAMPAIGN, lead_id))
    await handle.result()
    return (await handle.describe()).history_length


async def _one_bare(client: Client, activities: int) -> int:
    handle = await client.start_workflow(BareWorkflow.run, activities, id=f"bare_{uuid4().hex}", task_queue=TASK_QUEUE)
    await handle.result()
    return (await handle.describe()).history_length


async def _timed(count: int, at_once: int, one: Callable[[], Awaitable[int]]) -> tuple[float, float]:
    """Workflows a second, and milliseconds of this process's CPU for each."""
    gate = asyncio.Semaphore(at_once)

    async def run() -> Any:
        async with gate:
            return await one()

    cpu, started = psutil.Process().cpu_times(), time.perf_counter()
    await asyncio.gather(*(run() for _ in range(count)))
    elapsed, after = time.perf_counter() - started, psutil.Process().cpu_times()
    used = after.user + after.system - cpu.user - cpu.system
    return count / elapsed, 1000 * used / count


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=64)
    options = parser.parse_args(arguments)
    asyncio.run(measure(options.leads, options.at_once))


if __name__ == "__main__":
    main()
