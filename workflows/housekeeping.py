"""Once a day, and after an erasure: what is older than it may be, or is to be erased, is deleted. Started by a schedule
that the worker makes, and by the API."""

from datetime import timedelta

from temporalio import workflow

from workflows import retries

with workflow.unsafe.imports_passed_through():
    from activities.recordings import RecordingActivities
    from cadenza.domain.messages import HOUSEKEEPING_WORKFLOW


@workflow.defn(name=HOUSEKEEPING_WORKFLOW)
class HousekeepingWorkflow:
    """One day's tidying."""

    @workflow.run
    async def run(self) -> int:
        """The number of recordings deleted."""
        deleted = await workflow.execute_activity_method(
            RecordingActivities.delete_old_recordings,
            start_to_close_timeout=timedelta(minutes=10),
            schedule_to_close_timeout=timedelta(hours=12),
            heartbeat_timeout=timedelta(seconds=15),
            retry_policy=retries.BEST_EFFORT,
            summary="delete old recordings",
        )
        return deleted.deleted
