"""A call whose media stream broke is brought back, also where the carrier does not go on by itself.

Usually the verb after <Connect> runs, and a bridge has the call again within a second. This is the other way: some
seconds later the call is looked at, and sent on if nobody has it.
"""

from datetime import timedelta

from temporalio import workflow

from workflows import retries

with workflow.unsafe.imports_passed_through():
    from activities.calling import CallingActivities
    from cadenza.domain.messages import RESCUE_WORKFLOW, RescueInput

RESCUE_AFTER = timedelta(seconds=3)
"""The verb's way takes about one. A callee waits some seconds in silence before hanging up."""


@workflow.defn(name=RESCUE_WORKFLOW)
class RescueWorkflow:
    """One for each broken stream."""

    @workflow.run
    async def run(self, broken: RescueInput) -> str:
        """What was found: `taken_up`, `over` or `sent_on`."""
        await workflow.sleep(RESCUE_AFTER, summary="the carrier may go on by itself")
        rescued = await workflow.execute_activity_method(
            CallingActivities.rescue_call,
            broken,
            start_to_close_timeout=retries.CARRIER_TIMEOUT,
            schedule_to_close_timeout=retries.CARRIER_PATIENCE,
            retry_policy=retries.BRIEF,
            summary="bring the call back",
        )
        return rescued.result.value
