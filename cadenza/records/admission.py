"""Admission: which leads get a line now. One transaction a tick, holding the account's row, so that two dialers
(one of them a zombie) cannot spend a line twice.

Order: promised callbacks, then the campaign of the best priority, then the one with the fewest lines in use, then who
is due longest: campaigns of one priority share the lines equally, and what one cannot use goes to the next.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.breakers import BreakerState
from cadenza.domain.gate import Gate
from cadenza.domain.messages import CloseLead, WithdrawCall
from cadenza.domain.outcomes import LeadOutcome
from cadenza.domain.pacing import Paces, earned_calls
from cadenza.records.backpressure import PLACED_LATELY_SECONDS, Room, room_at_carrier, room_on_bridges
from cadenza.records.breakers import note_probe
from cadenza.records.caller_ids import read_pools
from cadenza.records.database import lock_row
from cadenza.records.gate_facts import database_now
from cadenza.records.operation_tables import BreakerRow
from cadenza.records.reservation import Admission, TickLimits, Turns, message_of
from cadenza.records.tables import Account

CLOSINGS_PER_TICK = 50
WOKEN_PER_TICK = 1000
MAX_TICK_SECONDS = 2.0

_BARS_NUMBER = frozenset({LeadOutcome.SUPPRESSED.value, LeadOutcome.WRONG_NUMBER.value})
"""Ends of a lead for which even a ringing phone is silenced."""


@dataclass(frozen=True)
class AdmissionTick:
    """What one tick decided. `reason` says why nothing (more) was admitted."""

    admitted: list[Admission] = field(default_factory=list)
    withdraw: list[tuple[str, str, WithdrawCall]] = field(default_factory=list)
    close: list[tuple[str, str, CloseLead]] = field(default_factory=list)
    free_lines: int = 0
    reason: str = ""


async def admit_due_leads(session: AsyncSession, account_id: str, gate: Gate) -> AdmissionTick:
    """Run one tick. The caller commits, then tells the workflows, then calls `mark_announced`."""
    account = await lock_row(session, Account, account_id)
    if account is None:
        return AdmissionTick(reason="the account is not set up")
    now = await database_now(session)
    await _lapse_unsubmitted(session, account_id)
    await _close_unstarted(session)
    await _wake_due(session, account_id)
    close = await _leads_to_close(session)
    withdraw = await _calls_to_withdraw(session, account_id)
    again = await _unannounced(session, account_id)
    budget = _calls_budget(account, now)
    lines, queued = await _lines_in_use(session, account_id)
    free = max(0, account.max_lines - sum(lines.values()))
    rooms = (
        await _room_by_breaker(session, account),
        await room_on_bridges(session),
        room_at_carrier(queued, account.calls_per_second),
    )
    why = next((room.reason for room in rooms if room.reason), "")
    wanted = min(free, int(budget), *(room.calls for room in rooms))
    admitted: list[Admission] = []
    if wanted > 0:
        pools, paces = await read_pools(session, account_id), Paces(account.paces, now)
        turns = Turns(session, account, gate, TickLimits(lines, pools, paces), now)
        admitted = await turns.take(wanted)
        account.paces = paces.kept()
        why = why or turns.waiting_reason
    if admitted and account.paused_rule:
        await note_probe(session, account_id, admitted[0].message.attempt_id)
    account.tokens = budget - len(admitted)
    account.last_tick_at = now
    account.waiting_reason = "" if account.paused_reason else why
    session.add(account)
    await session.flush()
    return AdmissionTick(again + admitted, withdraw, close, free - len(admitted), why)


async def mark_announced(session: AsyncSession, attempt_ids: Sequence[str]) -> None:
    """The workflows of these attempts have been told."""
    if attempt_ids:
        await session.execute(
            text("update attempt set announced_at = now() where id = any(:ids)"), {"ids": list(attempt_ids)}
        )


async def mark_close_sent(session: AsyncSession, lead_ids: Sequence[str]) -> None:
    """The workflows of these leads have been asked to close; asked again after a minute if they have not."""
    if lead_ids:
        await session.execute(
            text("update lead set close_sent_at = now() where id = any(:ids)"), {"ids": list(lead_ids)}
        )


def _calls_budget(account: Account, now: datetime) -> float:
    elapsed = (now - account.last_tick_at).total_seconds() if account.last_tick_at else MAX_TICK_SECONDS
    return earned_calls(account.tokens, min(elapsed, MAX_TICK_SECONDS), account.calls_per_second)


async def _lapse_unsubmitted(session: AsyncSession, account_id: str) -> None:
    """Reservations that were never submitted come back by themselves: nobody was rung."""
    await session.execute(
        text(
            """
            with lapsed as (
                update attempt set state = 'lapsed', outcome = 'lapsed', ended_at = now(),
                       outcome_reason = 'the admission was not used in time'
                where account_id = :account and state = 'reserved' and lease_until < now() - interval '1 second'
                returning lead_id)
            update lead set state = 'due', due_at = now() from lapsed
            where lead.id = lapsed.lead_id and lead.state = 'calling'
            """
        ),
        {"account": account_id},
    )


async def _close_unstarted(session: AsyncSession) -> None:
    """Leads that are to close and have no workflow need none."""
    await session.execute(
        text(
            """
            update lead set state = 'final', outcome = close_as, final_at = now(), due_at = null,
                   next_step = '', held_rule = null,
                   outcome_reason = coalesce(nullif(outcome_reason, ''), 'closed before the first call')
            where close_as is not null and state in ('new', 'due') and not workflow_started
            """
        )
    )


async def _wake_due(session: AsyncSession, account_id: str) -> None:
    """Leads whose time has come are due. Their workflows sleep on: the admission wakes them, and saves each a task."""
    await session.execute(
        text(
            """
            update lead set state = 'due', next_step = 'next call' where id in (
                select lead.id from lead join campaign on campaign.id = lead.campaign_id
                where lead.state = 'waiting' and lead.due_at <= now() and campaign.account_id = :account
                order by lead.due_at limit :most for update of lead skip locked)
            """
        ),
        {"account": account_id, "most": WOKEN_PER_TICK},
    )


async def _leads_to_close(session: AsyncSession) -> list[tuple[str, str, CloseLead]]:
    rows = await session.execute(
        text(
            """
            select id, campaign_id, close_as, outcome_reason from lead
            where close_as is not null and state <> 'final' and workflow_started
              and (close_sent_at is null or close_sent_at < now() - interval '1 minute')
            order by close_sent_at nulls first limit :limit
            """
        ),
        {"limit": CLOSINGS_PER_TICK},
    )
    return [
        (
            row.campaign_id,
            row.id,
            CloseLead(outcome=LeadOutcome(row.close_as), reason=row.outcome_reason or f"lead is {row.close_as}"),
        )
        for row in rows
    ]


async def _calls_to_withdraw(session: AsyncSession, account_id: str) -> list[tuple[str, str, WithdrawCall]]:
    """Calls that the carrier has and that may no longer be made: those that do not ring yet, and ringing ones too where
    the number was suppressed or is not the person's."""
    rows = await session.execute(
        text(
            """
            select attempt.id, attempt.campaign_id, attempt.lead_id, campaign.state as campaign_state, lead.close_as
            from attempt join campaign on campaign.id = attempt.campaign_id join lead on lead.id = attempt.lead_id
            where attempt.account_id = :account
              and (attempt.state = 'placed' and (campaign.state in ('paused', 'cancelled') or lead.close_as is not null)
                   or attempt.state = 'ringing' and lead.close_as = any(:bars_number))
            """
        ),
        {"account": account_id, "bars_number": sorted(_BARS_NUMBER)},
    )
    return [
        (
            row.campaign_id,
            row.lead_id,
            WithdrawCall(
                attempt_id=row.id,
                reason=row.close_as or f"campaign {row.campaign_state}",
                even_ringing=row.close_as in _BARS_NUMBER,
            ),
        )
        for row in rows
    ]


async def _unannounced(session: AsyncSession, account_id: str) -> list[Admission]:
    """Reservations whose workflow was perhaps never told: tell it (again) while the lease holds."""
    rows = await session.execute(
        text(
            """
            select attempt.id, attempt.number, attempt.leaves_voicemail, attempt.campaign_id, attempt.lead_id,
                   campaign.policy
            from attempt join campaign on campaign.id = attempt.campaign_id
            where attempt.account_id = :account
              and attempt.state = 'reserved' and attempt.announced_at is null
              and attempt.lease_until > now() and attempt.reserved_at < now() - interval '2 seconds'
            """
        ),
        {"account": account_id},
    )
    return [announcement(row) for row in rows]


def announcement(row: Any) -> Admission:
    """What the workflow of an attempt is told. `row`: the attempt's columns, and its campaign's `policy`."""
    return Admission(row.campaign_id, row.lead_id, message_of(row.id, row.number, row.leaves_voicemail, row.policy))


async def _lines_in_use(session: AsyncSession, account_id: str) -> tuple[Counter[str], int]:
    """By campaign; and how many of them wait in the carrier's queue."""
    found = await session.execute(
        text(
            """
            select campaign_id, count(*) as lines,
                   count(*) filter (where state = 'placed'
                                    and submitted_at > now() - make_interval(secs => :lately)) as queued
            from attempt
            where account_id = :account
              and state in ('reserved', 'submitting', 'doubtful', 'placed', 'ringing', 'in_progress')
            group by campaign_id
            """
        ),
        {"account": account_id, "lately": PLACED_LATELY_SECONDS},
    )
    rows = found.all()
    return Counter({row.campaign_id: row.lines for row in rows}), sum(row.queued for row in rows)


async def _room_by_breaker(session: AsyncSession, account: Account) -> Room:
    """Nothing while the account is paused; one call for all campaigns while its breaker probes."""
    if account.paused_reason is None:
        return Room(account.max_lines)
    row = await session.get(BreakerRow, account.id) if account.paused_rule else None
    is_probing = row is not None and row.state == BreakerState.PROBING and row.probe_attempt_id is None
    return Room(1 if is_probing else 0, account.paused_reason)
