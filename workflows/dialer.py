"""The dialer of one telephony account: keeps one long activity alive, for ever.

All admission is in SQL (`activities.admission`); this workflow is only its keeper. It holds no lines and knows no lead.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.admission import AdmissionActivities
    from cadenza.domain.messages import DIALER_WORKFLOW, DialerInput

_AT_ONCE = RetryPolicy(initial_interval=timedelta(milliseconds=250), backoff_coefficient=1.0)
"""It fails when its worker dies or stops, and not by its work: each time another one is to take it over at once."""
_HEARTBEAT = timedelta(seconds=3)
"""After this long without a word from its worker the activity moves to another one. An outage of Temporal does the
same to a worker that lives: for a second there are two, and the account's row lets one of them admit at a time."""
_RENEW = timedelta(hours=1)


@workflow.defn(name=DIALER_WORKFLOW)
class DialerWorkflow:
    """One for each account; its id makes it the only one, and SQL locks make a second one harmless."""

    @workflow.run
    async def run(self, dialer: DialerInput) -> None:
        workflow.set_current_details("Admits due leads to free lines, about twice a second.")
        while not workflow.info().is_continue_as_new_suggested():
            try:
                await workflow.execute_activity_method(
                    AdmissionActivities.admit_leads,
                    dialer,
                    start_to_close_timeout=_RENEW,
                    heartbeat_timeout=_HEARTBEAT,
                    retry_policy=_AT_ONCE,
                    summary="admit due leads",
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                await workflow.sleep(timedelta(seconds=1))
        workflow.continue_as_new(dialer)
