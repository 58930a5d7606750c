"""What the gate must know about a lead, read in the caller's transaction; and its refusals, stored."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.best_consent import StoredConsent, best_consent
from cadenza.domain.candidate_places import Whereabouts, candidate_places
from cadenza.domain.consent import Consent
from cadenza.domain.gate import Gate, GateDecision, GateFacts
from cadenza.domain.outcomes import CampaignState, LeadState
from cadenza.domain.phone import line_type
from cadenza.domain.places import is_zone
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.stated_consent import ConsentKind
from cadenza.records.audit import decision_details
from cadenza.records.registers import read_register_facts

# A probe of the account's breaker is the one call that may be made while all calling is paused.
_LEADS = text(
    """
    select lead.id, lead.phone, lead.address, lead.said_zone, lead.close_as, lead.state, calls.recent, calls.abandoned,
           campaign.state as campaign_state, cast(campaign.policy as text) as policy,
           exists (select 1 from suppression where suppression.phone = lead.phone) as suppressed,
           (select jsonb_agg(jsonb_build_array(kind, given_on, recorded_at)) from consent
            where consent.phone = lead.phone) as consents,
           case when exists (select 1 from breaker where breaker.id = account.id and breaker.state = 'probing'
                             and coalesce(breaker.probe_attempt_id, :except_attempt) = :except_attempt)
                then null else account.paused_reason end as held
    from lead
    join campaign on campaign.id = lead.campaign_id
    join account on account.id = campaign.account_id
    left join lateral (
        select array_agg(submitted_at) as recent,
               array_agg(submitted_at) filter (where tally = 'abandoned') as abandoned
        from attempt
        where attempt.phone = lead.phone and submitted_at > now() - cast(:history as interval)
          and attempt.state <> 'refused' and attempt.outcome is distinct from 'withdrawn'
          and attempt.id <> :except_attempt) as calls on true
    where lead.id = any(:lead_ids)
    """
)


_STORE = text(
    """
    with refusal as materialized (
        select * from jsonb_to_recordset(cast(:rows as jsonb)) as refusal (
            lead_id text, rule text, reason text, jurisdiction text, grade text, source text, rules_version text,
            next_at timestamptz, details jsonb)),
    noted as (
        insert into audit_entry (kind, who, why, lead_id, attempt_id, details)
        select 'gate.refused', 'gate', reason, lead_id, cast(:attempt as text), details from refusal)
    insert into gate_refusal (lead_id, attempt_id, stage, rule, reason, jurisdiction, grade, source, rules_version,
                              next_at)
    select lead_id, cast(:attempt as text), :stage, rule, reason, jurisdiction, grade, source, rules_version, next_at
    from refusal
    """
)
"""A refusal for people, and its entry in the audit log."""


async def read_gate_facts(
    session: AsyncSession, lead_ids: Sequence[str], gate: Gate, *, except_attempt: str = ""
) -> dict[str, GateFacts]:
    """Facts by lead id, in two statements however many leads there are. `except_attempt` is not counted as a recent
    call: it is the one being judged."""
    values = {"lead_ids": list(lead_ids), "history": gate.history_needed, "except_attempt": except_attempt}
    rows = (await session.execute(_LEADS, values)).all()
    registers = await read_register_facts(session, sorted({row.phone for row in rows}))
    return {row.id: _facts(row, dict(registers[row.phone])) for row in rows}


async def store_refusal(
    session: AsyncSession, lead_id: str, stage: str, decision: GateDecision, *, attempt_id: str | None = None
) -> None:
    """Keep a "no" so that a person can see it. `stage`: admission, before_post or answer."""
    await store_refusals(session, stage, [(lead_id, decision)], attempt_id=attempt_id)


async def store_refusals(
    session: AsyncSession, stage: str, refusals: Iterable[tuple[str, GateDecision]], *, attempt_id: str | None = None
) -> None:
    """As `store_refusal`, of many leads at once."""
    rows = [
        {
            "lead_id": lead_id,
            **decision.model_dump(mode="json", exclude={"is_final"}),
            "details": decision_details(stage, decision),
        }
        for lead_id, decision in refusals
        if decision.rule is not None
    ]
    if rows:
        values = {"rows": orjson.dumps(rows).decode(), "stage": stage, "attempt": attempt_id}
        await session.execute(_STORE, values)


async def database_now(session: AsyncSession) -> datetime:
    """The database's clock: the one that orders and fences."""
    now: datetime = (await session.execute(text("select clock_timestamp()"))).scalar_one()
    return now


def _facts(row: Any, registers: dict[str, Any]) -> GateFacts:
    line = line_type(row.phone)
    return GateFacts(
        campaign_state=CampaignState(row.campaign_state),
        policy=policy_of(row.policy),
        places=() if line is None else candidate_places(row.phone, whereabouts(row.address, row.said_zone)),
        suppressed=row.suppressed,
        closed=row.close_as is not None or row.state == LeadState.FINAL,
        line=line,
        recent_calls=row.recent or (),
        abandoned_calls=row.abandoned or (),
        consent=_consent(row.consents or ()),
        held=row.held or "",
        **registers,
    )


def whereabouts(address: dict[str, str], said_zone: str) -> Whereabouts:
    """What a lead's row says about where the person is. A zone that the zone data no longer knows says nothing."""
    return _whereabouts(address.get("country", ""), address.get("state", ""), address.get("postal_code", ""), said_zone)


@lru_cache(maxsize=4096)
def _whereabouts(country: str, state: str, postal_code: str, said_zone: str) -> Whereabouts:
    """One for all who say the same: it is kept with each number that was looked at, a kilobyte of its own each."""
    known_zone = said_zone if is_zone(said_zone) else ""
    return Whereabouts(country=country, state=state, postal_code=postal_code, said_zone=known_zone)


def _consent(stated: Iterable[Sequence[str | None]]) -> Consent | None:
    return best_consent(
        StoredConsent(
            kind=ConsentKind(str(kind)),
            given_on=date.fromisoformat(given_on) if given_on else None,
            recorded_at=datetime.fromisoformat(str(recorded_at)),
        )
        for kind, given_on, recorded_at in stated
    )


@lru_cache(maxsize=1024)
def policy_of(written: str) -> CampaignPolicy:
    """Read once for each version of a campaign's policy: admission asks about many leads of one campaign."""
    return CampaignPolicy.model_validate_json(written)
