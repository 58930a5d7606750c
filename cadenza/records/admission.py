"""Admission: which leads get a line now. One transaction a tick, holding the account's row, so that two dialers
(one of them a zombie) cannot spend a line twice.

Order: promised callbacks, then the campaign of the best priority, then the one with the fewest lines in use, then who
is due longest: campaigns of one priority share the lines equally, and what one cannot use goes to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.breakers import BreakerState
from cadenza.domain.gate import Gate
from cadenza.domain.messages import CloseLead, WithdrawCall
from cadenza.domain.pacing import Paces, earned_calls
from cadenza.records.backpressure import Room, room_at_carrier, room_with_workers
from cadenza.records.breakers import note_probe
from cadenza.records.caller_ids import read_pools
from cadenza.records.operation_tables import BreakerRow
from cadenza.records.reservation import TickLimits, Turns
from cadenza.records.tick_start import Admission, LockedAccount, lock_account, survey, tidy

MAX_TICK_SECONDS = 2.0


@dataclass(frozen=True)
class AdmissionTick:
    """What one tick decided. `reason` says why nothing (more) was admitted; `refused` counts the gate's "no"."""

    admitted: list[Admission] = field(default_factory=list)
    withdraw: list[tuple[str, str, WithdrawCall]] = field(default_factory=list)
    close: list[tuple[str, str, CloseLead]] = field(default_factory=list)
    free_lines: int = 0
    reason: str = ""
    refused: int = 0


async def admit_due_leads(session: AsyncSession, account_id: str, gate: Gate) -> AdmissionTick:
    """Run one tick. The caller commits, then tells the workflows, then calls `mark_announced`."""
    account = await lock_account(session, account_id)
    if account is None:
        return AdmissionTick(reason="the account is not set up")
    await tidy(session, account_id)
    found = await survey(session, account_id)
    budget = _calls_budget(account)
    free = max(0, account.max_lines - sum(found.lines.values()))
    rooms = (
        await _room_by_breaker(session, account),
        room_with_workers(found.unused, account.calls_per_second),
        found.on_bridges,
        room_at_carrier(found.queued, account.calls_per_second),
    )
    why = next((room.reason for room in rooms if room.reason), "")
    wanted = min(free, int(budget), *(room.calls for room in rooms))
    admitted: list[Admission] = []
    refused, paces = 0, Paces(account.paces, account.now)
    if wanted > 0:
        limits = TickLimits(found.lines, await read_pools(session, account_id), paces)
        turns = Turns(session, account, gate, limits)
        admitted = await turns.take(wanted)
        why, refused = why or turns.waiting_reason, turns.refused
    if admitted and account.paused_rule:
        await note_probe(session, account_id, admitted[0].message.attempt_id)
    await session.execute(
        _END_TICK,
        {
            "account": account_id,
            "tokens": budget - len(admitted),
            "now": account.now,
            "why": "" if account.paused_reason else why,
            "paces": orjson.dumps(paces.kept() if wanted > 0 else account.paces).decode(),
        },
    )
    return AdmissionTick(found.unannounced + admitted, found.withdraw, found.close, free - len(admitted), why, refused)


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


def _calls_budget(account: LockedAccount) -> float:
    elapsed = (account.now - account.last_tick_at).total_seconds() if account.last_tick_at else MAX_TICK_SECONDS
    return earned_calls(account.tokens, min(elapsed, MAX_TICK_SECONDS), account.calls_per_second)


async def _room_by_breaker(session: AsyncSession, account: LockedAccount) -> Room:
    """Nothing while the account is paused; one call for all campaigns while its breaker probes."""
    if account.paused_reason is None:
        return Room(account.max_lines)
    row = await session.get(BreakerRow, account.id) if account.paused_rule else None
    is_probing = row is not None and row.state == BreakerState.PROBING and row.probe_attempt_id is None
    return Room(1 if is_probing else 0, account.paused_reason)


_END_TICK = text(
    "update account set tokens = :tokens, last_tick_at = :now, waiting_reason = :why, paces = cast(:paces as jsonb) "
    "where id = :account"
)
