"""What running the system keeps: bridges, circuit breakers, what was swept."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from cadenza.domain.breakers import BreakerState
from cadenza.records.columns import key, when


class BridgeNode(SQLModel, table=True):
    """A bridge process: where it is and how many calls it can take. Admission obeys it."""

    __tablename__ = "bridge_node"
    id: str = Field(primary_key=True)
    public_url: str
    max_calls: int
    calls: int = 0
    draining: bool = False
    beat_at: datetime = Field(default=None, sa_column=when(default_now=True))
    listening_refusal: str | None = None  # why the recogniser takes no sessions of this bridge; null: it does


class BreakerRow(SQLModel, table=True):
    """The circuit breaker of a campaign, or of the account. No row: it never tripped."""

    __tablename__ = "breaker"
    id: str = Field(primary_key=True)  # the campaign's or the account's id
    account_id: str = Field(sa_column=key("account.id"))
    campaign_id: str | None = Field(default=None, sa_column=key("campaign.id", nullable=True, index=False))
    state: str = BreakerState.CLOSED.value
    rule: str | None = None  # domain.breakers.BreakerRule
    reason: str = ""
    since: datetime | None = Field(default=None, sa_column=when())  # the last change of state
    probe_at: datetime | None = Field(default=None, sa_column=when())  # null: only a person closes it
    failed_probes: int = 0
    probe_attempt_id: str | None = None  # the one call that is let through
    reset_at: datetime | None = Field(default=None, sa_column=when())  # by a person: what ended before does not count
    recovered_at: datetime | None = Field(default=None, sa_column=when())  # by a probe: the same for carrier faults


class BreakerEvent(SQLModel, table=True):
    """Every change of a breaker's state."""

    __tablename__ = "breaker_event"
    id: int | None = Field(default=None, primary_key=True)
    breaker_id: str = Field(index=True)  # no foreign key: what happened outlives the campaign
    state: str
    rule: str | None = None
    reason: str = ""
    at: datetime = Field(default=None, sa_column=when(default_now=True))


class Swept(SQLModel, table=True):
    """What the sweeper found stuck, and repaired. Should stay empty."""

    __tablename__ = "swept"
    id: int | None = Field(default=None, primary_key=True)
    kind: str  # records.sweeper.SweepKind
    lead_id: str
    attempt_id: str | None = None
    at: datetime = Field(default=None, sa_column=when(default_now=True))
