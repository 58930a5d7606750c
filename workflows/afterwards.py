"""What goes before and after a call but is not the call. None of it can hold up or lose a lead: failures are left."""

from collections.abc import Awaitable

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from workflows import retries

with workflow.unsafe.imports_passed_through():
    from activities.after_call import AfterCallActivities, SummariseCall
    from activities.audio import AudioActivities, PrepareLeadAudio
    from activities.notify import NotifyActivities, NotifyWebhook


async def prepare_lead_audio(lead_id: str) -> bool:
    """Render the greeting with the lead's name. False: not ready in time; the bridge speaks it live."""
    return await _succeeds(
        workflow.execute_local_activity_method(
            AudioActivities.prepare_lead_audio,
            PrepareLeadAudio(lead_id=lead_id),
            start_to_close_timeout=retries.AUDIO_TIMEOUT,
            schedule_to_close_timeout=retries.AUDIO_PATIENCE,
            retry_policy=retries.BRIEF,
        )
    )


async def summarise_call(attempt_id: str) -> None:
    """Summary, fields and cost of a conversation."""
    await _succeeds(
        workflow.execute_activity_method(
            AfterCallActivities.summarise_call,
            SummariseCall(attempt_id=attempt_id),
            start_to_close_timeout=retries.SUMMARY_TIMEOUT,
            retry_policy=retries.BRIEF,
            summary="summarise the call",
        )
    )


async def notify_webhook(lead_id: str) -> None:
    """Tell the customer's system the lead's outcome. The first try is a local activity: it saves five events."""
    told = await _succeeds(
        workflow.execute_local_activity_method(
            NotifyActivities.notify_webhook,
            NotifyWebhook(lead_id=lead_id),
            start_to_close_timeout=retries.FIRST_TRY_TIMEOUT,
            retry_policy=retries.ONCE,
        )
    )
    if told:
        return
    await _succeeds(
        workflow.execute_activity_method(
            NotifyActivities.notify_webhook,
            NotifyWebhook(lead_id=lead_id),
            start_to_close_timeout=retries.WEBHOOK_TIMEOUT,
            schedule_to_close_timeout=retries.WEBHOOK_PATIENCE,
            retry_policy=retries.UNHURRIED,
            summary="tell the customer's system",
        )
    )


async def _succeeds(work: Awaitable[object]) -> bool:
    try:
        await work
    except FailureError as error:  # a local activity's failure is not wrapped in an ActivityError
        if is_cancelled_exception(error):
            raise
        return False
    return True
