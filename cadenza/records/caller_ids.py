"""Caller-ID pools in SQL: the numbers, how they do, and when they rest. `cadenza.domain.caller_ids` decides."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.caller_ids import (
    HEALTH_DAYS,
    REST_FOR_REFUSAL,
    CallerIdState,
    CallerNumber,
    NumberCalls,
    NumberPool,
    Pools,
    Rest,
    RestRule,
    needs_rest,
)
from cadenza.records.tables import Attempt, CallerIdRow


class CallerIdTaken(Exception):
    """The number is in a pool already."""


@dataclass(frozen=True)
class CallerIdHealth:
    """A number, how much it called in the last 24 hours, and what became of its calls. `rests`: now."""

    row: CallerIdRow
    calls_today: int
    calls: NumberCalls
    rests: bool

    @property
    def may_call(self) -> bool:
        return self.row.state == CallerIdState.ACTIVE and not self.rests


async def read_pools(session: AsyncSession, account_id: str) -> Pools:
    """All pools of the account, for one tick: one statement, however many leads and numbers there are."""
    rows = await session.execute(_POOLS, {"account": account_id})
    numbers: dict[str | None, list[CallerNumber]] = defaultdict(list)
    for row in rows:
        numbers[row.campaign_id].append(CallerNumber(row.phone, row.daily_cap, row.calls, row.may_call))
    shared = numbers.pop(None, None)
    return Pools(
        NumberPool(shared) if shared else None,
        {campaign: NumberPool(own) for campaign, own in numbers.items() if campaign is not None},
    )


async def list_caller_ids(session: AsyncSession, account_id: str) -> list[CallerIdHealth]:
    """Every number with its health, by pool: the shared one first."""
    rows = await session.execute(_HEALTH, {"account": account_id, "days": HEALTH_DAYS})
    return [_health(dict(row)) for row in rows.mappings()]


async def get_caller_id(session: AsyncSession, account_id: str, phone: str) -> CallerIdHealth | None:
    found = await list_caller_ids(session, account_id)
    return next((one for one in found if one.row.phone == phone), None)


async def add_caller_id(
    session: AsyncSession, account_id: str, phone: str, *, campaign_id: str | None, daily_cap: int
) -> None:
    """Into the campaign's pool, or into the shared one. Raises CallerIdTaken."""
    added = await session.execute(
        text(
            "insert into caller_id (phone, account_id, campaign_id, state, daily_cap, rest_reason) "
            "values (:phone, :account, :campaign, 'active', :cap, '') on conflict do nothing returning phone"
        ),
        {"phone": phone, "account": account_id, "campaign": campaign_id, "cap": daily_cap},
    )
    if added.first() is None:
        raise CallerIdTaken


async def change_caller_id(
    session: AsyncSession, account_id: str, phone: str, *, state: CallerIdState | None, daily_cap: int | None
) -> bool:
    """False if there is no such number. Who makes a number active ends its rest: what was before counts no more."""
    changed = await session.execute(
        text(
            """
            update caller_id set state = coalesce(cast(:state as text), state),
                   daily_cap = coalesce(cast(:cap as int), daily_cap),
                   counts_from = case when cast(:state as text) = 'active' then now() else counts_from end,
                   rests_until = case when cast(:state as text) = 'active' then null else rests_until end,
                   rest_rule = case when cast(:state as text) = 'active' then null else rest_rule end,
                   rest_reason = case when cast(:state as text) = 'active' then '' else rest_reason end
            where phone = :phone and account_id = :account returning phone
            """
        ),
        {"phone": phone, "account": account_id, "state": state.value if state else None, "cap": daily_cap},
    )
    return changed.first() is not None


async def remove_caller_id(session: AsyncSession, account_id: str, phone: str) -> bool:
    """Out of its pool, from the next tick on; what it called stays on record. False if there is no such number."""
    removed = await session.execute(
        text("delete from caller_id where phone = :phone and account_id = :account returning phone"),
        {"phone": phone, "account": account_id},
    )
    return removed.first() is not None


async def rest_refused_number(session: AsyncSession, attempt_id: str, code: int) -> bool:
    """The carrier refuses the number that the attempt was to show. True if it rests now, and others of its pool can
    go on calling: then nothing else needs to stop."""
    attempt = await session.get_one(Attempt, attempt_id)
    await _rest(
        session,
        attempt.from_number,
        Rest(RestRule.CARRIER_REFUSES, REST_FOR_REFUSAL, f"the carrier refuses this number (code {code})"),
    )
    others = await session.execute(
        text(
            """
            select 1 from caller_id as refused join caller_id as other
                on other.account_id = refused.account_id
                and other.campaign_id is not distinct from refused.campaign_id
            where refused.phone = :phone and other.state = 'active'
              and (other.rests_until is null or other.rests_until <= now()) limit 1
            """
        ),
        {"phone": attempt.from_number},
    )
    return others.first() is not None


async def judge_caller_ids(session: AsyncSession, account_id: str) -> list[tuple[str, Rest]]:
    """Let numbers rest that need it, by their pools; which and why. The last number of a pool that can call never
    rests for its health."""
    by_pool: dict[str | None, list[CallerIdHealth]] = defaultdict(list)
    for one in await list_caller_ids(session, account_id):
        if one.may_call:
            by_pool[one.row.campaign_id].append(one)
    rested = []
    for numbers in by_pool.values():
        for one in list(numbers):
            others = sum((other.calls for other in numbers if other is not one), NumberCalls())
            rest = needs_rest(one.calls, others)
            if rest is not None and len(numbers) > 1:
                numbers.remove(one)
                await _rest(session, one.row.phone, rest)
                rested.append((one.row.phone, rest))
    return rested


async def _rest(session: AsyncSession, phone: str, rest: Rest) -> None:
    await session.execute(
        text(
            "update caller_id set rests_until = now() + cast(:span as interval), "
            "counts_from = now() + cast(:span as interval), rest_rule = :rule, rest_reason = :reason "
            "where phone = :phone"
        ),
        {"phone": phone, "span": rest.span, "rule": rest.rule.value, "reason": rest.reason},
    )


def count_by_state(numbers: Iterable[CallerIdHealth]) -> dict[str, int]:
    """Numbers that are active, resting or paused."""
    counts: dict[str, int] = defaultdict(int)
    for one in numbers:
        counts["resting" if one.rests and one.row.state == CallerIdState.ACTIVE else one.row.state] += 1
    return dict(counts)


def _health(row: dict[str, Any]) -> CallerIdHealth:
    calls = NumberCalls(row.pop("made"), row.pop("answered"), row.pop("faults"))
    rests, today = row.pop("rests"), row.pop("calls_today")
    return CallerIdHealth(CallerIdRow(**row), today, calls, rests)


_DAY = "now() - interval '24 hours'"
_CALLED = f"""
    select count(*) as calls from attempt
    where attempt.from_number = caller_id.phone and attempt.reserved_at > {_DAY}
      and attempt.state not in ('refused', 'lapsed')
"""  # noqa: S608
_POOLS = text(
    f"""
    select phone, campaign_id, daily_cap, called.calls,
           state = 'active' and (rests_until is null or rests_until <= now()) as may_call
    from caller_id cross join lateral ({_CALLED}) as called
    where account_id = :account order by phone
    """  # noqa: S608
)
_HEALTH = text(
    f"""
    select caller_id.*, called.calls as calls_today, coalesce(rests_until > now(), false) as rests, health.*
    from caller_id cross join lateral ({_CALLED}) as called
    cross join lateral (
        select count(*) as made, count(*) filter (where tally in ('person', 'abandoned')) as answered,
               count(*) filter (where tally = 'carrier_fault') as faults
        from attempt where attempt.from_number = caller_id.phone and tally is not null
          and attempt.reserved_at > greatest(now() - make_interval(days => :days), caller_id.counts_from)
    ) as health
    where account_id = :account order by campaign_id nulls first, phone
    """  # noqa: S608
)
