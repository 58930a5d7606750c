"""The workflows that the API starts: preparation, the dialer, a recording, a rescue. All may be asked for twice."""

import asyncio
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from cadenza.domain.identifiers import dialer_workflow_id
from cadenza.domain.messages import (
    DIALER_WORKFLOW,
    HOUSEKEEPING_WORKFLOW,
    PREPARE_CAMPAIGN_WORKFLOW,
    RECORDING_WORKFLOW,
    RESCUE_WORKFLOW,
    TASK_QUEUE,
    DialerInput,
    Message,
    PrepareCampaignInput,
    RecordingInput,
    RescueInput,
)
from cadenza.domain.outcomes import CampaignState
from cadenza.records.campaigns import campaigns_in
from cadenza.records.database import Database

_log = structlog.get_logger("api.orchestration")
RPC_TIMEOUT = timedelta(seconds=5)
HEAL_SECONDS = 15.0


class Orchestration:
    """Starts workflows by name: the API imports none of them."""

    def __init__(self, client: Client, database: Database, account_id: str) -> None:
        self._client = client
        self._database = database
        self._account_id = account_id

    async def launch(self, campaign_id: str) -> bool:
        """Prepare the campaign and have a dialer. False if Temporal cannot be reached now: `keep_going` tries again."""
        try:
            await self.prepare(campaign_id)
            await self.ensure_dialer()
        except (RPCError, RuntimeError, OSError) as error:
            _log.warning("temporal cannot be reached; will be tried again", error=type(error).__name__)
            return False
        return True

    async def prepare(self, campaign_id: str) -> None:
        """Render what is not rendered yet; the workflow sets a preparing campaign running."""
        await self._client.start_workflow(
            PREPARE_CAMPAIGN_WORKFLOW,
            PrepareCampaignInput(campaign_id=campaign_id),
            id=f"prepare:{campaign_id}",
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"Prepare campaign {campaign_id}",
            rpc_timeout=RPC_TIMEOUT,
        )

    async def ensure_dialer(self) -> None:
        await self._client.start_workflow(
            DIALER_WORKFLOW,
            DialerInput(account=self._account_id),
            id=dialer_workflow_id(self._account_id),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary="Dialer: admits due leads to free lines",
            rpc_timeout=RPC_TIMEOUT,
        )

    async def fetch_recording(self, attempt_id: str, recording_sid: str) -> None:
        """Fetch what the carrier recorded."""
        recording = RecordingInput(attempt_id=attempt_id, recording_sid=recording_sid)
        await self._start_once(
            RECORDING_WORKFLOW, recording, f"recording:{recording_sid}", f"Recording of {attempt_id}"
        )

    async def rescue(self, attempt_id: str, stream_sid: str) -> None:
        """Look after a call whose media stream broke."""
        broken = RescueInput(attempt_id=attempt_id, stream_sid=stream_sid)
        await self._start_once(RESCUE_WORKFLOW, broken, f"rescue:{stream_sid}", f"Rescue of {attempt_id}")

    async def _start_once(self, name: str, message: Message, workflow_id: str, summary: str) -> None:
        """Unless it runs, or has done its work before."""
        try:
            await self._client.start_workflow(
                name,
                message,
                id=workflow_id,
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                static_summary=summary,
                rpc_timeout=RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return

    async def delete_recordings(self) -> bool:
        """Delete recordings that were asked to be erased, here and at the carrier, now. False if Temporal cannot be
        reached: then the daily run does it."""
        try:
            await self._client.start_workflow(
                HOUSEKEEPING_WORKFLOW,
                id="housekeeping:erasure",
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary="Delete recordings that were asked to be erased",
                rpc_timeout=RPC_TIMEOUT,
            )
        except (RPCError, RuntimeError, OSError) as error:
            _log.warning("temporal cannot be reached; recordings go with the daily run", error=type(error).__name__)
            return False
        return True

    async def is_reachable(self) -> bool:
        """Whether Temporal answers, within two seconds."""
        try:
            return await self._client.service_client.check_health(timeout=timedelta(seconds=2))
        except (RPCError, RuntimeError, OSError):
            return False

    async def keep_going(self) -> None:
        """Until cancelled: what should run, runs. A start that Temporal missed, or a dialer that somebody ended, comes
        back by itself."""
        while True:
            try:
                await self._heal()
            except Exception as error:
                _log.warning("could not check campaigns", error=type(error).__name__)
            await asyncio.sleep(HEAL_SECONDS)

    async def _heal(self) -> None:
        async with self._database.transaction() as session:
            wanted = await campaigns_in(
                session, CampaignState.PREPARING, CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.CANCELLED
            )
        for campaign in wanted:
            if campaign.state == CampaignState.PREPARING:
                await self.prepare(campaign.id)
        if wanted:
            await self.ensure_dialer()
