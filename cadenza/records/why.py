"""Why is this lead not being called? Every rule's verdict, with what stands next for the lead."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Gate, GateDecision, GateFacts, Verdict
from cadenza.records.gate_facts import database_now, read_gate_facts
from cadenza.records.tables import Lead


@dataclass(frozen=True)
class LeadExplained:
    """The gate's answer at `at`, asked as admission asks it. `verdicts` are in the order of the gate."""

    lead: Lead
    at: datetime
    facts: GateFacts
    decision: GateDecision
    verdicts: list[Verdict]
    next_allowed: datetime | None
    rules_version: str

    @property
    def zones(self) -> list[str]:
        """Every zone that the callee may be in, each once."""
        return list(dict.fromkeys(zone for place in self.facts.places for zone in place.zones))


async def explain_lead(session: AsyncSession, lead_id: str, gate: Gate) -> LeadExplained | None:
    """None if there is no such lead. Changes nothing."""
    lead = await session.get(Lead, lead_id)
    if lead is None:
        return None
    facts = (await read_gate_facts(session, [lead_id], gate))[lead_id]
    at = await database_now(session)
    return LeadExplained(
        lead=lead,
        at=at,
        facts=facts,
        decision=gate.check(facts, at),
        verdicts=gate.explain(facts, at),
        next_allowed=gate.next_allowed(facts, at),
        rules_version=gate.rules.version,
    )
