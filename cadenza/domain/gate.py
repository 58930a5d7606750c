"""The one gate: may this number be rung now? Asked at admission, before the POST, and at the answer webhook.

Pure: facts and the instant in; yes, or no with the rule's id, the reason, and the next instant at which it
would be yes. Order as in the dialling checklist: suppression first, the campaign's state last but limits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from cadenza.domain.calling_hours import is_open, next_open
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.policy import CampaignPolicy


class Rule(StrEnum):
    """Stable ids of the reasons not to ring."""

    SUPPRESSED = "suppressed"
    LEAD_CLOSED = "lead_closed"
    CAMPAIGN_NOT_RUNNING = "campaign_not_running"
    CAMPAIGN_CANCELLED = "campaign_cancelled"
    OUTSIDE_HOURS = "outside_hours"
    NEVER_OPEN = "never_open"
    DAILY_CAP = "daily_cap"
    LEASE_LAPSED = "lease_lapsed"
    NOT_RESERVED = "not_reserved"
    OTHER_CALL = "other_call"


class GateFacts(BaseModel):
    """What the gate must know. `recent_calls` are the starts of calls to the number in the last 24 hours."""

    model_config = ConfigDict(frozen=True)

    campaign_state: CampaignState
    policy: CampaignPolicy
    zones: Sequence[str]
    suppressed: bool
    closed: bool = False
    recent_calls: Sequence[datetime] = ()


class GateDecision(BaseModel):
    """`rule` is None when the call may be made. `next_at` is None when waiting will not help."""

    model_config = ConfigDict(frozen=True)

    rule: Rule | None = None
    reason: str = ""
    next_at: datetime | None = None
    is_final: bool = False

    @property
    def allowed(self) -> bool:
        return self.rule is None


ALLOWED = GateDecision()
DAY = timedelta(hours=24)


def check_gate(facts: GateFacts, now: datetime) -> GateDecision:
    """Decide whether the number may be rung at `now` (aware)."""
    if facts.suppressed:
        return _never(Rule.SUPPRESSED, "the number is on the suppression list")
    if facts.campaign_state is CampaignState.CANCELLED:
        return _never(Rule.CAMPAIGN_CANCELLED, "the campaign was cancelled")
    if facts.closed:
        return _never(Rule.LEAD_CLOSED, "the lead was closed")
    if facts.campaign_state is not CampaignState.RUNNING:
        return GateDecision(
            rule=Rule.CAMPAIGN_NOT_RUNNING, reason=f"the campaign is {facts.campaign_state.value}", next_at=now
        )
    hours = facts.policy.calling_hours
    if not is_open(hours, now, facts.zones):
        opens = next_open(hours, now, facts.zones)
        if opens is None:
            return _never(Rule.NEVER_OPEN, "there is no hour that is open in all time zones of the number")
        return GateDecision(rule=Rule.OUTSIDE_HOURS, reason="outside the calling hours", next_at=opens)
    recent = sorted(moment for moment in facts.recent_calls if moment > now - DAY)
    if len(recent) >= facts.policy.max_calls_per_day:
        freed = recent[-facts.policy.max_calls_per_day] + DAY
        return GateDecision(
            rule=Rule.DAILY_CAP,
            reason=f"the number was called {len(recent)} times in 24 hours",
            next_at=next_open(hours, freed, facts.zones),
        )
    return ALLOWED


def _never(rule: Rule, reason: str) -> GateDecision:
    return GateDecision(rule=rule, reason=reason, is_final=True)
