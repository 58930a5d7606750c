"""The peer of the lead benchmark: as many events, no logic. Apart, since workflow modules are re-imported."""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def do_nothing() -> None:
    return


@workflow.defn
class BareWorkflow:
    """Runs `count` activities that do nothing."""

    @workflow.run
    async def run(self, count: int) -> None:
        for _ in range(count):
            await workflow.execute_activity(do_nothing, start_to_close_timeout=timedelta(seconds=10))
