"""A callee who objects is not recorded any longer: the carrier is told until it has stopped, or the call is over."""

from datetime import timedelta

from temporalio import workflow

from workflows import retries

with workflow.unsafe.imports_passed_through():
    from activities.calling import CallingActivities
    from cadenza.domain.messages import STOP_RECORDING_WORKFLOW, StopRecordingInput

PATIENCE = timedelta(minutes=10)


@workflow.defn(name=STOP_RECORDING_WORKFLOW)
class StopRecordingWorkflow:
    """One for each call in which somebody objects."""

    @workflow.run
    async def run(self, objection: StopRecordingInput) -> bool:
        """False: nothing was being recorded."""
        stopped = await workflow.execute_activity_method(
            CallingActivities.stop_recording,
            objection,
            start_to_close_timeout=retries.CARRIER_TIMEOUT,
            schedule_to_close_timeout=PATIENCE,
            retry_policy=retries.PATIENT,
            summary="stop the recording",
        )
        return stopped.was_recorded
