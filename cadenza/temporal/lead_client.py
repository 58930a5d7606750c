"""Talk to a lead's workflow: typed methods over its signals and updates, for every process that may.

The workflow's own names are used as text, since the kernel imports no workflow; a test in tests/workflows holds
these names to the workflow's definition.
"""

from datetime import timedelta

from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from cadenza.domain.identifiers import lead_workflow_id
from cadenza.domain.messages import (
    LEAD_WORKFLOW,
    STOP_RECORDING_WORKFLOW,
    TASK_QUEUE,
    AttemptAdmitted,
    BookAppointment,
    BookingResult,
    CallbackPromised,
    CallProgressed,
    CloseLead,
    ConversationEnded,
    LeadInput,
    MachineDetected,
    OfferSlots,
    OptedOut,
    SlotOffer,
    StopRecordingInput,
    VoicemailPlayed,
    WithdrawCall,
)
from cadenza.domain.outcomes import LeadState
from cadenza.temporal.search_attributes import ATTEMPT_COUNT, CAMPAIGN_ID, LEAD_STATE

SIGNAL_NAMES: dict[type, str] = {
    AttemptAdmitted: "attempt_admitted",
    CallProgressed: "call_progressed",
    MachineDetected: "machine_detected",
    VoicemailPlayed: "voicemail_played",
    ConversationEnded: "conversation_ended",
    CallbackPromised: "callback_promised",
    OptedOut: "opted_out",
    WithdrawCall: "withdraw_call",
    CloseLead: "close_lead",
}

LeadSignal = (
    CallProgressed
    | MachineDetected
    | VoicemailPlayed
    | ConversationEnded
    | CallbackPromised
    | OptedOut
    | WithdrawCall
    | CloseLead
)


TASK_TIMEOUT = timedelta(seconds=5)
"""After this a workflow task that a dead worker had begun goes to another one. Tasks last milliseconds; a longer local
activity makes its task ask for more time (three events)."""


class LeadClient:
    """Messages to lead workflows. All are safe to send twice."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def _handle(self, campaign_id: str, lead_id: str) -> WorkflowHandle[object, object]:
        return self.client.get_workflow_handle(lead_workflow_id(campaign_id, lead_id))

    async def admit(self, campaign_id: str, lead_id: str, message: AttemptAdmitted) -> None:
        """Signal-with-start: the lead's workflow begins with its first admission."""
        await self.client.start_workflow(
            LEAD_WORKFLOW,
            LeadInput(campaign_id=campaign_id, lead_id=lead_id),
            id=lead_workflow_id(campaign_id, lead_id),
            task_queue=TASK_QUEUE,
            start_signal=SIGNAL_NAMES[AttemptAdmitted],
            start_signal_args=[message],
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"Lead {lead_id}",
            static_details=f"Campaign `{campaign_id}`. Attempts, next step and outcome are in the current details.",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(CAMPAIGN_ID, campaign_id),
                    SearchAttributePair(LEAD_STATE, LeadState.CALLING.value),
                    SearchAttributePair(ATTEMPT_COUNT, 0),
                ]
            ),
            task_timeout=TASK_TIMEOUT,
            rpc_timeout=timedelta(seconds=10),
        )

    async def signal(self, campaign_id: str, lead_id: str, message: LeadSignal) -> bool:
        """Deliver; False if there is no such running workflow (it has finished, or never began)."""
        try:
            await self._handle(campaign_id, lead_id).signal(
                SIGNAL_NAMES[type(message)], message, rpc_timeout=timedelta(seconds=10)
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True

    async def stop_recording(self, attempt_id: str) -> None:
        """Have the recording of the attempt's call stopped."""
        try:
            await self.client.start_workflow(
                STOP_RECORDING_WORKFLOW,
                StopRecordingInput(attempt_id=attempt_id),
                id=f"stop-recording:{attempt_id}",
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                static_summary=f"Stop the recording of {attempt_id}",
                rpc_timeout=timedelta(seconds=10),
            )
        except WorkflowAlreadyStartedError:
            return  # it was stopped before

    async def offer_slots(self, campaign_id: str, lead_id: str, update_id: str, message: OfferSlots) -> SlotOffer:
        offer: SlotOffer = await self._handle(campaign_id, lead_id).execute_update(
            "offer_slots", message, id=update_id, result_type=SlotOffer, rpc_timeout=timedelta(seconds=30)
        )
        return offer

    async def book_appointment(
        self, campaign_id: str, lead_id: str, update_id: str, message: BookAppointment
    ) -> BookingResult:
        """Book. The same update id returns the first result again: a retried tool call books once."""
        result: BookingResult = await self._handle(campaign_id, lead_id).execute_update(
            "book_appointment", message, id=update_id, result_type=BookingResult, rpc_timeout=timedelta(seconds=60)
        )
        return result
