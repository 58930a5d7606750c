"""The worker process: runs the workflows and the activities until it is asked to stop.

Two workers, since calls have a queue of their own: its rate holds over all processes, as a backstop to admission.
"""

import asyncio
import math
import signal
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleSpec,
)
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig

from cadenza.domain.messages import DIAL_TASK_QUEUE, TASK_QUEUE
from cadenza.logging_setup import set_up_logging
from cadenza.operations.readiness import clear_ready, mark_ready
from cadenza.records.database import Database
from cadenza.settings import Settings
from cadenza.temporal.connection import connect
from cadenza.temporal.search_attributes import register_search_attributes
from workflows.housekeeping import HousekeepingWorkflow
from workflows.privacy import PrivacyInterceptor
from workflows.promotion import until_current
from workflows.registry import WORKFLOWS, Activities, build_activities, sandbox

_log = structlog.get_logger("workflows.worker")

NAME = "worker"
THREADS = 32
"""For the vendors' synchronous SDKs."""
CALLS_AT_ONCE = 40
"""Requests to the carrier under way at the same time in one process."""
FINISH_SECONDS = 15
"""Above the carrier's time-out, so that a stop leaves no call in doubt; below the supervisor's patience."""
DRAIN_FACTOR = 1.5
HEARTBEAT_THROTTLE = timedelta(seconds=0.5)
"""The SDK holds heartbeats back, for 80 % of their time-out unless told otherwise: what is left is too little where the
time-out is to show a worker's death within seconds."""
STICKY_PATIENCE = timedelta(seconds=2)
"""A lead's next task goes first to the worker that has the lead in memory, and waits this long for it (the SDK's
default: ten seconds). If that worker is dead, this is what its leads lose; if it is only slow, another one replays."""
EXIT_PAUSE_SECONDS = 0.4
"""temporalio may crash the interpreter that exits within moments of its last worker's end (sdk-python#300)."""

Answer = TypeVar("Answer")


def build_workers(settings: Settings, client: Client, dial_client: Client, activities: Activities) -> list[Worker]:
    """The general worker and the one that places calls."""
    finish = timedelta(seconds=max(FINISH_SECONDS, settings.twilio_timeout_seconds + 1))
    version = deployment(settings)
    return [
        Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=WORKFLOWS,
            activities=activities.general,
            workflow_runner=sandbox(),
            interceptors=[PrivacyInterceptor()],
            max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
            sticky_queue_schedule_to_start_timeout=STICKY_PATIENCE,
            graceful_shutdown_timeout=finish,
            deployment_config=version,
        ),
        Worker(
            dial_client,
            task_queue=DIAL_TASK_QUEUE,
            activities=activities.dial,
            interceptors=[PrivacyInterceptor()],
            max_concurrent_activities=CALLS_AT_ONCE,
            # The same value in every process: the last poller's counts for the queue.
            max_task_queue_activities_per_second=dial_rate(settings.calls_per_second),
            disable_eager_activity_execution=True,  # it would go past the queue, and so past its rate
            graceful_shutdown_timeout=finish,
            deployment_config=version,
        ),
    ]


def deployment(settings: Settings) -> WorkerDeploymentConfig:
    """Which version of the code this worker runs. Every workflow moves on to the current version as it is, and
    `workflow.patched` keeps that possible. Leads live for weeks; the short ones too, for a deploy stops the old workers
    within seconds, and a workflow pinned to them would stand still: a recording is waited for up to a day.

    Given also where versioning is off: without a build id the SDK hashes every imported module, for half a second.
    """
    build = settings.worker_build_id
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.worker_deployment_name, build or "unversioned"),
        use_worker_versioning=build is not None,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE if build else VersioningBehavior.UNSPECIFIED,
    )


def dial_rate(calls_per_second: float) -> float:
    """Tasks a second that the dial queue gives out: above the rate of admission, which is what keeps the carrier's.

    At the same rate a backlog once made would never shrink. Older than the lease, it would starve every call for ever:
    each task would come too late, be refused, and have cost the place of one that was in time.
    """
    return max(1.5, math.ceil(calls_per_second * DRAIN_FACTOR * 10) / 10)


async def run_worker(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. The settings are those of `process_settings`."""
    set_up_logging(settings, NAME)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="vendor"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    assert settings.database_url is not None
    client = await _until_reached(lambda: connect(settings), stop)
    if client is None:
        return
    await _until_reached(lambda: _prepare(client), stop)
    database = Database(settings.database_url.get_secret_value(), settings.database_pool_size)
    activities = build_activities(settings, database, client)
    try:
        workers = build_workers(settings, client, await connect(settings), activities)
        await _serve(workers, until_current(client, settings), settings.data_dir, stop)
    finally:
        clear_ready(NAME, settings.data_dir)
        await activities.close()
        await database.close()
        await asyncio.sleep(EXIT_PAUSE_SECONDS)


async def _serve(
    workers: list[Worker], is_current: Coroutine[Any, Any, None], data_dir: Path, stop: asyncio.Event
) -> None:
    running = [asyncio.create_task(worker.run()) for worker in workers]
    stopped = asyncio.create_task(stop.wait())
    becoming_ready = asyncio.create_task(_ready_once(is_current, data_dir))
    # A worker that ends by itself has failed: the process ends with its error, and the supervisor starts another.
    await asyncio.wait([*running, stopped], return_when=asyncio.FIRST_COMPLETED)
    becoming_ready.cancel()
    clear_ready(NAME, data_dir)
    _log.info("the worker stops")
    await asyncio.gather(*(worker.shutdown() for worker in workers), return_exceptions=True)
    stopped.cancel()
    await asyncio.gather(*running)


async def _ready_once(is_current: Coroutine[Any, Any, None], data_dir: Path) -> None:
    """Whoever replaces an old worker by this one stops the old one now: no sooner than tasks come here."""
    await is_current
    mark_ready(NAME, data_dir)
    _log.info("the worker serves")


async def _prepare(client: Client) -> None:
    await register_search_attributes(client)
    try:
        await client.create_schedule(
            "housekeeping",
            Schedule(
                action=ScheduleActionStartWorkflow(HousekeepingWorkflow.run, id="housekeeping", task_queue=TASK_QUEUE),
                spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1))]),
            ),
        )
    except ScheduleAlreadyRunningError:
        return


async def _until_reached(ask: Callable[[], Awaitable[Answer]], stop: asyncio.Event) -> Answer | None:
    """Temporal may start after us, or be away: ask until it answers. None: asked to stop meanwhile."""
    pause = 0.2
    while not stop.is_set():
        try:
            return await ask()
        except (RPCError, RuntimeError) as error:
            _log.info("waiting for Temporal", error=type(error).__name__)
            pause = min(pause * 1.5, 3.0)
        try:
            await asyncio.wait_for(stop.wait(), pause)
        except TimeoutError:
            continue
    return None
