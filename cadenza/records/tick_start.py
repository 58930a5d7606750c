"""How a tick of admission begins: the account is locked, what ran out is put right, and what there is, is read.

Three statements, whatever there is to do: a tick comes twice a second, and each statement is a way to the database and
back.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.messages import AttemptAdmitted, CloseLead, WithdrawCall
from cadenza.domain.outcomes import LeadOutcome
from cadenza.domain.policy import CampaignPolicy
from cadenza.records.backpressure import BRIDGES, PLACED_LATELY_SECONDS, Room, room_left

CLOSINGS_PER_TICK = 50
WOKEN_PER_TICK = 1000

_BARS_NUMBER = frozenset({LeadOutcome.SUPPRESSED.value, LeadOutcome.WRONG_NUMBER.value})
"""Ends of a lead for which even a ringing phone is silenced."""


@dataclass(frozen=True)
class Admission:
    """An attempt that was reserved, and what its workflow is to be told."""

    campaign_id: str
    lead_id: str
    message: AttemptAdmitted


@dataclass(frozen=True, slots=True)
class LockedAccount:
    """The account as it is once nobody else writes it. `now`: the database's clock when it was locked."""

    id: str
    calls_per_second: float
    max_lines: int
    paused_reason: str | None
    paused_rule: str | None
    last_tick_at: datetime | None
    tokens: float
    caller_id: str
    paces: Mapping[str, Mapping[str, Any]]
    now: datetime


@dataclass(frozen=True)
class Survey:
    """What a tick finds. Of the lines in use, `unused` wait for our workers, and `queued` in the carrier's queue."""

    lines: Counter[str]
    unused: int
    queued: int
    on_bridges: Room
    unannounced: list[Admission]
    close: list[tuple[str, str, CloseLead]]
    withdraw: list[tuple[str, str, WithdrawCall]]


async def lock_account(session: AsyncSession, account_id: str) -> LockedAccount | None:
    """The account, locked for this transaction; None if it is not set up."""
    row = (await session.execute(_LOCK_ACCOUNT, {"account": account_id})).mappings().first()
    return LockedAccount(**row) if row else None


async def tidy(session: AsyncSession, account_id: str) -> None:
    """Reservations that were never submitted come back by themselves (nobody was rung); leads that are to close and
    have no workflow are closed, they need none; leads whose time has come are due (their workflows sleep on: the
    admission wakes them, and saves each a task)."""
    await session.execute(_TIDY, {"account": account_id, "most": WOKEN_PER_TICK})


async def survey(session: AsyncSession, account_id: str) -> Survey:
    """Read after `tidy`: what lapsed uses no line."""
    values = {
        "account": account_id,
        "bars_number": sorted(_BARS_NUMBER),
        "closings": CLOSINGS_PER_TICK,
        "lately": PLACED_LATELY_SECONDS,
    }
    row = (await session.execute(_SURVEY, values)).one()
    return Survey(
        lines=Counter({one["campaign_id"]: one["lines"] for one in row.lines}),
        unused=sum(one["unused"] for one in row.lines),
        queued=sum(one["queued"] for one in row.lines),
        on_bridges=room_left(row.bridges),
        unannounced=[announcement(one) for one in row.unannounced],
        close=[_closing(one) for one in row.closing],
        withdraw=[_withdrawal(one) for one in row.withdrawn],
    )


def announcement(row: Mapping[Any, Any]) -> Admission:
    """What the workflow of an attempt is told. `row`: the attempt's columns, and its campaign's `policy`."""
    policy = CampaignPolicy.model_validate(row["policy"])
    message = message_of(row["id"], row["number"], row["leaves_voicemail"], policy)
    return Admission(row["campaign_id"], row["lead_id"], message)


def message_of(new_id: str, number: int, leaves: bool, policy: CampaignPolicy) -> AttemptAdmitted:
    """What the workflow of an attempt is told; `policy` is its campaign's."""
    return AttemptAdmitted(
        attempt_id=new_id,
        number=number,
        leaves_voicemail=leaves,
        detects_machines=policy.detect_machines,
        ring_seconds=policy.ring_seconds,
        max_call_seconds=policy.max_call_seconds,
        max_transfer_seconds=policy.max_transfer_seconds if policy.transfer_targets else 0,
    )


def _closing(row: Mapping[str, Any]) -> tuple[str, str, CloseLead]:
    reason = row["outcome_reason"] or f"lead is {row['close_as']}"
    return row["campaign_id"], row["id"], CloseLead(outcome=LeadOutcome(row["close_as"]), reason=reason)


def _withdrawal(row: Mapping[str, Any]) -> tuple[str, str, WithdrawCall]:
    """Of a call that the carrier has and that may no longer be made: it does not ring yet, or it rings and the number
    was suppressed or is not the person's."""
    word = WithdrawCall(
        attempt_id=row["id"],
        reason=row["close_as"] or f"campaign {row['campaign_state']}",
        even_ringing=row["close_as"] in _BARS_NUMBER,
    )
    return row["campaign_id"], row["lead_id"], word


_LOCK_ACCOUNT = text(
    """
    with locked as materialized (select * from account where id = :account for update)
    select id, calls_per_second, max_lines, paused_reason, paused_rule, last_tick_at, tokens, caller_id, paces,
           clock_timestamp() as now
    from locked
    """
)
"""The clock is read behind the lock: who waited for another dialer is later than that one's tick."""

_TIDY = text(
    """
    with lapsed as (
        update attempt set state = 'lapsed', outcome = 'lapsed', ended_at = now(),
               outcome_reason = 'the admission was not used in time'
        where account_id = :account and state = 'reserved' and lease_until < now() - interval '1 second'
        returning lead_id),
    back as (
        update lead set state = 'due', due_at = now() from lapsed
        where lead.id = lapsed.lead_id and lead.state = 'calling'),
    closed as (
        update lead set state = 'final', outcome = close_as, final_at = now(), due_at = null,
               next_step = '', held_rule = null,
               outcome_reason = coalesce(nullif(outcome_reason, ''), 'closed before the first call')
        where close_as is not null and state in ('new', 'due') and not workflow_started)
    update lead set state = 'due', next_step = 'next call' where id in (
        select lead.id from lead join campaign on campaign.id = lead.campaign_id
        where lead.state = 'waiting' and lead.due_at <= now() and campaign.account_id = :account
        order by lead.due_at limit :most for update of lead skip locked)
    """
)
"""Each part changes leads of another state (calling; new or due; waiting), so that none is changed by two."""


def _rows(statement: str) -> str:
    return f"(select coalesce(jsonb_agg(to_jsonb(one)), '[]') from ({statement}) as one)"  # noqa: S608


_SURVEY = text(
    f"""
    select
        {
        _rows('''
            select campaign_id, count(*) as lines, count(*) filter (where state = 'reserved') as unused,
                   count(*) filter (where state = 'placed'
                                    and submitted_at > now() - make_interval(secs => :lately)) as queued
            from attempt
            where account_id = :account
              and state in ('reserved', 'submitting', 'doubtful', 'placed', 'ringing', 'in_progress')
            group by campaign_id''')
    } as lines,
        (select to_jsonb(one) from ({BRIDGES}) as one) as bridges,
        {
        _rows('''
            select attempt.id, attempt.number, attempt.leaves_voicemail, attempt.campaign_id, attempt.lead_id,
                   campaign.policy
            from attempt join campaign on campaign.id = attempt.campaign_id
            where attempt.account_id = :account
              and attempt.state = 'reserved' and attempt.announced_at is null
              and attempt.lease_until > now() and attempt.reserved_at < now() - interval '2 seconds' ''')
    } as unannounced,
        {
        _rows('''
            select id, campaign_id, close_as, outcome_reason from lead
            where close_as is not null and state <> 'final' and workflow_started
              and (close_sent_at is null or close_sent_at < now() - interval '1 minute')
            order by close_sent_at nulls first limit :closings''')
    } as closing,
        {
        _rows('''
            select attempt.id, attempt.campaign_id, attempt.lead_id, campaign.state as campaign_state, lead.close_as
            from attempt join campaign on campaign.id = attempt.campaign_id join lead on lead.id = attempt.lead_id
            where attempt.account_id = :account
              and (attempt.state = 'placed'
                   and (campaign.state in ('paused', 'cancelled') or lead.close_as is not null)
                   or attempt.state = 'ringing' and lead.close_as = any(:bars_number))''')
    } as withdrawn
    """  # noqa: S608
)
"""Reservations whose workflow was perhaps never told (`unannounced`) are told again while their lease holds."""
