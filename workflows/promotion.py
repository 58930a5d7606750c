"""A worker's build becomes the current one: by the worker itself, or by hand.

Where versioning is on, workers of a build that is not current get no tasks. If the old build's workers are stopped
then, nobody works: so a worker is ready, in the supervisor's eyes, only when its build is current, and until then says
what it waits for.
"""

import asyncio
import math
import time

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from cadenza.domain.messages import DIAL_TASK_QUEUE, TASK_QUEUE
from cadenza.operations.readiness import is_supervised
from cadenza.settings import Promotion, Settings
from cadenza.temporal.worker_versions import BuildState, have_heard, look_at_build, make_current

_log = structlog.get_logger("workflows.promotion")

NEEDED = frozenset(
    {
        (TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
        (TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
        (DIAL_TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
    }
)
"""What a build must poll before it may be current. Temporal looks only for queues that the build before it polled, and
so not at all at the first."""
_ASK_SECONDS = 0.2
_ASKED_QUIETLY = 8
"""Times, about four seconds: Temporal learns of new task queues within moments."""
_LONGEST_ASK_SECONDS = 5.0
_SAY_AGAIN_SECONDS = 30.0
_ROUTING = "every task queue to hear of it"
_WITHOUT_VERSIONS = {RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED}


def shall_promote(rule: Promotion, state: BuildState) -> bool:
    """Whether a worker makes its build current, now.

    `NEW` leaves a build alone that was current before: on many machines, an old worker that is started again in the
    middle of a deploy must not turn every lead back to its build.
    """
    if state.is_current or not _is_whole(state):
        return False
    match rule:
        case Promotion.ALWAYS:
            return True
        case Promotion.NEW:
            return state.build is not None and not state.was_ever_active
        case Promotion.NEVER:
            return False


async def until_current(client: Client, settings: Settings) -> None:
    """Returns once this worker's build is the current one. Without a build id that is so at once, unless a build was
    made current before."""
    pause, asked, said_at = _ASK_SECONDS, 0, -math.inf
    while (missing := await _missing(client, settings)) is not None:
        asked += 1
        if asked > _ASKED_QUIETLY and time.monotonic() - said_at > _SAY_AGAIN_SECONDS:
            said_at = time.monotonic()
            _log.warning("no tasks come: this build is not current", waits_for=missing, by_hand=_command(settings))
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, _LONGEST_ASK_SECONDS)
    _log.info("this build is current", build=settings.worker_build_id or "unversioned")


async def _missing(client: Client, settings: Settings) -> str | None:
    """What the build waits for to be current, having done what is for us to do. None: nothing."""
    build, rule = settings.worker_build_id, settings.worker_promotion or usual_rule()
    try:
        state = await look_at_build(client, settings.worker_deployment_name, build)
        if shall_promote(rule, state):
            await make_current(client, settings.worker_deployment_name, build)
            return _ROUTING
        if state.is_current:
            return None if state.is_settled or await have_heard(client, NEEDED, build) else _ROUTING
    except RPCError as error:
        return None if build is None and error.status in _WITHOUT_VERSIONS else error.status.name
    return "somebody who makes it current" if _is_whole(state) else "its task queues to be known"


def usual_rule() -> Promotion:
    """Where none is set. Under `cadenza up` all workers are of the code that is there: the last start is meant."""
    return Promotion.ALWAYS if is_supervised() else Promotion.NEW


def _is_whole(state: BuildState) -> bool:
    return state.build is None or state.polled >= NEEDED


def _command(settings: Settings) -> str:
    which = f"--build-id {settings.worker_build_id}" if settings.worker_build_id else "--unversioned"
    return f"temporal worker deployment set-current-version --deployment-name {settings.worker_deployment_name} {which}"
