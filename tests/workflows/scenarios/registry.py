"""Where scenarios are listed, by the name of their function: also the name of their history."""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import WorkflowHandle

from cadenza.domain.messages import CloseLead
from cadenza.domain.outcomes import LeadOutcome
from tests.workflows.stage import LeadOnStage
from tests.workflows.vendors import House

LeadScenario = Callable[[LeadOnStage], Awaitable[None]]
"""Plays one lead to its end."""
OtherScenario = Callable[[House], Awaitable[WorkflowHandle[Any, Any]]]
"""Plays another workflow until there is nothing more to see; returns which it was."""

LEADS: dict[str, LeadScenario] = {}
OTHERS: dict[str, OtherScenario] = {}

CANCELLED = CloseLead(outcome=LeadOutcome.CANCELLED, reason="campaign cancelled")


def lead_scenario(play: LeadScenario) -> LeadScenario:
    LEADS[play.__name__] = play
    return play


def other_scenario(play: OtherScenario) -> OtherScenario:
    OTHERS[play.__name__] = play
    return play


async def closed_while_asleep(lead: LeadOnStage) -> None:
    """The end of many stories: the campaign is cancelled while the lead sleeps."""
    await lead.asleep()
    await lead.hear(CANCELLED)
