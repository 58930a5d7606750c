"""The dialer, a campaign's preparation, recordings, housekeeping."""

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError

from cadenza.domain.messages import DialerInput, PrepareCampaignInput, RecordingInput, RescueInput, StopRecordingInput
from tests.support.temporal import LONG_HISTORY
from tests.workflows.scenarios.registry import other_scenario
from tests.workflows.vendors import House
from workflows.dialer import DialerWorkflow
from workflows.housekeeping import HousekeepingWorkflow
from workflows.prepare_campaign import PrepareCampaignWorkflow
from workflows.recording import RecordingWorkflow
from workflows.rescue import RescueWorkflow
from workflows.stop_recording import StopRecordingWorkflow

CAMPAIGN = PrepareCampaignInput(campaign_id="cp_test")
RECORDING = RecordingInput(attempt_id="ld_1-1", recording_sid="RE1")
RESCUE = RescueInput(attempt_id="ld_1-1", stream_sid="MZ1")
DIALER = DialerInput(account="AC1")


def _broken(*details: str) -> ApplicationError:
    return ApplicationError("broken", *details, type="broken", non_retryable=True)


@other_scenario
async def dialer_whose_activity_failed_for_good(house: House) -> WorkflowHandle[Any, Any]:
    """It begins the activity anew after a second."""
    house.vendors.planned["admit_leads"] = [ApplicationError("stops", type="worker_stops"), _broken()]
    handle = await house.start(DialerWorkflow.run, DIALER)
    await house.vendors.until_run("admit_leads", 3)
    return handle


@other_scenario
async def dialer_cancelled(house: House) -> WorkflowHandle[Any, Any]:
    handle = await house.start(DialerWorkflow.run, DIALER)
    await house.vendors.until_run("admit_leads", 1)
    await handle.cancel()
    return handle


@other_scenario
async def dialer_with_a_long_history(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["admit_leads"] = [_broken() for _ in range(LONG_HISTORY // 9)]
    handle = await house.start(DialerWorkflow.run, DIALER)
    while (await handle.describe()).run_id == handle.first_execution_run_id:
        await house.environment.fast_forward(handle, timedelta(seconds=1))
    house.vendors.planned.clear()
    return handle


@other_scenario
async def campaign_prepared(house: House) -> WorkflowHandle[Any, Any]:
    return await house.start(PrepareCampaignWorkflow.run, CAMPAIGN)


@other_scenario
async def campaign_back_to_draft_with_the_vendors_code(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["prepare_campaign_audio"] = [_broken("quota_exceeded")]
    return await house.start(PrepareCampaignWorkflow.run, CAMPAIGN)


@other_scenario
async def campaign_back_to_draft_without_a_code(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["prepare_campaign_audio"] = [_broken()]
    return await house.start(PrepareCampaignWorkflow.run, CAMPAIGN)


@other_scenario
async def campaign_cancelled_while_it_is_prepared(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.hold.add("prepare_campaign_audio")
    handle = await house.start(PrepareCampaignWorkflow.run, CAMPAIGN)
    await house.vendors.until_run("prepare_campaign_audio", 1)
    await handle.cancel()
    return handle


@other_scenario
async def recording_fetched_at_the_second_try(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["fetch_recording"] = [ApplicationError("not yet", type="not_ready")]
    return await house.start(RecordingWorkflow.run, RECORDING)


@other_scenario
async def recording_given_up(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["fetch_recording"] = [_broken()]
    return await house.start(RecordingWorkflow.run, RECORDING)


@other_scenario
async def broken_stream_looked_after(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["rescue_call"] = [ApplicationError("the carrier is busy", type="carrier")]
    return await house.start(RescueWorkflow.run, RESCUE)


@other_scenario
async def broken_stream_given_up(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["rescue_call"] = [_broken()]
    return await house.start(RescueWorkflow.run, RESCUE)


@other_scenario
async def recording_stopped_at_the_second_try(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["stop_recording"] = [ApplicationError("the carrier is busy", type="carrier")]
    return await house.start(StopRecordingWorkflow.run, StopRecordingInput(attempt_id="ld_1-1"))


@other_scenario
async def recording_that_could_not_be_stopped(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["stop_recording"] = [_broken()]
    return await house.start(StopRecordingWorkflow.run, StopRecordingInput(attempt_id="ld_1-1"))


@other_scenario
async def housekeeping_done(house: House) -> WorkflowHandle[Any, Any]:
    return await house.start(HousekeepingWorkflow.run)


@other_scenario
async def housekeeping_failed(house: House) -> WorkflowHandle[Any, Any]:
    house.vendors.planned["delete_old_recordings"] = [_broken()]
    return await house.start(HousekeepingWorkflow.run)
