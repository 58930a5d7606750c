"""Why a lead is not being called: the answer of the gate, rule by rule."""

from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from cadenza.domain.gate import Rule, Verdict
from cadenza.domain.outcomes import LeadOutcome, LeadState
from cadenza.records.why import LeadExplained

_MOMENT: dict[str, Any] = {
    "utc": "2026-11-21T13:00:00Z",
    "local": {"America/Chicago": "Sat 2026-11-21 07:00", "America/New_York": "Sat 2026-11-21 08:00"},
}
_NOW: dict[str, Any] = {
    "utc": "2026-11-21T02:10:00Z",
    "local": {"America/Chicago": "Fri 2026-11-20 20:10", "America/New_York": "Fri 2026-11-20 21:10"},
}
_REFUSED: dict[str, Any] = {
    "rule": "outside_legal_hours",
    "passed": False,
    "demands": "US-FL: calls 08:00 to 20:00 every day, by the clock of America/New_York",
    "reason": "US-FL allows calls 08:00 to 20:00 on Fridays; it is Friday 21:10 in America/New_York",
    "until": None,
    "jurisdiction": "US-FL",
    "grade": "P",
    "source": "SB 1120 (2021), s. 501.616(6)",
}
_PASSED: dict[str, Any] = {
    "rule": "suppressed",
    "passed": True,
    "demands": "the number is not suppressed",
    "reason": "",
    "until": None,
    "jurisdiction": "",
    "grade": "",
    "source": "",
}
EXAMPLE_WHY: dict[str, Any] = {
    "lead_id": "ld_1bejv0k3gq9x2m4t6w8y",
    "state": "due",
    "outcome": None,
    "next_step": f"call: {_REFUSED['reason']}",
    "due": _MOMENT,
    "held_rule": None,
    "asked": _NOW,
    "allowed": False,
    "rule": "outside_legal_hours",
    "reason": _REFUSED["reason"],
    "is_final": False,
    "next_allowed": _MOMENT,
    "places": ["US-FL"],
    "zones": ["America/Chicago", "America/New_York"],
    "rules_version": "2026-11-20-ffb6bede",
    "verdicts": [_PASSED, _REFUSED],
}


class MomentOut(BaseModel):
    """An instant, and what the clocks show then in every zone that the callee may be in."""

    utc: datetime
    local: dict[str, str] = Field(description="By zone: weekday, date and time")

    @classmethod
    def of(cls, instant: datetime | None, zones: list[str]) -> Self | None:
        if instant is None:
            return None
        return cls(
            utc=instant, local={zone: f"{instant.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}" for zone in zones}
        )


class VerdictOut(BaseModel):
    """What one rule says."""

    rule: Rule = Field(description="Stable id of the rule")
    passed: bool
    demands: str = Field(description="What the rule asks for")
    reason: str = Field(description="Why it refuses; empty if it does not")
    until: MomentOut | None = Field(
        description="From when it would not refuse; null: time alone does not help, or hours"
    )
    jurisdiction: str = Field(description="Whose rule it is, such as US-FL; empty: not the law's")
    grade: str = Field(description="How sure it is: P, S, M, R or O (docs/rules.md)")
    source: str

    @classmethod
    def of(cls, verdict: Verdict, zones: list[str]) -> Self:
        return cls(
            rule=verdict.rule,
            passed=verdict.passed,
            demands=verdict.demands,
            reason=verdict.reason,
            until=MomentOut.of(verdict.until, zones),
            jurisdiction=verdict.jurisdiction,
            grade=verdict.grade,
            source=verdict.source,
        )


class WhyOut(BaseModel):
    """The gate's answer now, and every rule's part in it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_WHY]})

    lead_id: str
    state: LeadState
    outcome: LeadOutcome | None
    next_step: str = Field(description="What happens next to the lead, and why")
    due: MomentOut | None = Field(description="When that is; null when final")
    held_rule: Rule | None = Field(
        description="Held for a person: the rule that asks for a consent or a fresh register"
    )
    asked: MomentOut = Field(description="The instant that was asked about: now")
    allowed: bool
    rule: Rule | None = Field(description="The first rule that refuses; null: none")
    reason: str
    is_final: bool = Field(description="Nothing will change the answer")
    next_allowed: MomentOut | None = Field(
        description="The first instant at which the answer is yes if nothing but time changes; null: there is none"
    )
    places: list[str] = Field(description="Every place the callee may be in: a call must be lawful in all of them")
    zones: list[str]
    rules_version: str
    verdicts: list[VerdictOut] = Field(description="In the order of the gate")

    @classmethod
    def of(cls, found: LeadExplained) -> Self:
        lead, zones = found.lead, found.zones
        asked = MomentOut.of(found.at, zones)
        assert asked is not None
        return cls(
            lead_id=lead.id,
            state=LeadState(lead.state),
            outcome=LeadOutcome(lead.outcome) if lead.outcome else None,
            next_step=lead.next_step,
            due=MomentOut.of(lead.due_at, zones),
            held_rule=Rule(lead.held_rule) if lead.held_rule else None,
            asked=asked,
            allowed=found.decision.allowed,
            rule=found.decision.rule,
            reason=found.decision.reason,
            is_final=found.decision.is_final,
            next_allowed=MomentOut.of(found.next_allowed, zones),
            places=[place.id for place in found.facts.places],
            zones=zones,
            rules_version=found.rules_version,
            verdicts=[VerdictOut.of(verdict, zones) for verdict in found.verdicts],
        )
