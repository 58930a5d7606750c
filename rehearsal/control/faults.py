"""The book of ordered faults: which request to which emulated vendor goes wrong, how, and how often.

Pure: no I/O and no clock. Whether an order with a probability strikes is drawn from a seeded source, so a
rehearsal with the same seed and the same sequence of requests fails in the same places.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class FaultOrder(BaseModel):
    """One order: requests that match it get `effect`, until `count` of them had it."""

    model_config = ConfigDict(extra="forbid")

    vendor: str = Field(description="twilio, assemblyai, openai, elevenlabs, calendly or microsoft; * for all")
    operation: str = Field("*", description="The vendor's operation, for example create_call; * for all")
    effect: str = Field(
        description="What happens: delay, stall, lose_reply, cut_socket, status:<code>, refuse:<code>, ..."
    )
    count: int | None = Field(1, ge=0, description="How many requests are hit; null for all")
    skip: int = Field(0, ge=0, description="How many matching requests pass unharmed first")
    probability: float = Field(1.0, ge=0, le=1, description="Chance that a matching request is hit")
    to: str | None = Field(None, description="Only requests about this called number (E.164)")
    where: dict[str, str] = Field(default_factory=dict, description="Further facts that must be equal")
    seconds: float = Field(0.0, ge=0, description="Length of a delay, stall or absence, in seconds")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a request was struck with. `kind` and `argument` are the effect's two halves (`status:503`)."""

    effect: str
    seconds: float
    number: int

    @property
    def kind(self) -> str:
        """The effect without its argument."""
        return self.effect.partition(":")[0]

    @property
    def argument(self) -> str:
        """What follows the colon in the effect, or an empty string."""
        return self.effect.partition(":")[2]


@dataclass(slots=True)
class _Standing:
    number: int
    batch: int
    order: FaultOrder
    left: int | None
    to_skip: int
    struck: int = 0


@dataclass(slots=True)
class FaultBook:
    """Orders in force. Emulators ask `take` at each place where they can misbehave."""

    seed: int = 0
    _standing: list[_Standing] = field(default_factory=list)
    _numbered: int = 0
    _batches: int = 0
    _random: Random = field(default_factory=Random)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def order(self, *orders: FaultOrder | Mapping[str, Any]) -> None:
        """Add orders to the end of the book; those given together may strike one request together.

        Raises pydantic.ValidationError for a malformed mapping.
        """
        checked = [one if isinstance(one, FaultOrder) else FaultOrder.model_validate(one) for one in orders]
        self._batches += 1
        for one in checked:
            self._numbered += 1
            self._standing.append(_Standing(self._numbered, self._batches, one, one.count, one.skip))

    def clear(self) -> None:
        """Forget every order and start the draw again from the seed."""
        self._standing.clear()
        self._random = Random(self.seed)

    def take(self, vendor: str, operation: str, **facts: object) -> Fault | None:
        """The first fault that strikes this request, counted as used; None if it passes unharmed."""
        for standing in self._standing:
            if fault := self._strike(standing, vendor, operation, facts):
                return fault
        return None

    def take_all(self, vendor: str, operation: str, **facts: object) -> list[Fault]:
        """Every fault that strikes this request, one an order, in the order in which they were given.

        Only orders that were given together: misfortunes that pile up on one request would use each other up, and
        those that should follow would be spared.
        """
        faults: list[Fault] = []
        batch: int | None = None
        for standing in self._standing:
            if batch in {None, standing.batch} and (fault := self._strike(standing, vendor, operation, facts)):
                faults.append(fault)
                batch = standing.batch
        return faults

    def standing(self) -> list[dict[str, Any]]:
        """The orders with what is left of each, for the control endpoint."""
        return [
            {"number": s.number, "order": s.order.model_dump(), "left": s.left, "struck": s.struck}
            for s in self._standing
        ]

    def _strike(self, standing: _Standing, vendor: str, operation: str, facts: Mapping[str, object]) -> Fault | None:
        order = standing.order
        if standing.left == 0 or order.vendor not in {"*", vendor} or order.operation not in {"*", operation}:
            return None
        if order.to is not None and facts.get("to") != order.to:
            return None
        if any(str(facts.get(name)) != value for name, value in order.where.items()):
            return None
        if standing.to_skip:
            standing.to_skip -= 1
            return None
        if order.probability < 1 and self._random.random() >= order.probability:
            return None
        if standing.left is not None:
            standing.left -= 1
        standing.struck += 1
        return Fault(order.effect, order.seconds, standing.number)
