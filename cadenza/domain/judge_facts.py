"""What the judge is told: the carrier's truth, the records and the workflows, each as plain facts. Pure.

The three tell the same story from three sides and know nothing of each other; the judge compares them. How the
carrier's log becomes facts is in `judge_truth`.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from cadenza.domain.policy import CampaignPolicy


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class CarrierCall(_Fact):
    """One call as the carrier saw it. `attempt_id` is what its answer address named when it was asked for."""

    call_sid: str
    number: str
    placed_at: datetime
    asked_at: datetime | None = None
    """When the request for it arrived. A carrier that is slow takes it in later, and tells us no id until then."""
    attempt_id: str | None = None
    dialled_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    talked_at: datetime | None = None
    """When its first media stream began: from then on it is a conversation."""
    ended_at: datetime | None = None
    ended_by: str = ""
    asked_never_again_at: datetime | None = None
    """When the callee began to ask never to be called again, on a line that carried it to us."""
    asked_nobody: bool = False
    """The same, and the line broke before it was said: nobody can have heard it."""
    heard_booked_at: datetime | None = None
    """When the callee first heard that an appointment is booked."""
    heard_turns: int = 0
    """Turns of ours that the callee heard."""
    broken_streams: int = 0
    broke_last_at: datetime | None = None
    """Set if the last media stream broke and none followed it."""
    answered_by_machine: bool = False
    """The carrier's own detection said so."""
    messages: tuple[str, ...] = ()
    """What a mailbox kept after the call had been redirected to our message."""
    fragments: int = 0
    """Mailboxes that kept a piece of a conversation instead."""
    dialled_targets: tuple[str, ...] = ()
    """Numbers that were rung in this call to connect the callee: no rings of the callee's."""
    taken_callbacks: frozenset[str] = frozenset()
    """Callbacks that we answered with a 2xx: `operation:event` in the carrier's words."""

    @property
    def rang_at(self) -> datetime | None:
        """When the called line was alerted, or told busy or unknown; None if it never was."""
        return self.ringing_at or self.answered_at

    @property
    def lay_for(self) -> timedelta:
        """How long the carrier let the request lie: nobody can call off what has no id yet."""
        return timedelta(0) if self.asked_at is None else self.placed_at - self.asked_at


class CalendarEntry(_Fact):
    """An appointment that is in a calendar. `reference` is the booking's id, as it was sent along."""

    event: str
    calendar: str
    starts_at: datetime
    reference: str | None


class StopKind(StrEnum):
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Stop(_Fact):
    """A campaign was told to ring nobody: from the API's yes (`at`) until `until` (None: for ever)."""

    kind: StopKind
    at: datetime
    until: datetime | None = None


class CampaignFact(_Fact):
    id: str
    policy: CampaignPolicy
    uploaded: int
    stops: tuple[Stop, ...] = ()


class LeadFact(_Fact):
    """`zones`: every time zone in which the number may be, by the records or by who made the leads."""

    id: str
    campaign_id: str
    phone: str
    zones: tuple[str, ...]
    state: str
    outcome: str | None = None
    final_at: datetime | None = None


class AttemptFact(_Fact):
    id: str
    lead_id: str
    campaign_id: str
    phone: str
    state: str
    outcome: str | None = None
    call_sid: str | None = None
    lease_until: datetime | None = None
    submitted_at: datetime | None = None
    """When it was claimed for its one POST, by the database's clock, which also set the lease."""
    carrier_status: str | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None
    conversation_outcome: str | None = None
    turns: int = 0
    """Rows of its transcript."""


class BookingFact(_Fact):
    id: str
    lead_id: str
    calendar_ref: str
    starts_at: datetime
    ends_at: datetime
    state: str
    external_id: str | None = None
    confirmed_at: datetime | None = None


class SuppressionFact(_Fact):
    phone: str
    created_at: datetime


class TransferFact(_Fact):
    """A callee who was to be connected to a person. `dialled_at`: when the carrier was given the number."""

    attempt_id: str
    phone: str
    dialled_at: datetime | None = None


class RefusalFact(_Fact):
    """A gate's stored "no". `stage`: admission, before_post or answer."""

    lead_id: str
    attempt_id: str | None
    stage: str
    rule: str


class RecordingFact(_Fact):
    """A recording that we know of. `path` is set once it is fetched."""

    sid: str
    attempt_id: str
    path: str | None


class StoredWebhook(_Fact):
    """A webhook as it was stored. `delivered_at` is None while somebody still waits for it."""

    id: int
    attempt_id: str
    kind: str
    delivered_at: datetime | None


class SweptFact(_Fact):
    """A lead that the sweeper found stuck."""

    kind: str
    lead_id: str


class WorkflowFact(_Fact):
    """A lead's workflow at the end: Temporal's status word, and the outcome it shows."""

    lead_id: str
    status: str
    outcome: str | None = None


class Evidence(_Fact):
    """Everything that is judged, collected after the end."""

    lines: int | None = None
    """Lines of the account; None: not limited."""
    calls: tuple[CarrierCall, ...] = ()
    calendar: tuple[CalendarEntry, ...] = ()
    campaigns: tuple[CampaignFact, ...] = ()
    leads: tuple[LeadFact, ...] = ()
    attempts: tuple[AttemptFact, ...] = ()
    bookings: tuple[BookingFact, ...] = ()
    suppressions: tuple[SuppressionFact, ...] = ()
    transfers: tuple[TransferFact, ...] = ()
    refusals: tuple[RefusalFact, ...] = ()
    recordings: tuple[RecordingFact, ...] = ()
    webhooks: tuple[StoredWebhook, ...] = ()
    swept: tuple[SweptFact, ...] = ()
    workflows: tuple[WorkflowFact, ...] = ()

    @cached_property
    def attempt_by_id(self) -> dict[str, AttemptFact]:
        return {attempt.id: attempt for attempt in self.attempts}

    @cached_property
    def lead_by_id(self) -> dict[str, LeadFact]:
        return {lead.id: lead for lead in self.leads}

    @cached_property
    def campaign_by_id(self) -> dict[str, CampaignFact]:
        return {campaign.id: campaign for campaign in self.campaigns}

    @cached_property
    def _leads_by_phone(self) -> dict[str, list[LeadFact]]:
        found: defaultdict[str, list[LeadFact]] = defaultdict(list)
        for lead in self.leads:
            found[lead.phone].append(lead)
        return dict(found)

    @cached_property
    def calls_by_number(self) -> dict[str, list[CarrierCall]]:
        found: defaultdict[str, list[CarrierCall]] = defaultdict(list)
        for call in self.calls:
            found[call.number].append(call)
        return dict(found)

    def attempt_of(self, call: CarrierCall) -> AttemptFact | None:
        """The attempt that the carrier was given with the call."""
        return self.attempt_by_id.get(call.attempt_id or "")

    def lead_of(self, call: CarrierCall) -> LeadFact | None:
        """Who was meant: by the attempt, or by the number where it is one lead's only."""
        attempt = self.attempt_of(call)
        if attempt is not None and (lead := self.lead_by_id.get(attempt.lead_id)):
            return lead
        namesakes = self._leads_by_phone.get(call.number, [])
        return namesakes[0] if len(namesakes) == 1 else None
