"""Gates for tests that are not about the law, and what a lawful lead needs."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.calling_hours import next_open
from cadenza.domain.gate import Gate
from cadenza.domain.place import Place
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.rules.rule_book import RuleBook, standard_rules

CAMPAIGN_ONLY = Gate(RuleBook("none", {}))
"""Asks for the campaign's own rules and for what holds everywhere: no test depends on the time of day."""

LAW = Gate(standard_rules())


class FixedRules:
    """One gate for a whole test (`cadenza.records.rules_in_force.Rules`)."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def gate(self, session: AsyncSession) -> Gate:
        return self._gate


CAMPAIGN_RULES = FixedRules(CAMPAIGN_ONLY)


def unplaced(zones: Sequence[str]) -> tuple[Place, ...]:
    """The place of somebody of whom no more than the time zones is known."""
    return (Place(zones=tuple(zones)),) if zones else ()


def campaign_opening(policy: CampaignPolicy, zones: Sequence[str]) -> Callable[[datetime], datetime | None]:
    """The campaign's own hours, as retry planning asks for them."""
    return lambda earliest: next_open(policy.calling_hours, earliest, zones)
