"""How many requests Calendly takes: sliding windows, without a clock of their own."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from rehearsal.calendly.errors import CalendlyError, too_many
from rehearsal.sliding_window import SlidingWindow

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


class Plan(StrEnum):
    """The account's plan: it decides whether and how often the Scheduling API books."""

    FREE = "free"
    TRIAL = "trial"
    PAID = "paid"
    ENTERPRISE = "enterprise"


_BOOKING_LIMITS: dict[Plan, tuple[tuple[int, float], ...]] = {
    Plan.TRIAL: ((5, _DAY),),
    Plan.PAID: ((10, _MINUTE), (50, _HOUR), (100, _DAY)),
    Plan.ENTERPRISE: ((500, _MINUTE),),
}


class CalendlyBehaviour(BaseModel):
    """What can be turned on the emulated account while it runs, over the control port."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    plan: Plan = Field(Plan.ENTERPRISE, description="free, trial, paid or enterprise: limits of the Scheduling API")
    requests_per_minute: int = Field(500, ge=1, description="Requests of one token in a minute")
    notice_minutes: int = Field(120, ge=0, description="Slots sooner than this are not offered")
    availability_share: float = Field(1.0, ge=0, le=1, description="Share of the free slots that is offered")


class Limits:
    """The limits of one token."""

    def __init__(self, behaviour: CalendlyBehaviour) -> None:
        self._behaviour = behaviour
        self._requests = SlidingWindow(behaviour.requests_per_minute, _MINUTE)
        self._bookings: dict[Plan, list[SlidingWindow]] = {
            plan: [SlidingWindow(limit, seconds) for limit, seconds in windows]
            for plan, windows in _BOOKING_LIMITS.items()
        }

    def take_request(self, now: float) -> dict[str, str]:
        """Count a request; returns the headers that tell what is left. Raises CalendlyError (429)."""
        self._requests.limit = self._behaviour.requests_per_minute
        if self._requests.remaining(now) == 0:
            raise too_many(self._requests.opens_in(now), self._requests.limit)
        self._requests.use(now)
        return {
            "X-RateLimit-Limit": str(self._requests.limit),
            "X-RateLimit-Remaining": str(self._requests.remaining(now)),
            "X-RateLimit-Reset": str(round(self._requests.opens_in(now))),
        }

    def take_booking(self, now: float) -> None:
        """Count a booking. Raises CalendlyError: 403 on a free plan, 429 where a limit is used up."""
        if self._behaviour.plan is Plan.FREE:
            raise CalendlyError(403, message="The Scheduling API needs a paid plan.")
        windows = self._bookings[self._behaviour.plan]
        for window in windows:
            if window.remaining(now) == 0:
                raise too_many(window.opens_in(now), window.limit)
        for window in windows:
            window.use(now)
