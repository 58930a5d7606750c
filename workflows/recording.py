"""A recording is fetched after its call, with patience: the carrier needs a while, and nobody waits for it."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.recordings import RecordingActivities
    from cadenza.domain.messages import RECORDING_WORKFLOW, RecordingInput

_PATIENT = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10))


@workflow.defn(name=RECORDING_WORKFLOW)
class RecordingWorkflow:
    """Fetch one recording into the data folder."""

    @workflow.run
    async def run(self, recording: RecordingInput) -> str:
        """The file's path below the data folder; empty where there is no recording after all."""
        fetched = await workflow.execute_activity_method(
            RecordingActivities.fetch_recording,
            recording,
            start_to_close_timeout=timedelta(minutes=5),
            schedule_to_close_timeout=timedelta(hours=24),
            heartbeat_timeout=timedelta(seconds=15),
            retry_policy=_PATIENT,
            summary="fetch the recording",
        )
        return fetched.path
