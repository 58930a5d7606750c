"""Fakes for the workflows that are not a lead's; what they were asked is kept, what they answer can be planned."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.audio import CampaignMoved, PreparationFailed, PreparedAudio
from activities.call_models import RescuedCall, RescueResult, StoppedRecording
from activities.recordings import DeletedRecordings, FetchedRecording
from cadenza.domain.messages import DialerInput, PrepareCampaignInput, RecordingInput, RescueInput, StopRecordingInput
from workflows.dialer import DialerWorkflow
from workflows.housekeeping import HousekeepingWorkflow
from workflows.prepare_campaign import PrepareCampaignWorkflow
from workflows.recording import RecordingWorkflow
from workflows.registry import sandbox
from workflows.rescue import RescueWorkflow
from workflows.stop_recording import StopRecordingWorkflow


class Vendors:
    """One for each worker. `planned` holds failures that an activity meets before it succeeds, by its name; who is in
    `hold` does not answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.planned: dict[str, list[Exception]] = {}
        self.hold: set[str] = set()
        self.runs: Counter[str] = Counter()

    @activity.defn
    async def prepare_campaign_audio(self, request: PrepareCampaignInput) -> PreparedAudio:
        await self._asked("prepare_campaign_audio", "prepare")
        return PreparedAudio(rendered=1, already_there=0, characters=10)

    @activity.defn
    async def set_campaign_running(self, request: PrepareCampaignInput) -> CampaignMoved:
        await self._asked("set_campaign_running", "running")
        return CampaignMoved(moved=True)

    @activity.defn
    async def give_up_preparing(self, request: PreparationFailed) -> CampaignMoved:
        await self._asked("give_up_preparing", f"draft: {request.code}")
        return CampaignMoved(moved=True)

    @activity.defn
    async def fetch_recording(self, request: RecordingInput) -> FetchedRecording:
        await self._asked("fetch_recording", "fetch")
        return FetchedRecording(path=f"recordings/{request.recording_sid}.wav")

    @activity.defn
    async def rescue_call(self, request: RescueInput) -> RescuedCall:
        await self._asked("rescue_call", f"rescue {request.stream_sid}")
        return RescuedCall(result=RescueResult.SENT_ON)

    @activity.defn
    async def stop_recording(self, request: StopRecordingInput) -> StoppedRecording:
        await self._asked("stop_recording", f"stop {request.attempt_id}")
        return StoppedRecording(was_recorded=True)

    @activity.defn
    async def delete_old_recordings(self) -> DeletedRecordings:
        await self._asked("delete_old_recordings", "delete")
        return DeletedRecordings(deleted=3)

    @activity.defn
    async def admit_leads(self, dialer: DialerInput) -> None:
        await self._asked("admit_leads", "admit")
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.2)

    def worker(self, client: Client, task_queue: str) -> Worker:
        return Worker(
            client,
            task_queue=task_queue,
            workflows=[
                DialerWorkflow, PrepareCampaignWorkflow, RecordingWorkflow, HousekeepingWorkflow, RescueWorkflow,
                StopRecordingWorkflow,
            ],
            activities=[
                self.prepare_campaign_audio, self.set_campaign_running, self.give_up_preparing, self.fetch_recording,
                self.delete_old_recordings, self.admit_leads, self.rescue_call,
                self.stop_recording,
            ],
            workflow_runner=sandbox(),
        )  # fmt: skip

    async def until_run(self, name: str, times: int, patience: float = 30) -> None:
        """Wait until the activity was begun so often."""
        async with asyncio.timeout(patience):
            while self.runs[name] < times:
                await asyncio.sleep(0.05)

    async def _asked(self, name: str, words: str) -> None:
        self.runs[name] += 1
        self.asked.append(words)
        if self.planned.get(name):
            raise self.planned[name].pop(0)
        if name in self.hold:
            await asyncio.Event().wait()


class House:
    """The vendors, the workflows that ask them, and the server they run on."""

    def __init__(self, environment: WorkflowEnvironment, vendors: Vendors, task_queue: str) -> None:
        self.environment, self.vendors, self._task_queue = environment, vendors, task_queue
        vendors.asked.clear()
        vendors.runs.clear()
        vendors.hold.clear()

    async def start(self, workflow: Any, *arguments: Any) -> WorkflowHandle[Any, Any]:
        """The handle is of the newest run; its `first_execution_run_id` names the first."""
        workflow_id = f"other-{uuid4().hex[:8]}"
        first = await self.environment.client.start_workflow(
            workflow, *arguments, id=workflow_id, task_queue=self._task_queue
        )
        return self.environment.client.get_workflow_handle(
            workflow_id, first_execution_run_id=first.first_execution_run_id
        )
