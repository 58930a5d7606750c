"""Fakes for the workflows that are not a lead's; what they were asked is kept, what they answer can be planned."""

import asyncio
from collections import Counter
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from activities.audio import CampaignMoved, PreparationFailed, PreparedAudio
from activities.recordings import DeletedRecordings, FetchedRecording
from cadenza.domain.messages import DialerInput, PrepareCampaignInput, RecordingInput
from workflows.dialer import DialerWorkflow
from workflows.housekeeping import HousekeepingWorkflow
from workflows.prepare_campaign import PrepareCampaignWorkflow
from workflows.recording import RecordingWorkflow
from workflows.registry import sandbox


class Vendors:
    """One for each worker. `planned` holds failures that an activity meets before it succeeds, by its name."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.planned: dict[str, list[Exception]] = {}
        self.runs: Counter[str] = Counter()

    @activity.defn
    async def prepare_campaign_audio(self, request: PrepareCampaignInput) -> PreparedAudio:
        self._asked("prepare_campaign_audio", "prepare")
        return PreparedAudio(rendered=1, already_there=0, characters=10)

    @activity.defn
    async def set_campaign_running(self, request: PrepareCampaignInput) -> CampaignMoved:
        self._asked("set_campaign_running", "running")
        return CampaignMoved(moved=True)

    @activity.defn
    async def give_up_preparing(self, request: PreparationFailed) -> CampaignMoved:
        self._asked("give_up_preparing", f"draft: {request.code}")
        return CampaignMoved(moved=True)

    @activity.defn
    async def fetch_recording(self, request: RecordingInput) -> FetchedRecording:
        self._asked("fetch_recording", "fetch")
        return FetchedRecording(path=f"recordings/{request.recording_sid}.wav")

    @activity.defn
    async def delete_old_recordings(self) -> DeletedRecordings:
        self._asked("delete_old_recordings", "delete")
        return DeletedRecordings(deleted=3)

    @activity.defn
    async def admit_leads(self, dialer: DialerInput) -> None:
        self._asked("admit_leads", "admit")
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.2)

    def worker(self, client: Client, task_queue: str) -> Worker:
        return Worker(
            client,
            task_queue=task_queue,
            workflows=[DialerWorkflow, PrepareCampaignWorkflow, RecordingWorkflow, HousekeepingWorkflow],
            activities=[
                self.prepare_campaign_audio, self.set_campaign_running, self.give_up_preparing, self.fetch_recording,
                self.delete_old_recordings, self.admit_leads,
            ],
            workflow_runner=sandbox(),
        )  # fmt: skip

    async def until_run(self, name: str, times: int, patience: float = 30) -> None:
        """Wait until the activity was begun so often."""
        async with asyncio.timeout(patience):
            while self.runs[name] < times:
                await asyncio.sleep(0.05)

    def _asked(self, name: str, words: Any) -> None:
        self.runs[name] += 1
        self.asked.append(words)
        if self.planned.get(name):
            raise self.planned[name].pop(0)
