"""Campaigns: made, edited, and moved from state to state. A change of state is a change of one row; the dialer's next
tick and the gates obey it."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.breakers import BreakerLimits
from cadenza.domain.identifiers import new_id
from cadenza.domain.outcomes import CampaignState, LeadOutcome
from cadenza.records.booking_tables import Rep
from cadenza.records.breakers import hold_by_hand, reset_by_hand
from cadenza.records.database import lock_row
from cadenza.records.tables import Campaign

EDITABLE = frozenset({CampaignState.DRAFT, CampaignState.PAUSED})
UPLOADABLE = frozenset({CampaignState.DRAFT, CampaignState.PREPARING, CampaignState.RUNNING, CampaignState.PAUSED})


class UnknownCampaign(Exception):
    """There is no campaign with this id."""


class WrongState(Exception):
    """The campaign is in a state that does not allow what was asked."""

    def __init__(self, state: CampaignState, action: str) -> None:
        super().__init__(f"{action}: {state.value}")
        self.state = state
        self.action = action


class RepDetails(BaseModel):
    """A rep as a campaign lists them. The same e-mail and provider are the same rep."""

    model_config = ConfigDict(frozen=True)

    name: str
    email: str
    provider: str
    calendar_ref: str
    time_zone: str
    weight: float = 1.0


async def keep_account(
    session: AsyncSession,
    account_id: str,
    calls_per_second: float,
    max_lines: int,
    breakers: BreakerLimits | None = None,
    caller_id: str = "",
) -> None:
    """Make the telephony account's row, or bring its limits up to date. The next tick obeys them.

    `caller_id` is the number of campaigns that name none.
    """
    await session.execute(
        text(
            """
            insert into account (id, calls_per_second, max_lines, tokens, breakers, caller_id)
            values (:id, :rate, :lines, 0, cast(:breakers as jsonb), :caller_id)
            on conflict (id) do update set calls_per_second = excluded.calls_per_second,
                                           max_lines = excluded.max_lines, breakers = excluded.breakers,
                                           caller_id = excluded.caller_id
            where (account.calls_per_second, account.max_lines, account.breakers, account.caller_id)
                  is distinct from
                  (excluded.calls_per_second, excluded.max_lines, excluded.breakers, excluded.caller_id)
            """
        ),
        {
            "id": account_id,
            "rate": calls_per_second,
            "lines": max_lines,
            "breakers": (breakers or BreakerLimits()).model_dump_json(),
            "caller_id": caller_id,
        },
    )


async def add_campaign(session: AsyncSession, campaign: Campaign, reps: Sequence[RepDetails]) -> None:
    session.add(campaign)
    await session.flush()
    await write_reps(session, campaign.id, reps)


async def get_campaign(session: AsyncSession, campaign_id: str, *, lock: bool = False) -> Campaign:
    """The campaign, locked for this transaction if asked. Raises UnknownCampaign."""
    campaign = await (lock_row(session, Campaign, campaign_id) if lock else session.get(Campaign, campaign_id))
    if campaign is None:
        raise UnknownCampaign(campaign_id)
    return campaign


async def list_campaigns(
    session: AsyncSession, *, state: CampaignState | None, before: str | None, limit: int
) -> list[Campaign]:
    """Newest first. `before` is the last id of the page before."""
    query = select(Campaign).order_by(col(Campaign.id).desc()).limit(limit)
    if state is not None:
        query = query.where(Campaign.state == state.value)
    if before is not None:
        query = query.where(Campaign.id < before)
    return list(await session.exec(query))


async def list_reps(session: AsyncSession, campaign_ids: Sequence[str]) -> dict[str, list[Rep]]:
    """Reps by campaign, those no longer active included, in the order in which they were added."""
    query = select(Rep).where(col(Rep.campaign_id).in_(campaign_ids)).order_by(col(Rep.id))
    found: dict[str, list[Rep]] = {campaign_id: [] for campaign_id in campaign_ids}
    for rep in await session.exec(query):
        found[rep.campaign_id].append(rep)
    return found


async def write_reps(session: AsyncSession, campaign_id: str, wanted: Sequence[RepDetails]) -> None:
    """Make the active reps those that are wanted. Who is left out stays for the bookings made with them."""
    present = {(rep.email, rep.provider): rep for rep in (await list_reps(session, [campaign_id]))[campaign_id]}
    for details in wanted:
        rep = present.pop((details.email, details.provider), None)
        if rep is None:
            rep = Rep(id=new_id("rp"), campaign_id=campaign_id, **details.model_dump())
        for name, value in details.model_dump().items():
            setattr(rep, name, value)
        rep.active = True
        session.add(rep)
    for left_out in present.values():
        left_out.active = False
        session.add(left_out)
    await session.flush()


async def begin_preparing(session: AsyncSession, campaign_id: str, default_caller_id: str) -> Campaign:
    """draft -> preparing. A campaign that is on its way already stays as it is. Raises WrongState."""
    await _move(
        session,
        campaign_id,
        action="start",
        allowed=(CampaignState.DRAFT,),
        already=(CampaignState.PREPARING, CampaignState.RUNNING),
        change="state = 'preparing', state_reason = 'audio is being rendered', "
        "caller_id = case when caller_id = '' then :caller_id else caller_id end",
        values={"caller_id": default_caller_id},
    )
    return await _fresh(session, campaign_id)


async def finish_preparing(session: AsyncSession, campaign_id: str) -> bool:
    """preparing -> running; False if it was paused or cancelled meanwhile. For the workflow that prepares."""
    moved = await session.execute(
        text(
            "update campaign set state = 'running', state_reason = '', started_at = coalesce(started_at, now()) "
            "where id = :id and state = 'preparing' returning id"
        ),
        {"id": campaign_id},
    )
    return moved.first() is not None


async def give_up_preparing(session: AsyncSession, campaign_id: str, reason: str) -> bool:
    """preparing -> draft, so that it can be mended and started again; `reason` is shown to people."""
    moved = await session.execute(
        text(
            "update campaign set state = 'draft', state_reason = :reason "
            "where id = :id and state = 'preparing' returning id"
        ),
        {"id": campaign_id, "reason": reason},
    )
    return moved.first() is not None


async def pause_campaign(session: AsyncSession, campaign_id: str) -> Campaign:
    """Nothing new is rung, until a person resumes it; calls under way end in their own time. Raises WrongState."""
    await hold_by_hand(session, campaign_id)
    await _move(
        session,
        campaign_id,
        action="pause",
        allowed=(CampaignState.RUNNING, CampaignState.PREPARING),
        already=(CampaignState.PAUSED,),
        change="state = 'paused', state_reason = 'paused by a user', paused_rule = null",
    )
    return await _fresh(session, campaign_id)


async def resume_campaign(session: AsyncSession, campaign_id: str) -> Campaign:
    """Back to running; or to preparing, if it was paused before it was prepared. Raises WrongState.

    Where its breaker had paused it, what ended until now no longer counts against it.
    """
    await reset_by_hand(session, campaign_id)
    await _move(
        session,
        campaign_id,
        action="resume",
        allowed=(CampaignState.PAUSED,),
        already=(CampaignState.RUNNING, CampaignState.PREPARING),
        change="state = case when started_at is null then 'preparing' else 'running' end, state_reason = '', "
        "paused_rule = null",
    )
    return await _fresh(session, campaign_id)


async def cancel_campaign(session: AsyncSession, campaign_id: str) -> Campaign:
    """End it, and ask every unfinished lead to close, in the same transaction. Raises WrongState."""
    await _move(
        session,
        campaign_id,
        action="cancel",
        allowed=(CampaignState.DRAFT, CampaignState.PREPARING, CampaignState.RUNNING, CampaignState.PAUSED),
        already=(CampaignState.CANCELLED,),
        change="state = 'cancelled', state_reason = 'cancelled by a user', paused_rule = null, ended_at = now()",
    )
    await session.execute(
        text("update lead set close_as = :outcome where campaign_id = :id and state <> 'final' and close_as is null"),
        {"id": campaign_id, "outcome": LeadOutcome.CANCELLED.value},
    )
    return await _fresh(session, campaign_id)


async def complete_finished_campaigns(session: AsyncSession) -> list[str]:
    """running -> completed where every lead has its final outcome; returns their ids. Cheap: one index look-up each."""
    rows = await session.execute(
        text(
            """
            update campaign set state = 'completed', state_reason = '', ended_at = now()
            where state = 'running'
              and exists (select 1 from lead where lead.campaign_id = campaign.id)
              and not exists (select 1 from lead where lead.campaign_id = campaign.id
                              and lead.state in ('new', 'due', 'calling', 'waiting'))
            returning id
            """
        )
    )
    return list(rows.scalars())


async def campaigns_in(session: AsyncSession, *states: CampaignState) -> list[Campaign]:
    return list(await session.exec(select(Campaign).where(col(Campaign.state).in_([state.value for state in states]))))


async def has_leads(session: AsyncSession, campaign_id: str) -> bool:
    found = await session.execute(text("select 1 from lead where campaign_id = :id limit 1"), {"id": campaign_id})
    return found.first() is not None


async def count_leads(session: AsyncSession, campaign_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Leads by state, for each campaign."""
    rows = await session.execute(
        text(
            "select campaign_id, state, count(*) as leads from lead where campaign_id = any(:ids) "
            "group by campaign_id, state"
        ),
        {"ids": list(campaign_ids)},
    )
    counts: dict[str, dict[str, int]] = {campaign_id: {} for campaign_id in campaign_ids}
    for row in rows:
        counts[row.campaign_id][row.state] = row.leads
    return counts


async def _move(
    session: AsyncSession,
    campaign_id: str,
    *,
    action: str,
    allowed: Sequence[CampaignState],
    already: Sequence[CampaignState],
    change: str,
    values: dict[str, Any] | None = None,
) -> None:
    moved = await session.execute(
        text(f"update campaign set {change} where id = :id and state = any(:allowed) returning id"),  # noqa: S608
        {"id": campaign_id, "allowed": [state.value for state in allowed], **(values or {})},
    )
    if moved.first() is None:
        state = CampaignState((await get_campaign(session, campaign_id)).state)
        if state not in already:
            raise WrongState(state, action)


async def _fresh(session: AsyncSession, campaign_id: str) -> Campaign:
    campaign = await get_campaign(session, campaign_id)
    await session.refresh(campaign)
    return campaign
