"""A stage for lead workflows: the real workflow on a real server, its activities replaced by fakes that keep a script
and a record for each lead. The SQL side decides by the real rules (`cadenza.domain.retry`)."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.after_call import SummariseCall
from activities.audio import PrepareLeadAudio
from activities.booking import BookSlot, FindOpenSlots, ReleaseBooking, ReleasedBooking
from activities.call_models import (
    AttemptRecord,
    AttemptRef,
    CarrierWord,
    ClosedLead,
    DroppedVoicemail,
    DropResult,
    EndCall,
    FinishLead,
    LeadRef,
    PlacedCall,
    RecordedOutcome,
)
from activities.notify import NotifyWebhook
from cadenza.domain.call_result import Submission
from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.identifiers import attempt_id, lead_workflow_id
from cadenza.domain.messages import (
    DIAL_TASK_QUEUE,
    TASK_QUEUE,
    AttemptAdmitted,
    BookingResult,
    CallProgressed,
    ConversationEnded,
    LeadResult,
    LeadStatus,
    MachineDetected,
    OfferedSlot,
    SlotOffer,
)
from cadenza.domain.outcomes import AnsweredBy, AttemptOutcome, CallStatus, MessageSource
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.retry import PastAttempt, decide_next_step
from cadenza.records.finishing import FinishAttempt
from cadenza.temporal.lead_client import LeadClient, LeadSignal
from tests.support.gates import campaign_opening
from workflows.lead import LeadWorkflow
from workflows.registry import sandbox

CAMPAIGN = "cp_test"
POLICY = CampaignPolicy(calling_hours=WeeklyHours.always(), retry_at_other_times_of_day=False)
PLACED = PlacedCall(submission=Submission.PLACED, call_sid="CA1")


@dataclass
class Script:
    """What the fakes answer for one lead, and what they were asked."""

    policy: CampaignPolicy = POLICY
    place: list[PlacedCall | Exception] = field(default_factory=list)  # default: placed
    reconcile: list[PlacedCall | Exception] = field(default_factory=list)
    carrier: list[CarrierWord | Exception] = field(default_factory=list)  # answers to fetch_call
    hang_up: list[CarrierWord | Exception] = field(default_factory=list)
    drop: DropResult | Exception = DropResult.PLAYING
    slots: list[Exception] = field(default_factory=list)  # what becomes of offers, before there are two
    summary: Exception | None = None
    record: AttemptRecord = field(default_factory=AttemptRecord)
    booking: list[BookingResult | Exception] = field(default_factory=list)
    audio: Exception | None = None
    has_webhook: bool = False
    webhook: list[Exception] = field(default_factory=list)  # its answers, before it takes the news
    hold: dict[str, asyncio.Event] = field(default_factory=dict)  # activities that answer only when they may
    asked: list[str] = field(default_factory=list)
    finished: list[FinishAttempt] = field(default_factory=list)
    history: list[PastAttempt] = field(default_factory=list)
    ends: list[EndCall] = field(default_factory=list)
    voicemails: int = 0
    skipped: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.skipped


class Stage:
    """The fakes. One for each worker; scripts are looked up by lead."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}

    def script_of(self, attempt: str) -> Script:
        return self.scripts[attempt.rsplit("-", 1)[0]]

    @activity.defn
    async def place_call(self, ref: AttemptRef) -> PlacedCall:
        script = await self._asked(ref.attempt_id, "place_call")
        return _next(script.place, PLACED)

    @activity.defn
    async def reconcile_call(self, ref: AttemptRef) -> PlacedCall:
        script = await self._asked(ref.attempt_id, "reconcile_call")
        return _next(script.reconcile, PLACED)

    @activity.defn
    async def fetch_call(self, ref: AttemptRef) -> CarrierWord:
        script = await self._asked(ref.attempt_id, "fetch_call")
        return _next(script.carrier, CarrierWord(status=CallStatus.IN_PROGRESS, call_sid="CA1"))

    @activity.defn
    async def hang_up(self, end: EndCall) -> CarrierWord:
        script = await self._asked(end.attempt_id, "hang_up")
        script.ends.append(end)
        return _next(script.hang_up, CarrierWord(status=CallStatus.COMPLETED, call_sid="CA1"))

    @activity.defn
    async def drop_voicemail(self, ref: AttemptRef) -> DroppedVoicemail:
        script = await self._asked(ref.attempt_id, "drop_voicemail")
        if isinstance(script.drop, Exception):
            raise script.drop
        script.voicemails += script.drop is DropResult.PLAYING
        return DroppedVoicemail(result=script.drop)

    @activity.defn
    async def read_attempt(self, ref: AttemptRef) -> AttemptRecord:
        return (await self._asked(ref.attempt_id, "read_attempt")).record

    @activity.defn
    async def record_outcome(self, finish: FinishAttempt) -> RecordedOutcome:
        script = await self._asked(finish.attempt_id, "record_outcome")
        if finish.attempt_id not in {past.attempt_id for past in script.finished}:
            script.finished.append(finish)
            script.history.append(PastAttempt(at=script.now(), outcome=finish.outcome))
        step = decide_next_step(
            script.policy,
            script.history,
            script.now(),
            campaign_opening(script.policy, ["America/New_York"]),
            "America/New_York",
            promised_at=finish.callback_at,
            close_as=finish.close_as,
        )
        return RecordedOutcome(step=step, has_webhook=script.has_webhook)

    @activity.defn
    async def report_due(self, lead: LeadRef) -> None:
        self.scripts[lead.lead_id].asked.append("report_due")

    @activity.defn
    async def finish_lead(self, finish: FinishLead) -> ClosedLead:
        script = self.scripts[finish.lead_id]
        script.asked.append("finish_lead")
        return ClosedLead(outcome=finish.outcome, has_webhook=script.has_webhook)

    @activity.defn
    async def find_open_slots(self, request: FindOpenSlots) -> SlotOffer:
        script = await self._asked(request.attempt_id, "find_open_slots")
        _next(script.slots, None)
        return SlotOffer(slots=[OfferedSlot(token="s1", starts_at=datetime(2030, 1, 2, tzinfo=UTC), spoken="soon")])

    @activity.defn
    async def book_slot(self, request: BookSlot) -> BookingResult:
        script = await self._asked(request.attempt_id, "book_slot")
        return _next(script.booking, BookingResult(status="booked", booking_id=request.booking_id))

    @activity.defn
    async def release_booking(self, request: ReleaseBooking) -> ReleasedBooking:
        attempt = request.booking_id.removeprefix("bk_").rsplit("-", 1)[0]
        await self._asked(attempt, "release_booking")
        return ReleasedBooking(released=True)

    @activity.defn
    async def prepare_lead_audio(self, request: PrepareLeadAudio) -> None:
        script = await self._asked(attempt_id(request.lead_id, 1), "prepare_lead_audio")
        if script.audio is not None:
            raise script.audio

    @activity.defn
    async def summarise_call(self, request: SummariseCall) -> None:
        script = await self._asked(request.attempt_id, "summarise_call")
        if script.summary is not None:
            raise script.summary

    @activity.defn
    async def notify_webhook(self, request: NotifyWebhook) -> None:
        script = self.scripts[request.lead_id]
        script.asked.append("notify_webhook")
        _next(script.webhook, None)

    def general(self) -> list[Callable[..., Any]]:
        return [
            self.reconcile_call, self.fetch_call, self.hang_up, self.drop_voicemail, self.read_attempt,
            self.record_outcome, self.report_due, self.finish_lead, self.find_open_slots, self.book_slot,
            self.release_booking, self.prepare_lead_audio, self.summarise_call, self.notify_webhook,
        ]  # fmt: skip

    def workers(
        self, client: Client, dial_client: Client, deployment: WorkerDeploymentConfig | None = None
    ) -> list[Worker]:
        return [
            Worker(
                client,
                task_queue=TASK_QUEUE,
                workflows=[LeadWorkflow],
                activities=self.general(),
                workflow_runner=sandbox(),
                max_cached_workflows=100,
                deployment_config=deployment,
            ),
            Worker(
                dial_client,
                task_queue=DIAL_TASK_QUEUE,
                activities=[self.place_call],
                disable_eager_activity_execution=True,
                deployment_config=deployment,
            ),
        ]

    async def _asked(self, attempt: str, name: str) -> Script:
        script = self.script_of(attempt)
        script.asked.append(name)
        if name in script.hold:
            await script.hold[name].wait()
        return script


def _next(answers: list[Any], default: Any) -> Any:
    answer = answers.pop(0) if answers else default
    if isinstance(answer, Exception):
        raise answer
    return answer


def doubtful() -> ApplicationError:
    return ApplicationError("no clear answer", type="doubtful", non_retryable=True)


Word = LeadSignal | CallStatus | AnsweredBy | AttemptOutcome
"""A message to the lead; a status is the carrier's, a verdict or an outcome the bridge's, on the attempt under way."""


class LeadOnStage:
    """One lead, as a test drives it."""

    def __init__(self, environment: WorkflowEnvironment, stage: Stage, **script: Any) -> None:
        self.id = f"ld_{uuid4().hex[:12]}"
        self.script = stage.scripts[self.id] = Script(**script)
        self.leads = LeadClient(environment.client)
        self._environment = environment
        self._numbers: Iterator[int] = count(1)
        self.attempt = ""

    @property
    def handle(self) -> WorkflowHandle[Any, LeadResult]:
        return self._environment.client.get_workflow_handle(lead_workflow_id(CAMPAIGN, self.id), result_type=LeadResult)

    async def admit(self, *, leaves_voicemail: bool = False) -> str:
        """Reserve the next attempt and tell the workflow; returns the attempt's id."""
        message = self.admission(next(self._numbers), leaves_voicemail=leaves_voicemail)
        await self.leads.admit(CAMPAIGN, self.id, message)
        return self.attempt

    def admission(self, number: int, *, leaves_voicemail: bool = False) -> AttemptAdmitted:
        self.attempt = attempt_id(self.id, number)
        return AttemptAdmitted(
            attempt_id=self.attempt,
            number=number,
            leaves_voicemail=leaves_voicemail,
            ring_seconds=25,
            max_call_seconds=600,
        )

    async def tell(self, *messages: LeadSignal) -> None:
        for message in messages:
            await self.leads.signal(CAMPAIGN, self.id, message)

    def status(self, status: CallStatus, **facts: Any) -> CallProgressed:
        return CallProgressed(attempt_id=self.attempt, call_sid="CA1", status=status, **facts)

    def answered_by(self, who: AnsweredBy, source: MessageSource = MessageSource.BRIDGE) -> MachineDetected:
        return MachineDetected(attempt_id=self.attempt, call_sid="CA1", answered_by=who, source=source)

    def ended(self, outcome: AttemptOutcome, **facts: Any) -> ConversationEnded:
        return ConversationEnded(attempt_id=self.attempt, outcome=outcome, **facts)

    async def call(self, *messages: Word, leaves_voicemail: bool = False) -> None:
        """Admit, wait until the call is on the line, then tell the messages."""
        await self.admit(leaves_voicemail=leaves_voicemail)
        await self.on_the_line()
        await self.hear(*messages)

    async def hear(self, *messages: Word) -> None:
        for message in messages:
            match message:
                case CallStatus():
                    await self.tell(self.status(message))
                case AnsweredBy():
                    await self.tell(self.answered_by(message))
                case AttemptOutcome():
                    await self.tell(self.ended(message))
                case _:
                    await self.tell(message)

    async def on_the_line(self) -> None:
        await self.until(lambda seen: seen.step.startswith("on the line"))

    async def asleep(self) -> LeadStatus:
        return await self.until(lambda seen: seen.step.startswith("asleep"))

    async def due(self) -> None:
        await self.until(lambda seen: seen.step.startswith("due"))

    async def now(self) -> LeadStatus:
        return await self.handle.query("status", result_type=LeadStatus)

    async def until(self, condition: Callable[[LeadStatus], bool], patience: float = 15) -> LeadStatus:
        deadline = asyncio.get_running_loop().time() + patience
        while not condition(seen := await self.now()):
            assert asyncio.get_running_loop().time() < deadline, f"still: {seen}"
            await asyncio.sleep(0.02)
        return seen

    async def asked_for(self, name: str, times: int = 1, patience: float = 15) -> None:
        """Wait until the activity was asked for so often."""
        deadline = asyncio.get_running_loop().time() + patience
        while self.script.asked.count(name) < times:
            assert asyncio.get_running_loop().time() < deadline, f"asked only for {self.script.asked}"
            await asyncio.sleep(0.02)

    async def skip(self, by: timedelta) -> None:
        """Move this lead's clock, and SQL's with it."""
        self.script.skipped += by
        await self._environment.fast_forward(self.handle, by)

    async def settled(self, activities: int = 0, patience: float = 15) -> None:
        """Wait until the workflow waits for others, `activities` of them under way. It is not asked itself: a query
        that meets a local activity costs a workflow task, and the events of some lives are counted."""
        async with asyncio.timeout(patience):
            while True:
                seen = (await self.handle.describe()).raw_description
                if not seen.HasField("pending_workflow_task") and len(seen.pending_activities) == activities:
                    return
                await asyncio.sleep(0.02)

    async def result(self) -> LeadResult:
        async with asyncio.timeout(20):
            return await self.handle.result()
