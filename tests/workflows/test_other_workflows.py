"""The dialer, a campaign's preparation, a recording, and a lead whose history grew long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.audio import CampaignMoved, PreparationFailed, PreparedAudio
from activities.recordings import DeletedRecordings, FetchedRecording
from cadenza.domain.messages import DialerInput, PrepareCampaignInput, RecordingInput
from cadenza.domain.outcomes import AttemptOutcome, CallStatus, LeadOutcome
from tests.workflows.stage import CAMPAIGN, LeadOnStage
from workflows.dialer import DialerWorkflow
from workflows.housekeeping import HousekeepingWorkflow
from workflows.lead import LeadRun, LeadWorkflow
from workflows.prepare_campaign import PrepareCampaignWorkflow
from workflows.recording import RecordingWorkflow
from workflows.registry import sandbox

pytestmark = pytest.mark.servers

QUEUE = f"other-{uuid4().hex[:8]}"


class Vendors:
    """Fakes; what they were asked is kept."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.speech: list[Exception] = []
        self.admitting: list[Exception] = []
        self.admission_runs = 0

    @activity.defn
    async def prepare_campaign_audio(self, request: PrepareCampaignInput) -> PreparedAudio:
        self.asked.append("prepare")
        if self.speech:
            raise self.speech.pop(0)
        return PreparedAudio(rendered=1, already_there=0, characters=10)

    @activity.defn
    async def set_campaign_running(self, request: PrepareCampaignInput) -> CampaignMoved:
        self.asked.append("running")
        return CampaignMoved(moved=True)

    @activity.defn
    async def give_up_preparing(self, request: PreparationFailed) -> CampaignMoved:
        self.asked.append(f"draft: {request.code}")
        return CampaignMoved(moved=True)

    @activity.defn
    async def fetch_recording(self, request: RecordingInput) -> FetchedRecording:
        return FetchedRecording(path=f"recordings/{request.recording_sid}.wav")

    @activity.defn
    async def delete_old_recordings(self) -> DeletedRecordings:
        return DeletedRecordings(deleted=3)

    @activity.defn
    async def admit_leads(self, dialer: DialerInput) -> None:
        self.admission_runs += 1
        if self.admitting:
            raise self.admitting.pop(0)
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.2)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def vendors(temporal_env: WorkflowEnvironment) -> AsyncIterator[Vendors]:
    client = temporal_env.client
    own = await Client.connect(
        client.service_client.config.target_host, namespace=client.namespace, data_converter=client.data_converter
    )
    vendors = Vendors()
    async with Worker(
        own,
        task_queue=QUEUE,
        workflows=[DialerWorkflow, PrepareCampaignWorkflow, RecordingWorkflow, HousekeepingWorkflow],
        activities=[
            vendors.prepare_campaign_audio, vendors.set_campaign_running, vendors.give_up_preparing,
            vendors.fetch_recording, vendors.delete_old_recordings, vendors.admit_leads,
        ],
        workflow_runner=sandbox(),
    ):  # fmt: skip
        yield vendors


@pytest.fixture
def start(temporal_env: WorkflowEnvironment, vendors: Vendors) -> Callable[..., Any]:
    vendors.asked.clear()

    async def start(workflow: Any, *arguments: Any) -> WorkflowHandle[Any, Any]:
        return await temporal_env.client.start_workflow(
            workflow, *arguments, id=f"other-{uuid4().hex[:8]}", task_queue=QUEUE
        )

    return start


async def test_a_prepared_campaign_runs(start: Callable[..., Any], vendors: Vendors) -> None:
    handle = await start(PrepareCampaignWorkflow.run, PrepareCampaignInput(campaign_id="cp_1"))
    assert await handle.result() is True
    assert vendors.asked == ["prepare", "running"]


async def test_a_campaign_that_cannot_be_spoken_goes_back_to_draft_with_the_reason(
    start: Callable[..., Any], vendors: Vendors
) -> None:
    vendors.speech = [ApplicationError("no", "quota_exceeded", type="speech_refused", non_retryable=True)]
    handle = await start(PrepareCampaignWorkflow.run, PrepareCampaignInput(campaign_id="cp_1"))
    assert await handle.result() is False
    assert vendors.asked == ["prepare", "draft: quota_exceeded"]


async def test_a_recording_is_fetched(start: Callable[..., Any]) -> None:
    handle = await start(RecordingWorkflow.run, RecordingInput(attempt_id="ld_1-1", recording_sid="RE1"))
    assert await handle.result() == "recordings/RE1.wav"


async def test_old_recordings_are_deleted(start: Callable[..., Any]) -> None:
    handle = await start(HousekeepingWorkflow.run)
    assert await handle.result() == 3


async def test_the_dialer_keeps_its_activity_alive(start: Callable[..., Any], vendors: Vendors) -> None:
    """A stopping worker hands it on at once; even a failure for good does not end it."""
    vendors.admitting = [
        ApplicationError("stops", type="worker_stops"),
        ApplicationError("broken", non_retryable=True),
    ]
    handle = await start(DialerWorkflow.run, DialerInput(account="AC1"))
    async with asyncio.timeout(20):
        while vendors.admission_runs < 3:
            await asyncio.sleep(0.1)
    await handle.terminate()


async def test_a_lead_goes_on_in_a_new_run_with_what_it_knew(new_lead: Callable[..., LeadOnStage]) -> None:
    lead = new_lead()
    from cadenza.domain.identifiers import lead_workflow_id
    from cadenza.domain.messages import TASK_QUEUE

    await lead.leads.client.start_workflow(
        LeadWorkflow.run,
        LeadRun(campaign_id=CAMPAIGN, lead_id=lead.id, highest_number=4, attempts=2, audio_is_ready=True),
        id=lead_workflow_id(CAMPAIGN, lead.id),
        task_queue=TASK_QUEUE,
    )
    await lead.leads.admit(CAMPAIGN, lead.id, lead.admission(4))  # of the run before
    await asyncio.sleep(0.3)
    assert "place_call" not in lead.script.asked
    await lead.leads.admit(CAMPAIGN, lead.id, lead.admission(5))
    await lead.on_the_line()
    await lead.hear(lead.ended(AttemptOutcome.NOT_INTERESTED), CallStatus.COMPLETED)
    result = await lead.result()
    assert (result.outcome, result.attempts) == (LeadOutcome.NOT_INTERESTED, 3)
    assert "prepare_lead_audio" not in lead.script.asked
