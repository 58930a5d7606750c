"""The reps' mailboxes and what is in their calendars. No I/O."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from rehearsal.microsoft.errors import GraphError
from rehearsal.office_hours import HALF_HOUR, OfficeHours


@dataclass(frozen=True)
class User:
    """One rep of the emulated tenant."""

    identifier: str
    name: str
    address: str
    zone: str


USERS = (
    User("3f1c1d0e-0000-4000-8000-000000000001", "Lena Park", "lena.park@rehearsal.test", "America/New_York"),
    User("3f1c1d0e-0000-4000-8000-000000000002", "Omar Haddad", "omar.haddad@rehearsal.test", "Australia/Sydney"),
)


@dataclass
class Event:
    """One event in a calendar. `content` is the request's own words."""

    identifier: str
    starts_at: datetime
    ends_at: datetime
    content: dict[str, Any]
    made_at: datetime
    transaction_id: str | None = None
    meeting_from: datetime | None = None
    """When the Teams link is there; None without a meeting."""
    is_seeded: bool = False
    changed_at: datetime | None = None

    @property
    def show_as(self) -> str:
        """How it counts in the schedule: busy unless it says otherwise."""
        return str(self.content.get("showAs") or "busy")


@dataclass
class Mailbox:
    """A user's calendar: events made over Graph, and meetings of their own from the seed."""

    user: User
    hours: OfficeHours
    random: Random
    busy_share: Callable[[], float]
    events: dict[str, Event] = field(default_factory=dict)
    by_transaction: dict[str, str] = field(default_factory=dict)
    """Transaction id to event id; kept when the event goes."""
    in_flight: int = 0

    def clear(self) -> None:
        """Forget all but the seed."""
        self.events.clear()
        self.by_transaction.clear()

    def new_id(self) -> str:
        """An id as long as Graph's."""
        return "AAMkAD" + self.random.randbytes(60).hex()

    def add(self, event: Event) -> None:
        """Put an event in; Graph does not look for conflicts."""
        self.events[event.identifier] = event
        if event.transaction_id:
            self.by_transaction[event.transaction_id] = event.identifier

    def find(self, identifier: str) -> Event:
        """Raises GraphError (404)."""
        if identifier in self.events:
            return self.events[identifier]
        raise GraphError(404)

    def remove(self, identifier: str) -> Event:
        """Raises GraphError (404)."""
        self.find(identifier)
        return self.events.pop(identifier)

    def between(self, start: datetime, end: datetime) -> list[Event]:
        """Events that overlap the time, by start."""
        made = [one for one in self.events.values() if one.starts_at < end and start < one.ends_at]
        return sorted([*made, *self._own(start, end)], key=lambda one: (one.starts_at, one.identifier))

    def _own(self, start: datetime, end: datetime) -> list[Event]:
        hours = replace(self.hours, busy_share=self.busy_share())
        meetings = [self._seeded(moment, HALF_HOUR, "Internal meeting") for moment in hours.busy(start, end)]
        lunches = [self._seeded(moment, 2 * HALF_HOUR, "Lunch") for moment in hours.lunches(start, end)]
        return meetings + lunches

    def _seeded(self, start: datetime, length: timedelta, subject: str) -> Event:
        digest = hashlib.sha256(f"{self.user.address}{start.isoformat()}{subject}".encode()).digest()
        identifier = "AAMkAD" + (digest * 2)[:60].hex()
        return Event(identifier, start, start + length, {"subject": subject}, start - timedelta(days=7), is_seeded=True)
