"""What a calendar must do for us, whoever keeps it; and how it says no."""

from datetime import datetime, timedelta
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.outcomes import CalendarProvider


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Diary(_Model):
    """Where one rep's appointments are kept. Hashable: the key of the availability cache."""

    provider: CalendarProvider
    calendar_ref: str
    time_zone: str


class Window(_Model):
    """What is asked of a calendar: starts of appointments that fit between two instants (UTC)."""

    starts_at: datetime
    ends_at: datetime
    duration: timedelta
    hours: WeeklyHours


class AppointmentRequest(_Model):
    """One appointment to make. `reference` is ours: with `diary` and `starts_at` it recognises what we made before."""

    reference: str
    diary: Diary
    starts_at: datetime
    ends_at: datetime
    title: str
    invitee_name: str
    invitee_email: str
    invitee_zone: str
    invitee_phone: str = ""
    company: str = ""


class Appointment(_Model):
    """An appointment that the calendar has."""

    external_id: str
    join_url: str | None = None
    cancel_url: str | None = None


class CalendarError(Exception):
    """A calendar did not do as asked. Messages hold codes only, no personal data."""

    code = "calendar_error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.code}: {detail}" if detail else self.code)
        self.detail = detail


class SlotTaken(CalendarError):
    """Somebody else has the slot."""

    code = "slot_taken"


class CalendarRefused(CalendarError):
    """The calendar will not do it, now or later: wrong key, no right, wrong plan, bad request."""

    code = "calendar_refused"


class CalendarBusy(CalendarError):
    """Too many requests; nothing was done."""

    code = "calendar_busy"

    def __init__(self, detail: str = "", retry_after: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class CalendarUnreachable(CalendarError):
    """The calendar did not answer a question, or was never reached. Nothing was changed."""

    code = "calendar_unreachable"


class CalendarDoubt(CalendarError):
    """A change was sent and no answer came: it may or may not have been made. Look before trying again."""

    code = "calendar_doubt"


class Calendar(Protocol):
    """One provider. All methods raise CalendarError's children and nothing else for a provider's faults."""

    async def free_starts(self, diary: Diary, window: Window) -> list[datetime]:
        """Starts (UTC) at which the whole appointment fits."""

    async def create(self, request: AppointmentRequest) -> Appointment:
        """Make it, and no more: somebody waits on the phone. Raises SlotTaken when the slot is gone, CalendarDoubt when
        the answer was lost."""

    async def find(self, request: AppointmentRequest) -> Appointment | None:
        """The appointment made earlier for this very request, if the calendar has it."""

    async def join_url(self, request: AppointmentRequest, external_id: str) -> str | None:
        """The link of its meeting; None while there is none yet."""

    async def cancel(self, request: AppointmentRequest, external_id: str, reason: str) -> None:
        """Call it off; telling the invitee is the provider's business. One that is gone already is no error."""

    async def close(self) -> None:
        """Give back connections and threads."""
