"""What the lead's workflow is told when it records an end."""

import pytest

from activities.call_models import ClosedLead, FinishLead
from activities.lead_records import LeadRecordActivities
from cadenza.domain.outcomes import AttemptOutcome, LeadOutcome
from cadenza.domain.retry import StepKind
from cadenza.records.finishing import FinishAttempt
from tests.activities.house import House
from tests.support.gates import CAMPAIGN_RULES

pytestmark = pytest.mark.servers

WEBHOOK = "https://crm.example.com/hook"


@pytest.mark.parametrize(("url", "has_webhook"), [(WEBHOOK, True), ("", False), (None, False)])
async def test_the_end_of_a_lead_tells_whether_the_customers_system_wants_to_hear_of_it(
    house: House, url: str | None, has_webhook: bool
) -> None:
    records = LeadRecordActivities(house.database, CAMPAIGN_RULES)
    campaign = await house.campaign(webhook_url=url)
    called, closed = await house.lead(campaign), await house.lead(campaign)
    finish = FinishAttempt(attempt_id=await house.attempt(called), outcome=AttemptOutcome.NOT_INTERESTED)
    recorded = await records.record_outcome(finish)
    assert (recorded.step.outcome, recorded.has_webhook) == (LeadOutcome.NOT_INTERESTED, has_webhook)
    cancel = FinishLead(lead_id=closed, outcome=LeadOutcome.CANCELLED, reason="campaign cancelled")
    expected = ClosedLead(outcome=LeadOutcome.CANCELLED, has_webhook=has_webhook)
    assert await records.finish_lead(cancel) == await records.finish_lead(cancel) == expected


async def test_an_attempt_that_does_not_end_the_lead_tells_nobody(house: House) -> None:
    lead = await house.lead(await house.campaign(webhook_url=WEBHOOK))
    finish = FinishAttempt(attempt_id=await house.attempt(lead), outcome=AttemptOutcome.NO_ANSWER)
    recorded = await LeadRecordActivities(house.database, CAMPAIGN_RULES).record_outcome(finish)
    assert (recorded.step.kind, recorded.has_webhook) == (StepKind.RETRY, False)
