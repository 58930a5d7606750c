"""The dialer against an emulated carrier that fails: the breaker stops the calls, one probe finds out when it is over.

Real are the admission loop, the POST, the carrier and the records. Only the lead's workflow is a stand-in: it places
the call that was admitted and records how it ended, as the real one does.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities import admission
from activities.admission import AdmissionActivities
from activities.call_models import AttemptRef
from cadenza.domain.call_facts import CallFacts, add_status
from cadenza.domain.call_result import Submission, classify, result_of_unplaced
from cadenza.domain.messages import AttemptAdmitted, CallProgressed, DialerInput
from cadenza.domain.outcomes import CallStatus, CampaignState
from cadenza.records.attempts import apply_call_status
from cadenza.records.finishing import FinishAttempt, finish_attempt
from tests.activities.calling.conftest import Desk
from tests.records.conftest import ACCOUNT
from tests.rehearsal.twilio.conftest import FROM, System
from tests.support.gates import CAMPAIGN_ONLY, CAMPAIGN_RULES

pytestmark = pytest.mark.servers


class LeadWorkflows:
    """Follows each admitted attempt at the emulated carrier, by its callbacks."""

    def __init__(self, desk: Desk, system: System) -> None:
        self._desk = desk
        self._system = system
        self._tasks: set[asyncio.Task[None]] = set()
        self.admitted: list[str] = []

    async def admit(self, campaign_id: str, lead_id: str, message: AttemptAdmitted) -> None:
        if message.attempt_id not in self.admitted:
            self.admitted.append(message.attempt_id)
            self._tasks.add(asyncio.create_task(self._follow(message.attempt_id)))

    async def signal(self, campaign_id: str, lead_id: str, message: Any) -> bool:
        return True

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, attempt_id: str) -> None:
        placed = await self._desk.calling.place_call(AttemptRef(attempt_id=attempt_id))
        if placed.submission is Submission.PLACED:
            result = classify(await self._to_its_end(attempt_id, placed.call_sid))
        else:
            result = result_of_unplaced(placed.submission, placed.reason)
        async with self._desk.rows.database.transaction() as session:
            await finish_attempt(session, FinishAttempt(attempt_id=attempt_id, outcome=result.outcome), CAMPAIGN_ONLY)

    async def _to_its_end(self, attempt_id: str, call_sid: str) -> CallFacts:
        facts, seen = CallFacts(call_sid=call_sid), 0
        while not facts.is_over:
            forms = [form for form in self._system.of("/webhooks/twilio/status") if form["CallSid"] == call_sid]
            for form in forms[seen:]:
                status = CallStatus(form["CallStatus"])
                facts = add_status(facts, status)
                async with self._desk.rows.database.transaction() as session:
                    news = CallProgressed(attempt_id=attempt_id, call_sid=call_sid, status=status)
                    await apply_call_status(session, news)
            seen = len(forms)
            await asyncio.sleep(0.02)
        return facts


@pytest_asyncio.fixture
async def workflows(desk: Desk, system: System) -> AsyncIterator[LeadWorkflows]:
    workflows = LeadWorkflows(desk, system)
    yield workflows
    await workflows.close()


@pytest_asyncio.fixture
async def dialer(
    desk: Desk, workflows: LeadWorkflows, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AdmissionActivities]:
    """The activity itself, ticking; it judges the breakers more often than in production."""
    monkeypatch.setattr(admission, "BREAKERS_EVERY_SECONDS", 0.1)
    monkeypatch.setattr(admission, "TICK_SECONDS", 0.05)
    dialer = AdmissionActivities(desk.rows.database, workflows, CAMPAIGN_RULES)  # type: ignore[arg-type]
    environment = ActivityEnvironment()
    running = asyncio.ensure_future(environment.run(dialer.admit_leads, DialerInput(account=ACCOUNT)))
    yield dialer
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def becomes(desk: Desk, query: str, *expected: Any) -> None:
    """Wait until the one row of `query` is this."""
    async with asyncio.timeout(15):
        while [tuple(row) for row in await desk.rows.run(query)] != [expected]:
            await asyncio.sleep(0.05)


CAMPAIGN = "select state, paused_rule from campaign"
BREAKER = "select state, failed_probes from breaker"


async def test_failing_calls_trip_the_breaker_and_a_probe_that_rings_closes_it(
    desk: Desk, workflows: LeadWorkflows, dialer: AdmissionActivities
) -> None:
    desk.fault(operation="create_call", effect="refuse:21214", count=None)
    await desk.rows.run("update account set max_lines = 5")
    campaign = await desk.rows.campaign(CampaignState.PAUSED)
    await desk.rows.run("update campaign set caller_id = :number", number=FROM)
    for ending in range(48, 54):  # numbers that ring, and nobody answers
        await desk.rows.leads(campaign, phone=f"+12125550{ending + 100}")
        await desk.rows.leads(campaign, phone=f"+13125550{ending + 100}")
    await desk.rows.run("update campaign set state = 'running'")

    await becomes(desk, CAMPAIGN, "paused", "carrier_faults")
    refused = len(workflows.admitted)
    assert refused < 12, "those that were left were not called"
    assert not desk.calls

    await desk.rows.run("update breaker set probe_at = now()")
    await becomes(desk, BREAKER, "open", 1)
    assert len(workflows.admitted) == refused + 1, "one call, and it failed"

    desk.carrier_world.faults.clear()
    await desk.rows.run("update breaker set probe_at = now()")
    await becomes(desk, BREAKER, "closed", 0)
    await becomes(desk, CAMPAIGN, "running", None)
    assert len(desk.calls) >= 1
    await becomes(desk, "select count(*) from lead where state in ('new', 'due') and attempts_made = 0", 0)
    events = await desk.rows.run("select state from breaker_event order by id")
    assert [event.state for event in events] == ["open", "probing", "open", "probing", "closed"]
