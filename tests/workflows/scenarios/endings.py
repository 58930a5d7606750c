"""What comes after the last outcome: the summary and the customer's system. None of it can hold up a lead."""

from temporalio.exceptions import ApplicationError

from cadenza.domain.outcomes import AttemptOutcome, CallStatus
from tests.workflows.scenarios.registry import lead_scenario
from tests.workflows.stage import LeadOnStage

AWAY = ApplicationError("away", type="webhook_unreachable")


async def talks_and_ends(lead: LeadOnStage) -> None:
    await lead.call(CallStatus.IN_PROGRESS)
    await lead.hear(AttemptOutcome.NOT_INTERESTED, CallStatus.COMPLETED)


@lead_scenario
async def webhook_told_at_the_second_try(lead: LeadOnStage) -> None:
    lead.script.has_webhook, lead.script.webhook = True, [AWAY]
    await talks_and_ends(lead)


@lead_scenario
async def webhook_that_refuses(lead: LeadOnStage) -> None:
    refused = ApplicationError("no", type="webhook_refused", non_retryable=True)
    lead.script.has_webhook, lead.script.webhook = True, [refused, refused]
    await talks_and_ends(lead)


@lead_scenario
async def summary_that_fails(lead: LeadOnStage) -> None:
    lead.script.summary = ApplicationError("no", type="model_refused", non_retryable=True)
    await talks_and_ends(lead)
