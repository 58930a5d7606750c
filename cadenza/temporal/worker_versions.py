"""Which build of the workers Temporal gives tasks to: worker versioning, seen from one build.

One build of a worker deployment is current: every workflow's next task goes to its workers, and to no others. Builds
are made known by workers that poll; none is current until somebody says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import RoutingConfigUpdateState, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

_UNDER_WAY = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS

Queue = tuple[str, TaskQueueType.ValueType]


@dataclass(frozen=True)
class BuildState:
    """Where one build stands. `build` and `current` are None for workers without versions."""

    build: str | None
    current: str | None
    was_ever_active: bool = False
    """It was current or ramping at some time."""
    polled: frozenset[Queue] = frozenset()
    """Task queues on which workers of this build have asked for work."""
    is_settled: bool = True
    """Every task queue has heard which build is current, as the deployment has it noted. Until then some still serve
    the one before."""

    @property
    def is_current(self) -> bool:
        return self.build == self.current


async def look_at_build(client: Client, deployment: str, build: str | None) -> BuildState:
    """Raises RPCError."""
    service, namespace = client.workflow_service, client.namespace
    try:
        found = await service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=namespace, deployment_name=deployment)
        )
        info = found.worker_deployment_info
        state = BuildState(
            build,
            current=info.routing_config.current_deployment_version.build_id or None,
            was_ever_active=any(
                one.deployment_version.build_id == build and one.HasField("first_activation_time")
                for one in info.version_summaries
            ),
            is_settled=info.routing_config_update_state != _UNDER_WAY,
        )
        if build is None:
            return state
        version = WorkerDeploymentVersion(deployment_name=deployment, build_id=build)
        described = await service.describe_worker_deployment_version(
            DescribeWorkerDeploymentVersionRequest(namespace=namespace, deployment_version=version)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return BuildState(build, None)  # nobody of it has polled yet
    queues = described.worker_deployment_version_info.task_queue_infos
    return replace(state, polled=frozenset((queue.name, queue.type) for queue in queues))


async def have_heard(client: Client, queues: Iterable[Queue], build: str | None) -> bool:
    """Whether every one of these task queues serves the build, by its own word.

    The deployment's note can be wrong for ever: its workflow may begin its next run without the signal that ended the
    update (github.com/temporalio/temporal/issues/11842). Raises RPCError.
    """
    for name, kind in queues:
        found = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind)
        )
        if (found.versioning_info.current_deployment_version.build_id or None) != build:
            return False
    return True


async def make_current(client: Client, deployment: str, build: str | None) -> None:
    """Raises RPCError: FAILED_PRECONDITION if the build's workers do not poll every queue that the current one's do."""
    await client.workflow_service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace, deployment_name=deployment, build_id=build or "", identity=client.identity
        )
    )
