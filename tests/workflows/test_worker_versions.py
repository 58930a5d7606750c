"""Two builds of the workers on a real server: leads in mid-life go on with the build that is current."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import groupby
from uuid import uuid4

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    RegisterNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from cadenza.domain.outcomes import AttemptOutcome, CallStatus, LeadOutcome
from cadenza.operations.readiness import SUPERVISED
from cadenza.settings import Promotion, Settings
from cadenza.temporal.search_attributes import register_search_attributes
from cadenza.temporal.worker_versions import BuildState, look_at_build, make_current
from tests.workflows.stage import LeadOnStage, Stage
from workflows.promotion import NEEDED, shall_promote, until_current, usual_rule
from workflows.worker import deployment

pytestmark = pytest.mark.waits(30)

ALWAYS, NEW, NEVER = Promotion.ALWAYS, Promotion.NEW, Promotion.NEVER


@pytest.mark.parametrize(
    ("rule", "state", "wanted"),
    [
        (NEW, BuildState("b2", "b1", polled=NEEDED), True),
        (NEW, BuildState("b2", None, polled=NEEDED), True),
        (NEW, BuildState("b1", "b2", was_ever_active=True, polled=NEEDED), False),
        (NEW, BuildState(None, "b1"), False),
        (ALWAYS, BuildState("b1", "b2", was_ever_active=True, polled=NEEDED), True),
        (ALWAYS, BuildState(None, "b1"), True),
        (ALWAYS, BuildState("b2", "b1"), False),
        (ALWAYS, BuildState("b2", "b1", polled=NEEDED - {next(iter(NEEDED))}), False),
        (ALWAYS, BuildState("b1", "b1", was_ever_active=True, polled=NEEDED), False),
        (ALWAYS, BuildState(None, None), False),
        (NEVER, BuildState("b2", "b1", polled=NEEDED), False),
        (NEVER, BuildState(None, "b1"), False),
    ],
)
def test_a_build_is_promoted_when_it_is_whole_and_meant(rule: Promotion, state: BuildState, wanted: bool) -> None:
    assert shall_promote(rule, state) is wanted


@pytest.mark.parametrize(("supervised", "rule"), [(True, ALWAYS), (False, NEW)])
def test_under_the_supervisor_what_was_started_last_is_meant(
    supervised: bool, rule: Promotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SUPERVISED.items():
        monkeypatch.setenv(name, value) if supervised else monkeypatch.delenv(name, raising=False)
    assert usual_rule() is rule


class House:
    """A namespace of its own, since a build that is current holds for all of it; and builds that come and go."""

    def __init__(self, environment: WorkflowEnvironment) -> None:
        self.environment = environment
        self.lead = LeadOnStage(environment, Stage())
        self._stages: dict[str | None, Stage] = {}

    async def connect(self) -> Client:
        ours = self.environment.client
        return await Client.connect(
            ours.service_client.config.target_host, namespace=ours.namespace, data_converter=ours.data_converter
        )

    def settings(self, build: str | None, promotion: Promotion) -> Settings:
        return Settings(_env_file=None, worker_build_id=build, worker_promotion=promotion)

    @asynccontextmanager
    async def build(self, build: str | None, promotion: Promotion = ALWAYS) -> AsyncIterator[None]:
        """Both workers of one build, current if the promotion says so."""
        settings = self.settings(build, promotion)
        stage = self._stages[build] = Stage()
        stage.scripts[self.lead.id] = replace(self.lead.script, asked=[])  # one story, told apart by who acted
        async with AsyncExitStack() as stack:
            for worker in stage.workers(await self.connect(), await self.connect(), deployment(settings)):
                await stack.enter_async_context(worker)
            if promotion is not NEVER:
                async with asyncio.timeout(20):
                    await until_current(self.environment.client, settings)
            yield

    def done_by(self, build: str | None) -> list[str]:
        """The activities of one build."""
        return self._stages[build].scripts[self.lead.id].asked

    async def until_done_by(self, build: str | None, *activities: str) -> None:
        async with asyncio.timeout(20):
            while not set(activities) <= set(self.done_by(build)):
                await asyncio.sleep(0.02)

    async def tasks_by(self) -> list[str]:
        """The build of each workflow task of the lead, in order; "" where it had none."""
        history = await self.lead.handle.fetch_history()
        completed = [event.workflow_task_completed_event_attributes for event in history.events]
        return [
            one.deployment_version.build_id if one.HasField("deployment_version") else ""
            for event, one in zip(history.events, completed, strict=True)
            if event.HasField("workflow_task_completed_event_attributes")
        ]

    async def switch_to(self, build: str) -> None:
        """As `temporal worker deployment set-current-version` does, and until every task queue has heard of it."""
        client = self.environment.client
        await make_current(client, "cadenza", build)
        async with asyncio.timeout(20):
            await until_current(client, self.settings(build, NEVER))

    async def current(self) -> str | None:
        """None: workers without versions."""
        return (await look_at_build(self.environment.client, "cadenza", None)).current


@pytest_asyncio.fixture(loop_scope="session")
async def house(temporal_env: WorkflowEnvironment) -> AsyncIterator[House]:
    name = f"versions-{uuid4().hex[:8]}"
    shared = temporal_env.client
    await shared.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86400))
    )
    client = await Client.connect(
        shared.service_client.config.target_host, namespace=name, data_converter=shared.data_converter
    )
    async with asyncio.timeout(30):
        while True:
            try:  # the server learns of a namespace after a moment
                await register_search_attributes(client)
                break
            except RPCError:
                await asyncio.sleep(0.1)
    house = House(WorkflowEnvironment.from_client(client))
    yield house
    async with asyncio.timeout(10):
        await _end(house)


async def _end(house: House) -> None:
    try:
        await house.lead.handle.terminate()
    except RPCError:  # over, or never begun
        return


@pytest.mark.servers
@pytest.mark.asyncio(loop_scope="session")
class TestTwoBuilds:
    async def test_a_lead_in_mid_life_goes_on_with_the_build_that_is_current_also_back(self, house: House) -> None:
        lead, client = house.lead, house.environment.client
        async with house.build("b1", NEW):
            await lead.call(CallStatus.NO_ANSWER)
            await lead.asleep()
            async with house.build("b2", NEW):
                await lead.call()  # on the line while the build changes
                assert {"place_call", "record_outcome"} <= set(house.done_by("b1"))
                assert house.done_by("b2") == ["place_call"]
                with pytest.raises(TimeoutError):  # an old worker that is started again takes no lead back by itself
                    async with asyncio.timeout(1.0):
                        await until_current(client, house.settings("b1", NEW))
                await house.switch_to("b1")
                await lead.hear(AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)
                result = await lead.result()
                assert (result.outcome, result.attempts) == (LeadOutcome.NOT_INTERESTED, 2)
        builds = [build for build, _ in groupby(await house.tasks_by())]
        assert builds == ["b1", "b2", "b1"]
        assert house.done_by("b1").count("place_call") == house.done_by("b2").count("place_call") == 1

    async def test_a_call_that_waits_in_the_queue_without_workflows_is_placed_by_the_new_build(
        self, house: House
    ) -> None:
        lead = house.lead
        async with house.build("b1"):
            await lead.call(CallStatus.NO_ANSWER)
            await lead.asleep()
        # Nobody is there: the admission waits for its workflow task, and then its call for the dial queue.
        await lead.admit()
        async with house.build("b2", NEVER):
            await asyncio.sleep(0.5)
            assert house.done_by("b2") == [], "a build that nobody made current gets no tasks"
            await house.switch_to("b2")
            await house.until_done_by("b2", "place_call")
            await lead.on_the_line()

    async def test_leads_come_to_versions_and_leave_them_again(self, house: House) -> None:
        lead = house.lead
        async with house.build(None):
            assert await house.current() is None
            await lead.call(CallStatus.NO_ANSWER)
            await lead.asleep()
            async with house.build("b1"):
                await lead.call(CallStatus.NO_ANSWER)
                await lead.asleep()
                assert "place_call" in house.done_by("b1")
        async with house.build(None):
            await lead.call(AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)
            assert (await lead.result()).attempts == 3
        assert await house.current() is None
        assert (await house.tasks_by())[-1] == ""

    async def test_a_build_that_all_queues_serve_is_current_though_temporal_never_ends_its_own_note(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = house.environment.client
        async with house.build("b1"), house.build("b2"):
            _note_for_ever(client, "b2", monkeypatch)
            assert not (await look_at_build(client, "cadenza", "b2")).is_settled
            async with asyncio.timeout(10):
                await until_current(client, house.settings("b2", NEVER))

    async def test_a_build_is_not_current_while_the_queues_serve_the_one_before(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = house.environment.client
        async with house.build("b1"), house.build("b2", NEVER):
            _note_for_ever(client, "b2", monkeypatch)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await until_current(client, house.settings("b2", NEVER))


def _note_for_ever(client: Client, build: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployment says for ever that its queues are being told of the build (temporalio/temporal#11842)."""
    look = client.workflow_service.describe_worker_deployment

    async def under_way(request: DescribeWorkerDeploymentRequest) -> DescribeWorkerDeploymentResponse:
        found = await look(request)
        info = found.worker_deployment_info
        info.routing_config.current_deployment_version.build_id = build
        info.routing_config_update_state = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
        return found

    monkeypatch.setattr(client.workflow_service, "describe_worker_deployment", under_way)
