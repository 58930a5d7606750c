"""The dialer, a campaign's preparation, a recording, and a lead whose history grew long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from cadenza.domain.identifiers import lead_workflow_id
from cadenza.domain.messages import TASK_QUEUE, DialerInput, PrepareCampaignInput, RecordingInput, RescueInput
from cadenza.domain.outcomes import AttemptOutcome, CallStatus, LeadOutcome
from tests.workflows.scenarios.lives import grow_long
from tests.workflows.scenarios.others import dialer_with_a_long_history
from tests.workflows.stage import CAMPAIGN, LeadOnStage
from tests.workflows.vendors import House, Vendors
from workflows.dialer import DialerWorkflow
from workflows.housekeeping import HousekeepingWorkflow
from workflows.lead import LeadRun, LeadWorkflow
from workflows.prepare_campaign import PrepareCampaignWorkflow
from workflows.recording import RecordingWorkflow
from workflows.rescue import RESCUE_AFTER, RescueWorkflow

pytestmark = [pytest.mark.servers, pytest.mark.waits(15)]

QUEUE = f"other-{uuid4().hex[:8]}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def vendors(temporal_env: WorkflowEnvironment) -> AsyncIterator[Vendors]:
    client = temporal_env.client
    own = await Client.connect(
        client.service_client.config.target_host, namespace=client.namespace, data_converter=client.data_converter
    )
    vendors = Vendors()
    async with vendors.worker(own, QUEUE):
        yield vendors


@pytest.fixture
def house(temporal_env: WorkflowEnvironment, vendors: Vendors) -> House:
    return House(temporal_env, vendors, QUEUE)


async def test_a_prepared_campaign_runs(house: House) -> None:
    handle = await house.start(PrepareCampaignWorkflow.run, PrepareCampaignInput(campaign_id="cp_1"))
    assert await handle.result() is True
    assert house.vendors.asked == ["prepare", "running"]


async def test_a_campaign_that_cannot_be_spoken_goes_back_to_draft_with_the_reason(house: House) -> None:
    refusal = ApplicationError("no", "quota_exceeded", type="speech_refused", non_retryable=True)
    house.vendors.planned["prepare_campaign_audio"] = [refusal]
    handle = await house.start(PrepareCampaignWorkflow.run, PrepareCampaignInput(campaign_id="cp_1"))
    assert await handle.result() is False
    assert house.vendors.asked == ["prepare", "draft: quota_exceeded"]


async def test_a_recording_is_fetched(house: House) -> None:
    handle = await house.start(RecordingWorkflow.run, RecordingInput(attempt_id="ld_1-1", recording_sid="RE1"))
    assert await handle.result() == "recordings/RE1.wav"


async def test_a_broken_stream_is_looked_after_some_seconds_later(house: House) -> None:
    handle = await house.start(RescueWorkflow.run, RescueInput(attempt_id="ld_1-1", stream_sid="MZ1"))
    await house.environment.fast_forward(handle, RESCUE_AFTER)
    assert await handle.result() == "sent_on"
    assert house.vendors.asked == ["rescue MZ1"]


async def test_old_recordings_are_deleted(house: House) -> None:
    handle = await house.start(HousekeepingWorkflow.run)
    assert await handle.result() == 3


async def test_the_dialer_keeps_its_activity_alive(house: House) -> None:
    """A stopping worker hands it on at once; even a failure for good does not end it."""
    house.vendors.planned["admit_leads"] = [
        ApplicationError("stops", type="worker_stops"),
        ApplicationError("broken", non_retryable=True),
    ]
    handle = await house.start(DialerWorkflow.run, DialerInput(account="AC1"))
    await house.vendors.until_run("admit_leads", 3)
    await handle.terminate()


async def test_the_dialer_goes_on_in_a_new_run_when_its_history_is_long(house: House) -> None:
    handle = await dialer_with_a_long_history(house)
    seen = await handle.describe()
    assert seen.status is WorkflowExecutionStatus.RUNNING
    assert seen.run_id != handle.first_execution_run_id
    await handle.terminate()


async def test_a_lead_goes_on_in_a_new_run_with_what_it_knew(new_lead: Callable[..., LeadOnStage]) -> None:
    lead = new_lead()
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
    await lead.hear(AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)
    result = await lead.result()
    assert (result.outcome, result.attempts) == (LeadOutcome.NOT_INTERESTED, 3)
    assert "prepare_lead_audio" not in lead.script.asked


async def test_a_sleeping_lead_whose_history_is_long_sleeps_on_in_a_new_run(
    new_lead: Callable[..., LeadOnStage],
) -> None:
    lead = new_lead()
    await lead.call(CallStatus.NO_ANSWER)
    before = await lead.asleep()
    await grow_long(lead)
    after = await lead.asleep()
    assert (after.next_at, after.attempts) == (before.next_at, 1)
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.hear(AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)
    result = await lead.result()
    assert (result.outcome, result.attempts) == (LeadOutcome.NOT_INTERESTED, 2)
