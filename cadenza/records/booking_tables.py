"""Who is booked, what was offered, what was agreed."""

from datetime import datetime

from pydantic import ConfigDict
from sqlalchemy import Column, DateTime, text
from sqlalchemy.dialects.postgresql import INT8RANGE, ExcludeConstraint, Range
from sqlmodel import Field, SQLModel

from cadenza.domain.outcomes import BookingState
from cadenza.records.columns import json_column, key, when


class Rep(SQLModel, table=True):
    """A person whose calendar is booked."""

    __tablename__ = "rep"
    id: str = Field(primary_key=True)
    campaign_id: str = Field(sa_column=key("campaign.id"))
    name: str
    email: str
    provider: str  # domain.outcomes.CalendarProvider
    calendar_ref: str  # Calendly: the event type's URI; Teams: the user's id or principal name
    time_zone: str
    weight: float = 1.0
    active: bool = True


class SlotOfferRow(SQLModel, table=True):
    """A slot that was offered in a call; its token is the only way to book it."""

    __tablename__ = "slot_offer"
    token: str = Field(primary_key=True)
    lead_id: str = Field(sa_column=key("lead.id"))
    attempt_id: str
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    rep_ids: list[str] = Field(default_factory=list, sa_column=json_column("[]"))
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))


class Booking(SQLModel, table=True):
    """An appointment. No calendar holds two that overlap."""

    __tablename__ = "booking"
    __table_args__ = (
        ExcludeConstraint(
            ("span", "&&"), using="gist", where=text("state in ('held', 'confirmed')"), name="booking_overlap"
        ),
    )
    model_config = ConfigDict(arbitrary_types_allowed=True)  # type: ignore[assignment]
    id: str = Field(primary_key=True)
    campaign_id: str = Field(sa_column=key("campaign.id"))
    lead_id: str = Field(sa_column=key("lead.id"))
    attempt_id: str
    rep_id: str = Field(sa_column=key("rep.id"))
    calendar_ref: str  # the rep's calendar: one person may be a rep of several campaigns
    provider: str
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # The rep's calendar and the minutes taken as one integer range (`records.booking_span`): lets core PostgreSQL,
    # without the btree_gist extension, refuse two appointments that overlap in one calendar.
    span: Range[int] = Field(sa_column=Column(INT8RANGE, nullable=False))
    state: str = BookingState.HELD.value
    hold_until: datetime | None = Field(default=None, sa_column=when())
    external_id: str | None = None
    join_url: str | None = None
    cancel_url: str | None = None
    failure: str = ""
    created_at: datetime = Field(default=None, sa_column=when(default_now=True))
    confirmed_at: datetime | None = Field(default=None, sa_column=when())
