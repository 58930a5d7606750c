"""Before a campaign runs: its fixed texts are rendered, so that the first call starts with ready audio."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import retries

with workflow.unsafe.imports_passed_through():
    from activities.audio import AudioActivities, PreparationFailed
    from cadenza.domain.messages import PREPARE_CAMPAIGN_WORKFLOW, PrepareCampaignInput

_SIX_TRIES = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=6)


@workflow.defn(name=PREPARE_CAMPAIGN_WORKFLOW)
class PrepareCampaignWorkflow:
    """preparing -> running; or back to draft with the reason, so that it can be mended and started again."""

    @workflow.run
    async def run(self, campaign: PrepareCampaignInput) -> bool:
        """True if the campaign runs now."""
        try:
            await workflow.execute_activity_method(
                AudioActivities.prepare_campaign_audio,
                campaign,
                start_to_close_timeout=timedelta(minutes=10),
                heartbeat_timeout=timedelta(seconds=30),
                retry_policy=_SIX_TRIES,
                summary="render the fixed texts",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await self._give_up(campaign, error)
            return False
        moved = await workflow.execute_activity_method(
            AudioActivities.set_campaign_running,
            campaign,
            start_to_close_timeout=retries.SQL_TIMEOUT,
            retry_policy=retries.PATIENT,
            summary="start calling",
        )
        return moved.moved

    async def _give_up(self, campaign: PrepareCampaignInput, error: ActivityError) -> None:
        code = "speech_unavailable"
        if isinstance(error.cause, ApplicationError) and error.cause.details:
            code = str(error.cause.details[0])
        await workflow.execute_activity_method(
            AudioActivities.give_up_preparing,
            PreparationFailed(campaign_id=campaign.campaign_id, code=code),
            start_to_close_timeout=retries.SQL_TIMEOUT,
            retry_policy=retries.PATIENT,
            summary="back to draft",
        )
