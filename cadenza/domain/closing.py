"""How a lead ends that the gate will never let through."""

from cadenza.domain.gate_question import Rule
from cadenza.domain.outcomes import LeadOutcome

_OUTCOMES = {
    Rule.SUPPRESSED: LeadOutcome.SUPPRESSED,
    Rule.CAMPAIGN_CANCELLED: LeadOutcome.CANCELLED,
    Rule.NUMBER_NOT_CALLABLE: LeadOutcome.INVALID_NUMBER,
}


def outcome_for(rule: Rule | None) -> LeadOutcome:
    """The outcome of a lead that is closed because of a final refusal by `rule`."""
    return LeadOutcome.UNCALLABLE if rule is None else _OUTCOMES.get(rule, LeadOutcome.UNCALLABLE)
