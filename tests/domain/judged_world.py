"""A small world in which everybody was called once and all sides agree, and the pieces to break it with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.judge_facts import (
    AttemptFact,
    BookingFact,
    CalendarEntry,
    CampaignFact,
    CarrierCall,
    Evidence,
    LeadFact,
    RecordingFact,
    RefusalFact,
    Stop,
    WorkflowFact,
)
from cadenza.domain.policy import CampaignPolicy

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
POLICY = CampaignPolicy(calling_hours=WeeklyHours.always())


EVERY_CALLBACK = frozenset(
    {
        *(f"status_callback:{event}" for event in ("initiated", "ringing", "answered", "completed")),
        "amd_callback:human",
        "recording_callback:completed",
    }
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def call(
    lead: int = 0, number: int = 1, seconds: float = 0, number_called: str | None = None, **more: Any
) -> CarrierCall:
    """The n-th attempt's call, rung at `seconds` and answered."""
    facts: dict[str, Any] = {
        "call_sid": f"CA{lead}-{number}",
        "number": number_called or phone(lead),
        "attempt_id": f"ld_{lead}-{number}",
        "placed_at": at(seconds - 0.5),
        "dialled_at": at(seconds - 0.2),
        "ringing_at": at(seconds),
        "answered_at": at(seconds + 2),
        "ended_at": at(seconds + 30),
        "ended_by": "the callee",
        "taken_callbacks": EVERY_CALLBACK,
    }
    return CarrierCall.model_validate({**facts, **more})


def phone(lead: int) -> str:
    return f"+121255501{lead:02d}"


def attempt(lead: int = 0, number: int = 1, **more: Any) -> AttemptFact:
    facts: dict[str, Any] = {
        "id": f"ld_{lead}-{number}",
        "lead_id": f"ld_{lead}",
        "campaign_id": "cp",
        "phone": phone(lead),
        "state": "ended",
        "outcome": "not_interested",
        "call_sid": f"CA{lead}-{number}",
        "submitted_at": at(-1),
        "lease_until": at(5),
        "carrier_status": "completed",
        "ringing_at": at(0),
        "answered_at": at(2),
        "answered_by": "human",
        "conversation_outcome": "not_interested",
        "turns": 4,
    }
    return AttemptFact.model_validate({**facts, **more})


def lead(index: int = 0, **more: Any) -> LeadFact:
    facts: dict[str, Any] = {
        "id": f"ld_{index}",
        "campaign_id": "cp",
        "phone": phone(index),
        "zones": ("America/New_York",),
        "state": "final",
        "outcome": "not_interested",
        "final_at": at(40),
    }
    return LeadFact.model_validate({**facts, **more})


def booking(index: int = 0, **more: Any) -> BookingFact:
    facts: dict[str, Any] = {
        "id": f"bk_{index}",
        "lead_id": f"ld_{index}",
        "calendar_ref": "dana",
        "starts_at": at(90_000 + 3600 * index),
        "ends_at": at(90_000 + 3600 * index + 1800),
        "state": "confirmed",
        "external_id": f"event-{index}",
        "confirmed_at": at(20),
    }
    return BookingFact.model_validate({**facts, **more})


def entry(index: int = 0, **more: Any) -> CalendarEntry:
    facts: dict[str, Any] = {
        "event": f"event-{index}",
        "calendar": "dana",
        "starts_at": at(90_000 + 3600 * index),
        "reference": None,
    }
    return CalendarEntry.model_validate({**facts, **more})


def peaceful(count: int = 1, **more: Any) -> Evidence:
    """Each lead called once, and all three sides agree. `more` replaces whole lists."""
    everyone = range(count)
    facts: dict[str, Any] = {
        "calls": tuple(call(index) for index in everyone),
        "campaigns": (CampaignFact(id="cp", policy=POLICY, uploaded=count),),
        "leads": tuple(lead(index) for index in everyone),
        "attempts": tuple(attempt(index) for index in everyone),
        "recordings": tuple(recording(index) for index in everyone),
        "workflows": tuple(workflow(index) for index in everyone),
    }
    return Evidence.model_validate({**facts, **more})


def recording(index: int = 0, path: str | None = "recordings/RE.wav") -> RecordingFact:
    return RecordingFact(sid=f"RE{index}", attempt_id=f"ld_{index}-1", path=path)


def refusal(stage: str, rule: str = "suppressed") -> tuple[RefusalFact, ...]:
    return (RefusalFact(lead_id="ld_0", attempt_id="ld_0-1", stage=stage, rule=rule),)


def workflow(index: int = 0, status: str = "completed", outcome: str | None = "not_interested") -> WorkflowFact:
    return WorkflowFact(lead_id=f"ld_{index}", status=status, outcome=outcome)


def campaign(*stops: Stop, **policy: Any) -> tuple[CampaignFact, ...]:
    return (CampaignFact(id="cp", policy=POLICY.model_copy(update=policy), uploaded=1, stops=stops),)


def booked(**more: Any) -> Evidence:
    facts: dict[str, Any] = {
        "leads": (lead(outcome="booked"),),
        "workflows": (workflow(outcome="booked"),),
        "bookings": (booking(),),
        "calendar": (entry(),),
    }
    return peaceful(**{**facts, **more})


def rings(count: int, *, apart: float = 60, **policy: Any) -> Evidence:
    return peaceful(
        campaigns=campaign(**policy),
        calls=tuple(call(number=number, seconds=apart * number) for number in range(1, count + 1)),
        attempts=tuple(attempt(number=number) for number in range(1, count + 1)),
    )


def two_campaigns(*, first_cap: int, second_cap: int) -> Evidence:
    """One number, a lead of each campaign, one ring each; the second campaign rings last."""
    policies = {"cp": first_cap, "other": second_cap}
    return peaceful(
        2,
        calls=(call(), call(1, seconds=60, number_called=phone(0))),
        leads=(lead(final_at=at(90)), lead(1, campaign_id="other", phone=phone(0), final_at=at(100))),
        attempts=(attempt(), attempt(1, campaign_id="other", phone=phone(0), lease_until=at(65))),
        campaigns=tuple(
            CampaignFact(id=name, policy=POLICY.model_copy(update={"max_calls_per_day": cap}), uploaded=1)
            for name, cap in policies.items()
        ),
    )
