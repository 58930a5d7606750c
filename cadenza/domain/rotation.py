"""Round robin: whose turn is it? Pure; the counts come from SQL, in the transaction that makes the hold."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class RepLoad(BaseModel):
    """A rep who is free for the slot, with the appointments of the last 30 days."""

    model_config = ConfigDict(frozen=True)

    rep_id: str
    weight: float = Field(1.0, gt=0)
    booked: int = Field(0, ge=0)
    last_booked_at: datetime | None = None


def choose_rep(free: Sequence[RepLoad]) -> str | None:
    """The free rep with the fewest appointments for their weight; then the longest without one; then by id."""
    if not free:
        return None

    def turn(rep: RepLoad) -> tuple[float, float, str]:
        waited_since = rep.last_booked_at.timestamp() if rep.last_booked_at else float("-inf")
        return (rep.booked / rep.weight, waited_since, rep.rep_id)

    return min(free, key=turn).rep_id


def whose_turn(loads: Sequence[RepLoad]) -> frozenset[str]:
    """The reps who have had the fewest appointments for their weight: slots of theirs are offered first.

    Without this the rep with the widest calendar gets nearly everything, since the soonest slot is mostly theirs alone.
    """
    fewest = min((rep.booked / rep.weight for rep in loads), default=0.0)
    return frozenset(rep.rep_id for rep in loads if rep.booked / rep.weight <= fewest)
