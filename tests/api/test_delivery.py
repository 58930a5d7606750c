"""Stored events reach their workflows: on a real Temporal server, with a real database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from cadenza.domain.identifiers import lead_workflow_id
from cadenza.domain.messages import LEAD_WORKFLOW, LeadInput
from cadenza.records.tables import Attempt
from tests.api.conftest import CALL_SID, REP, Api, close_api, open_api, settings_for

pytestmark = pytest.mark.servers


@pytest_asyncio.fixture
async def live(migrated_url: str, tmp_path: Path, temporal_env: WorkflowEnvironment) -> AsyncIterator[Api]:
    """The API with Temporal."""
    opened = await open_api(settings_for(migrated_url, tmp_path), temporal_env.client)
    yield opened
    await close_api(opened)


@pytest_asyncio.fixture
async def attempt(live: Api) -> Attempt:
    campaign = await live.campaign()
    await live.upload(campaign)
    return await live.attempt(campaign)


async def waiting_workflow(live: Api, attempt: Attempt) -> WorkflowHandle[Any, Any]:
    """A lead's workflow without a worker: it only collects signals."""
    return await live.context.temporal.start_workflow(
        LEAD_WORKFLOW,
        LeadInput(campaign_id=attempt.campaign_id, lead_id=attempt.lead_id),
        id=lead_workflow_id(attempt.campaign_id, attempt.lead_id),
        task_queue=f"nobody-{uuid4()}",
    )


async def signals(handle: WorkflowHandle[Any, Any]) -> list[str]:
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]


async def undelivered(live: Api, attempt: Attempt) -> int:
    count: int = await live.value(
        "select count(*) from call_event where attempt_id = :id and delivered_at is null", id=attempt.id
    )
    return count


async def test_each_callback_reaches_the_workflow_once(live: Api, attempt: Attempt) -> None:
    handle = await waiting_workflow(live, attempt)
    for _ in range(2):
        await live.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus="no-answer", SequenceNumber="1")
        await live.webhook("machine", attempt.id, CallSid=CALL_SID, AnsweredBy="machine_start")
        await live.webhook("voicemail-played", attempt.id, CallSid=CALL_SID)
    await live.context.delivery.stop(5)
    assert sorted(await signals(handle)) == ["call_progressed", "machine_detected", "voicemail_played"]
    assert await undelivered(live, attempt) == 0


async def test_the_workflow_is_spared_what_changes_no_decision(live: Api, attempt: Attempt) -> None:
    handle = await waiting_workflow(live, attempt)
    for number, status in enumerate(("initiated", "ringing", "in-progress")):
        await live.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus=status, SequenceNumber=str(number))
    for who in ("human", "unknown"):
        await live.webhook("machine", attempt.id, CallSid=CALL_SID, AnsweredBy=who)
    await live.context.delivery.stop(5)
    assert await undelivered(live, attempt) == 0
    assert await signals(handle) == []


async def test_what_could_not_be_delivered_is_delivered_later(live: Api, api: Api, attempt: Attempt) -> None:
    handle = await waiting_workflow(live, attempt)
    await api.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus="no-answer", SequenceNumber="1")
    await api.context.delivery.stop(5)  # this API process has no Temporal
    assert await undelivered(live, attempt) == 1
    await live.context.delivery.deliver_left(0)
    assert await undelivered(live, attempt) == 0
    assert await signals(handle) == ["call_progressed"]


async def test_several_processes_share_what_is_left_and_deliver_it_once(
    live: Api, api: Api, attempt: Attempt, migrated_url: str, tmp_path: Path
) -> None:
    handle = await waiting_workflow(live, attempt)
    for number in range(60):
        await api.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus="no-answer", SequenceNumber=str(number))
    await api.context.delivery.stop(10)
    second = await open_api(settings_for(migrated_url, tmp_path), live.context.temporal)
    while await undelivered(live, attempt):
        await asyncio.gather(
            live.context.delivery.deliver_left(0),
            second.context.delivery.deliver_left(0),
        )
    await close_api(second)
    assert len(await signals(handle)) == 60


async def test_an_event_for_a_finished_lead_is_history(live: Api, attempt: Attempt) -> None:
    await live.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus="completed", SequenceNumber="3")
    await live.context.delivery.stop(5)
    assert await undelivered(live, attempt) == 0


async def test_an_event_that_cannot_be_applied_rests_and_does_not_hold_up_the_others(
    live: Api, api: Api, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await waiting_workflow(live, attempt)
    await api.webhook("machine", attempt.id, CallSid=CALL_SID, AnsweredBy="machine_start")
    await api.webhook("status", attempt.id, CallSid=CALL_SID, CallStatus="no-answer", SequenceNumber="1")
    await api.context.delivery.stop(5)

    async def broken(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("api.delivery.record_answered_by", broken)
        await live.context.delivery.deliver_left(0)
        assert await undelivered(live, attempt) == 1
        assert await live.context.delivery.deliver_left(0) == 0  # resting
    await asyncio.sleep(1.1)
    await live.context.delivery.deliver_left(0)
    assert await undelivered(live, attempt) == 0
    assert sorted(await signals(handle)) == ["call_progressed", "machine_detected"]


async def test_a_recording_starts_its_workflow_once(live: Api, attempt: Attempt) -> None:
    sid = f"RE{uuid4().hex}"
    for _ in range(2):
        await live.webhook(
            "recording",
            attempt.id,
            CallSid=CALL_SID,
            RecordingSid=sid,
            RecordingStatus="completed",
            RecordingUrl="https://api.twilio.com/x",
        )
        await live.context.delivery.stop(5)
    description = await live.context.temporal.get_workflow_handle(f"recording:{sid}").describe()
    assert description.workflow_type == "RecordingWorkflow"
    await live.context.orchestration.fetch_recording(attempt.id, sid)
    assert await undelivered(live, attempt) == 0


async def test_starting_a_campaign_starts_its_preparation_and_one_dialer(live: Api) -> None:
    campaigns = [await live.campaign(booking={}, reps=[REP]) for _ in range(2)]
    for campaign in campaigns:
        await live.upload(campaign)
        assert (await live.http.post(f"/v1/campaigns/{campaign}/start")).status_code == 202
    for campaign in campaigns:
        prepared = await live.context.temporal.get_workflow_handle(f"prepare:{campaign}").describe()
        assert prepared.workflow_type == "PrepareCampaignWorkflow"
    dialer = live.context.temporal.get_workflow_handle(f"dialer:{live.context.account_id}")
    first = (await dialer.describe()).run_id
    await live.context.orchestration.ensure_dialer()
    assert (await dialer.describe()).run_id == first


async def test_a_start_that_temporal_missed_comes_back_by_itself(live: Api, api: Api) -> None:
    campaign = await api.campaign(booking={}, reps=[REP])
    await api.upload(campaign)
    await api.http.post(f"/v1/campaigns/{campaign}/start")
    healing = asyncio.create_task(live.context.orchestration.keep_going())
    handle = live.context.temporal.get_workflow_handle(f"prepare:{campaign}")
    for _ in range(100):
        try:
            await handle.describe()
            break
        except Exception:
            await asyncio.sleep(0.1)
    healing.cancel()
    assert (await handle.describe()).workflow_type == "PrepareCampaignWorkflow"


async def test_readiness_is_ok_when_both_answer(live: Api) -> None:
    answer = await live.http.get("/health/ready")
    assert answer.json() == {"status": "ok", "database": "ok", "temporal": "ok"}
