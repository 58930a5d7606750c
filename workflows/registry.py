"""Everything that a worker runs: the workflows, and the activities with what they need."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.admission import AdmissionActivities
from activities.after_call import AfterCallActivities
from activities.audio import AudioActivities
from activities.booking.activities import BookingActivities
from activities.calling import CallingActivities
from activities.carrier import Carrier
from activities.lead_records import LeadRecordActivities
from activities.notify import NotifyActivities
from activities.recordings import RecordingActivities
from cadenza.calling_rules import rules_for
from cadenza.records.database import Database
from cadenza.records.rules_in_force import RulesInForce
from cadenza.settings import Settings
from cadenza.temporal.lead_client import LeadClient
from workflows.dialer import DialerWorkflow
from workflows.housekeeping import HousekeepingWorkflow
from workflows.lead import LeadWorkflow
from workflows.prepare_campaign import PrepareCampaignWorkflow
from workflows.recording import RecordingWorkflow
from workflows.rescue import RescueWorkflow
from workflows.stop_recording import StopRecordingWorkflow

WORKFLOWS: list[type] = [
    LeadWorkflow,
    DialerWorkflow,
    PrepareCampaignWorkflow,
    RecordingWorkflow,
    HousekeepingWorkflow,
    RescueWorkflow,
    StopRecordingWorkflow,
]

ACTIVITIES: list[Callable[..., Any]] = [
    CallingActivities.reconcile_call,
    CallingActivities.hang_up,
    CallingActivities.fetch_call,
    CallingActivities.drop_voicemail,
    CallingActivities.rescue_call,
    CallingActivities.stop_recording,
    LeadRecordActivities.record_outcome,
    LeadRecordActivities.report_due,
    LeadRecordActivities.finish_lead,
    LeadRecordActivities.read_attempt,
    AdmissionActivities.admit_leads,
    BookingActivities.find_open_slots,
    BookingActivities.book_slot,
    BookingActivities.release_booking,
    AudioActivities.prepare_campaign_audio,
    AudioActivities.prepare_lead_audio,
    AudioActivities.set_campaign_running,
    AudioActivities.give_up_preparing,
    AfterCallActivities.summarise_call,
    NotifyActivities.notify_webhook,
    RecordingActivities.fetch_recording,
    RecordingActivities.delete_old_recordings,
]
"""On TASK_QUEUE. As functions, for tests; a worker registers the methods of live instances (`Activities.general`)."""

DIAL_ACTIVITIES: list[Callable[..., Any]] = [CallingActivities.place_call]
"""On DIAL_TASK_QUEUE, whose rate is limited."""


def sandbox() -> SandboxedWorkflowRunner:
    """Workflow code is re-imported for each run; the kernel, which is pure data and rules there, is passed through."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules("cadenza", "activities", "pydantic")
    )


@dataclass
class Activities:
    """The activities of one process, live."""

    general: list[Callable[..., Any]]
    dial: list[Callable[..., Any]]
    _closers: list[Callable[[], Any]] = field(default_factory=list)

    async def close(self) -> None:
        for close in self._closers:
            await close()


def build_activities(settings: Settings, database: Database, client: Client) -> Activities:
    """Make every adapter once. Close the result, then the database. Raises RulesRefused."""
    rules = RulesInForce(rules_for(settings))
    calling = CallingActivities(settings, database, Carrier(settings), rules)
    records = LeadRecordActivities(database, rules)
    admission = AdmissionActivities(database, LeadClient(client), rules)
    vendors = (
        BookingActivities(settings, database),
        AudioActivities(settings, database),
        AfterCallActivities(settings, database),
        NotifyActivities(settings, database),
        RecordingActivities(settings, database),
    )
    general: list[Callable[..., Any]] = [
        calling.reconcile_call,
        calling.hang_up,
        calling.fetch_call,
        calling.drop_voicemail,
        calling.rescue_call,
        calling.stop_recording,
        records.record_outcome,
        records.report_due,
        records.finish_lead,
        records.read_attempt,
        admission.admit_leads,
    ]
    for vendor in vendors:
        general += vendor.all()
    return Activities(general, [calling.place_call], [vendor.close for vendor in vendors])
