"""The dialer's activity: decides in SQL, tells the workflows, and outlives what it depends on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import admission
from activities.admission import AdmissionActivities
from cadenza.domain.messages import AttemptAdmitted, CloseLead, DialerInput, WithdrawCall
from cadenza.domain.outcomes import AttemptOutcome, CampaignState, LeadState
from cadenza.records.finishing import FinishAttempt, finish_attempt
from cadenza.records.suppressions import suppress_number
from tests.records.conftest import ACCOUNT, World
from tests.rehearsal.twilio.conftest import eventually
from tests.support.databases import kept_database
from tests.support.gates import CAMPAIGN_ONLY, CAMPAIGN_RULES

pytestmark = pytest.mark.servers


class Workflows:
    """Stands for Temporal: takes messages, or is away."""

    def __init__(self) -> None:
        self.admitted: list[AttemptAdmitted] = []
        self.told: list[tuple[str, Any]] = []
        self.away = False
        self.gone: set[str] = set()

    async def admit(self, campaign_id: str, lead_id: str, message: AttemptAdmitted) -> None:
        self._check()
        self.admitted.append(message)

    async def signal(self, campaign_id: str, lead_id: str, message: Any) -> bool:
        self._check()
        if lead_id in self.gone:
            return False
        self.told.append((lead_id, message))
        return True

    def _check(self) -> None:
        if self.away:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")

    def of(self, kind: type) -> list[Any]:
        return [message for _, message in self.told if isinstance(message, kind)]


@pytest.fixture
def workflows() -> Workflows:
    return Workflows()


@pytest_asyncio.fixture
async def world(tables_url: str) -> AsyncIterator[World]:
    database = kept_database(tables_url)
    yield World(database)
    await database.close()


@pytest.fixture
def dialer(world: World, workflows: Workflows) -> AdmissionActivities:
    return AdmissionActivities(world.database, workflows, CAMPAIGN_RULES)  # type: ignore[arg-type]


async def test_due_leads_are_told_to_their_workflows_once(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    await world.leads(await world.campaign(), 3)
    await dialer.tick(ACCOUNT)
    await dialer.tick(ACCOUNT)
    assert len({message.attempt_id for message in workflows.admitted}) == len(workflows.admitted) == 3


async def test_who_could_not_be_told_is_told_by_a_later_tick(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    await world.leads(await world.campaign(), 2)
    workflows.away = True
    await dialer.tick(ACCOUNT)
    assert not workflows.admitted
    workflows.away = False
    await world.run("update attempt set reserved_at = now() - interval '3 seconds'")
    await dialer.tick(ACCOUNT)
    await dialer.tick(ACCOUNT)
    assert len(workflows.admitted) == 2


async def test_a_placed_call_of_a_paused_campaign_is_withdrawn_and_not_asked_for_at_every_tick(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    await world.leads(await world.campaign())
    await dialer.tick(ACCOUNT)
    await world.run("update attempt set state = 'placed'")
    await world.run("update campaign set state = 'paused'")
    for _ in range(3):
        await dialer.tick(ACCOUNT)
    assert len(workflows.of(WithdrawCall)) == 1


async def test_a_ringing_call_is_withdrawn_when_its_number_is_suppressed_though_it_was_asked_for_before(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign())
    await dialer.tick(ACCOUNT)
    await world.run("update attempt set state = 'placed'")
    await world.run("update campaign set state = 'paused'")
    await dialer.tick(ACCOUNT)
    await world.run("update attempt set state = 'ringing'")
    await dialer.tick(ACCOUNT)
    async with world.database.transaction() as session:
        await suppress_number(session, (await world.lead(lead)).phone, reason="asked", source="api")
    for _ in range(3):
        await dialer.tick(ACCOUNT)
    assert [message.even_ringing for message in workflows.of(WithdrawCall)] == [False, True]


async def test_leads_of_a_cancelled_campaign_are_closed(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    await world.leads(await world.campaign())
    await dialer.tick(ACCOUNT)
    await world.run("update campaign set state = 'cancelled'")
    await world.run("update lead set close_as = 'cancelled', state = 'waiting'")
    await dialer.tick(ACCOUNT)
    await dialer.tick(ACCOUNT)
    assert [message.outcome for message in workflows.of(CloseLead)] == ["cancelled"]


async def test_a_lead_whose_workflow_is_gone_is_closed_in_sql(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign())
    await world.run("update lead set workflow_started = true, state = 'waiting', close_as = 'cancelled'")
    workflows.gone = {lead}
    await dialer.tick(ACCOUNT)
    stored = await world.lead(lead)
    assert (stored.state, stored.outcome) == (LeadState.FINAL, "cancelled")


async def test_the_activity_ticks_until_its_worker_stops_and_completes_campaigns(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    done = await world.campaign()
    await world.leads(done, state="final", outcome="booked")
    await world.leads(await world.campaign(), 2)
    environment = ActivityEnvironment()
    beats: list[float] = []
    environment.on_heartbeat = lambda *_: beats.append(0.0)
    running = asyncio.ensure_future(environment.run(dialer.admit_leads, DialerInput(account=ACCOUNT)))
    await eventually(lambda: len(workflows.admitted) == 2)
    await eventually(lambda: len(beats) >= 2)
    environment.worker_shutdown()
    with pytest.raises(ApplicationError):
        await asyncio.wait_for(running, 3)
    [campaign] = await world.run("select state from campaign where id = :id", id=done)
    assert campaign.state == CampaignState.COMPLETED


@asynccontextmanager
async def away(world: World, table: str) -> AsyncIterator[None]:
    """The table is gone, and back afterwards: other tests have the same database."""
    await world.run(f"alter table {table} rename to elsewhere")
    try:
        yield
    finally:
        await world.run(f"alter table elsewhere rename to {table}")


async def test_an_outage_of_the_database_costs_ticks_only(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    await world.leads(await world.campaign())
    environment = ActivityEnvironment()
    async with away(world, "account"):
        running = asyncio.ensure_future(environment.run(dialer.admit_leads, DialerInput(account=ACCOUNT)))
        await asyncio.sleep(1.5)
        assert not running.done()
    await eventually(lambda: len(workflows.admitted) == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_attempt_that_nobody_follows_any_more_is_announced_anew(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    await world.leads(await world.campaign(ring_seconds=25, max_call_seconds=600))
    await dialer.tick(ACCOUNT)
    await world.run("update attempt set state = 'placed', submitted_at = now()")
    await dialer.tick(ACCOUNT)
    assert len(workflows.admitted) == 1
    await world.run("update attempt set announced_at = now() - interval '26 minutes'")
    await dialer.sweep(ACCOUNT)
    await dialer.sweep(ACCOUNT)
    assert [message.number for message in workflows.admitted] == [1, 1]


async def test_what_the_sweeper_finds_is_an_error_in_the_log_with_ids_only(
    world: World, dialer: AdmissionActivities, caplog: pytest.LogCaptureFixture
) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign(), state="calling", phone="+12125550142", name="Ada Abbott")
    with caplog.at_level("ERROR"):
        await dialer.sweep(ACCOUNT)
        await dialer.sweep(ACCOUNT)
    [record] = caplog.records
    assert (record.levelname, record.message) == ("ERROR", f"swept: without_attempt, lead {lead}, attempt -")


async def test_what_stands_in_the_way_is_logged_once_and_when_it_is_over(
    world: World, dialer: AdmissionActivities, caplog: pytest.LogCaptureFixture
) -> None:
    await world.account()
    await world.run("update bridge_node set listening_refusal = 'code 3009'")
    with caplog.at_level("WARNING"):
        for _ in range(3):
            await dialer.tick(ACCOUNT)
        await world.run("update bridge_node set listening_refusal = null")
        await dialer.tick(ACCOUNT)
    assert [record.message for record in caplog.records] == [
        "admission waits: the recogniser takes no sessions (code 3009), at 1 of 1 bridges",
        "admission waits: no more",
    ]


async def test_a_chore_that_fails_costs_its_turn_and_no_tick(
    world: World, workflows: Workflows, dialer: AdmissionActivities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of what was swept is gone: calls go on."""
    monkeypatch.setattr(admission, "SWEEP_EVERY_SECONDS", 0.1)
    monkeypatch.setattr(admission, "TICK_SECONDS", 0.05)
    await world.account()
    await world.leads(await world.campaign(), state="calling")
    environment = ActivityEnvironment()
    async with away(world, "swept"):
        running = asyncio.ensure_future(environment.run(dialer.admit_leads, DialerInput(account=ACCOUNT)))
        await asyncio.sleep(0.5)
        await world.leads(await world.campaign(), 2)
        await eventually(lambda: len(workflows.admitted) == 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_outcome_recorded_twice_does_not_disturb_the_next_attempt(
    world: World, workflows: Workflows, dialer: AdmissionActivities
) -> None:
    await world.account()
    [lead] = await world.leads(await world.campaign())
    await dialer.tick(ACCOUNT)
    await world.run("update attempt set state = 'refused'")
    finish = FinishAttempt(attempt_id=f"{lead}-1", outcome=AttemptOutcome.REFUSED)
    for _ in range(2):
        async with world.database.transaction() as session:
            await finish_attempt(session, finish, CAMPAIGN_ONLY)
        await dialer.tick(ACCOUNT)
    assert (await world.lead(lead)).state == LeadState.CALLING
    assert [message.number for message in workflows.admitted] == [1, 2]
