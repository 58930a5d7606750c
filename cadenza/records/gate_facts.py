"""What the gate must know about a lead, read in the caller's transaction; and its refusals, stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import GateDecision, GateFacts, unplaced
from cadenza.domain.outcomes import CampaignState
from cadenza.domain.policy import CampaignPolicy
from cadenza.records.audit import note_decision
from cadenza.records.tables import GateRefusal

_FACTS = text(
    """
    select lead.id, lead.zones, lead.close_as, lead.state, campaign.state as campaign_state, campaign.policy,
           exists (select 1 from suppression where suppression.phone = lead.phone) as suppressed,
           coalesce((select array_agg(other.submitted_at) from attempt as other
                     where other.phone = lead.phone and other.submitted_at > now() - interval '24 hours'
                       and other.state <> 'refused' and other.outcome is distinct from 'withdrawn'
                       and other.id <> cast(:except_attempt as text)), '{}') as recent_calls
    from lead join campaign on campaign.id = lead.campaign_id
    where lead.id = any(:lead_ids)
    """
)


async def read_gate_facts(
    session: AsyncSession, lead_ids: Sequence[str], *, except_attempt: str = ""
) -> dict[str, GateFacts]:
    """Facts by lead id. `except_attempt` is not counted as a recent call: it is the one being judged."""
    rows = await session.execute(_FACTS, {"lead_ids": list(lead_ids), "except_attempt": except_attempt})
    return {row.id: _facts(row) for row in rows}


async def store_refusal(
    session: AsyncSession, lead_id: str, stage: str, decision: GateDecision, *, attempt_id: str | None = None
) -> None:
    """Log a decision, and keep a "no" so that a person can see it. `stage`: admission, before_post or answer."""
    await note_decision(session, stage, decision, lead_id=lead_id, attempt_id=attempt_id)
    if decision.rule is None:
        return
    session.add(
        GateRefusal(
            lead_id=lead_id,
            attempt_id=attempt_id,
            stage=stage,
            rule=decision.rule.value,
            reason=decision.reason,
            next_at=decision.next_at,
        )
    )
    await session.flush()


async def database_now(session: AsyncSession) -> datetime:
    """The database's clock: the one that orders and fences."""
    now: datetime = (await session.execute(text("select clock_timestamp()"))).scalar_one()
    return now


def _facts(row: Any) -> GateFacts:
    return GateFacts(
        campaign_state=CampaignState(row.campaign_state),
        policy=CampaignPolicy.model_validate(row.policy),
        places=unplaced(row.zones),
        suppressed=row.suppressed,
        closed=row.close_as is not None or row.state == "final",
        recent_calls=row.recent_calls,
    )
