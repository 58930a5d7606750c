"""Circuit breakers in SQL: what they count, the rows they change, and the hands that reset them.

`cadenza.domain.breakers` decides. Rows are locked in one order everywhere: account, breaker, campaign.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.breakers import (
    Breaker,
    BreakerLimits,
    BreakerRule,
    BreakerState,
    Counts,
    ProbeResult,
    Trip,
    Watched,
    advance_all,
    opened,
)
from cadenza.domain.outcomes import AttemptState, CampaignState
from cadenza.domain.reporting import HUMAN
from cadenza.domain.tally import Tally
from cadenza.records.database import lock_one, lock_row
from cadenza.records.gate_facts import database_now
from cadenza.records.operation_tables import BreakerEvent, BreakerRow
from cadenza.records.tables import Account, Attempt

_HELD_BY_HAND = Breaker(BreakerState.OPEN)
_RANG = frozenset({AttemptState.RINGING, AttemptState.IN_PROGRESS})


@dataclass(frozen=True)
class BreakerChange:
    """A breaker went to another state. `campaign_id` is None for the account's."""

    account_id: str
    campaign_id: str | None
    breaker: Breaker


async def read_breaker(session: AsyncSession, breaker_id: str) -> Breaker:
    """The breaker of a campaign or an account, by its id."""
    return _breaker(await session.get(BreakerRow, breaker_id))


async def check_breakers(session: AsyncSession, account_id: str) -> list[BreakerChange]:
    """Judge every breaker of the account by what ended lately, and carry out what changes."""
    account = await lock_row(session, Account, account_id)
    if account is None:
        return []
    rows = await _rows(session, account_id)
    now = await database_now(session)
    campaigns = await _campaigns(session, account_id, rows)
    counts = await _counts(session, campaigns, rows, account_id, now)
    probes = await _probes(session, rows.values())
    own_limits = BreakerLimits.model_validate(account.breakers)
    own, after = advance_all(
        Watched(_of_account(account, rows), own_limits, probe=probes.get(account_id)),
        {
            key: Watched(_breaker(rows.get(key)), limits, counts[key], probes.get(key))
            for key, limits in campaigns.items()
        },
        now,
    )
    changes = []
    for key, breaker in after.items():
        was = _breaker(rows.get(key))
        if breaker != was and await _change_campaign(session, key, was, breaker):
            await _store(session, rows.get(key) or BreakerRow(id=key, account_id=account_id, campaign_id=key), breaker)
            changes.append(BreakerChange(account_id, key, breaker))
    if own != _of_account(account, rows):
        await _change_account(session, account, rows.get(account_id), own)
        changes.append(BreakerChange(account_id, None, own))
    for key, result in probes.items():
        if result is ProbeResult.VOID:
            rows[key].probe_attempt_id = None
            session.add(rows[key])
    await session.flush()
    return changes


async def trip_for(session: AsyncSession, attempt_id: str, trip: Trip, *, whole_account: bool) -> None:
    """What the carrier said of one attempt goes for all like it: stop the account, or the attempt's campaign.

    What a person paused stays as it is: its first reason stands.
    """
    attempt = await session.get_one(Attempt, attempt_id)
    account = await lock_one(session, Account, attempt.account_id)
    rows = await _rows(session, account.id)
    breaker = opened(trip, await database_now(session))
    if whole_account:
        if account.paused_reason is None or account.paused_rule == BreakerRule.CARRIER_FAULTS:
            await _change_account(session, account, rows.get(account.id), breaker)
        return
    key = attempt.campaign_id
    was = _breaker(rows.get(key))
    is_ours = was.state is BreakerState.CLOSED or was.probe_at is not None
    if is_ours and await _change_campaign(session, key, was, breaker):
        await _store(session, rows.get(key) or BreakerRow(id=key, account_id=account.id, campaign_id=key), breaker)


async def hold_by_hand(session: AsyncSession, breaker_id: str) -> None:
    """A person pauses what its breaker has stopped already: no probe starts it again."""
    await session.execute(
        text(
            "update breaker set state = 'open', probe_at = null, probe_attempt_id = null "
            "where id = :id and state <> 'closed'"
        ),
        {"id": breaker_id},
    )


async def reset_by_hand(session: AsyncSession, breaker_id: str) -> None:
    """A person resumes: closed, and what ended before counts no more."""
    reset = await session.execute(
        text(
            """
            update breaker set state = 'closed', rule = null, reason = '', since = now(), probe_at = null,
                   failed_probes = 0, probe_attempt_id = null, reset_at = now()
            where id = :id and state <> 'closed' returning id
            """
        ),
        {"id": breaker_id},
    )
    if reset.first() is not None:
        await session.execute(
            text("update campaign set state_reason = '' where id = :id and state = 'running'"), {"id": breaker_id}
        )
        session.add(BreakerEvent(breaker_id=breaker_id, state=BreakerState.CLOSED.value, reason="resumed by a person"))
        await session.flush()


async def note_probe(session: AsyncSession, breaker_id: str, attempt_id: str) -> None:
    """This attempt is the one call that is let through."""
    await session.execute(
        text("update breaker set probe_attempt_id = :attempt where id = :id and state = 'probing'"),
        {"id": breaker_id, "attempt": attempt_id},
    )


async def _rows(session: AsyncSession, account_id: str) -> dict[str, BreakerRow]:
    query = select(BreakerRow).where(col(BreakerRow.account_id) == account_id).order_by(col(BreakerRow.id))
    return {
        row.id: row
        for row in await session.exec(query.with_for_update(), execution_options={"populate_existing": True})
    }


async def _campaigns(
    session: AsyncSession, account_id: str, rows: Mapping[str, BreakerRow]
) -> dict[str, BreakerLimits]:
    """Limits of the campaigns that call, and of those that their breakers have stopped."""
    found = await session.execute(
        text(
            "select id, state, coalesce(policy -> 'breakers', '{}'::jsonb) as limits from campaign "
            "where account_id = :account and state in ('running', 'paused')"
        ),
        {"account": account_id},
    )
    return {
        row.id: BreakerLimits.model_validate(row.limits)
        for row in found
        if row.state == CampaignState.RUNNING or _breaker(rows.get(row.id)).state is BreakerState.OPEN
    }


async def _counts(
    session: AsyncSession,
    campaigns: Mapping[str, BreakerLimits],
    rows: Mapping[str, BreakerRow],
    account_id: str,
    now: datetime,
) -> dict[str, Counts]:
    """By campaign. What ended before a person's resume counts in no rule, before a probe's success not as a fault."""
    if not campaigns:
        return {}
    watched = []
    for key, limits in campaigns.items():
        both = [rows[one] for one in (key, account_id) if one in rows]
        resets = [row.reset_at for row in both if row.reset_at is not None]
        recoveries = [row.recovered_at for row in both if row.recovered_at is not None]
        watched.append(
            (
                key,
                _since(now, limits.carrier_fault_seconds, resets + recoveries),
                _since(now, limits.abandoned_days * 86400, resets),
                _since(now, limits.abandoned_burst_seconds, resets),
                limits.opt_out_talks,
            )
        )
    ids, faults, persons, burst, talks = (list(column) for column in zip(*watched, strict=True))
    human = [outcome.value for outcome in HUMAN]
    found = await session.execute(
        _COUNT, {"ids": ids, "faults": faults, "persons": persons, "burst": burst, "talks": talks, "human": human}
    )
    return {row.pop("id"): Counts(**row) for row in map(dict, found.mappings())}


def _since(now: datetime, seconds: int, resets: Iterable[datetime]) -> datetime:
    return max([now - timedelta(seconds=seconds), *resets])


_COUNT = text(
    """
    select watched.id, failing.*, answered.*, talked.*
    from unnest(cast(:ids as text[]), cast(:faults as timestamptz[]), cast(:persons as timestamptz[]),
                cast(:burst as timestamptz[]), cast(:talks as int[])) as watched (id, faults, persons, burst, talks)
    cross join lateral (
        select count(*) as ended, count(*) filter (where tally = 'carrier_fault') as carrier_faults
        from attempt where campaign_id = watched.id and tally is not null and ended_at > watched.faults) as failing
    cross join lateral (
        select count(*) as persons, count(*) filter (where tally = 'abandoned') as abandoned,
               count(*) filter (where ended_at > watched.burst) as burst_persons,
               count(*) filter (where ended_at > watched.burst and tally = 'abandoned') as burst_abandoned
        from attempt where campaign_id = watched.id and tally in ('person', 'abandoned')
                       and ended_at > watched.persons) as answered
    cross join lateral (
        select count(*) as talks, count(*) filter (where outcome = 'opted_out') as opt_outs
        from (select outcome from attempt
              where campaign_id = watched.id and tally in ('person', 'abandoned') and outcome = any(:human)
                and ended_at > watched.persons
              order by ended_at desc limit watched.talks) as latest) as talked
    """
)


async def _probes(session: AsyncSession, rows: Iterable[BreakerRow]) -> dict[str, ProbeResult]:
    """What became of the probes, by breaker; those still under way are left out."""
    asked = {row.probe_attempt_id: row.id for row in rows if row.probe_attempt_id is not None}
    found = await session.exec(select(Attempt).where(col(Attempt.id).in_(list(asked)))) if asked else ()
    results = {asked[attempt.id]: _probe_result(attempt) for attempt in found}
    return {key: result for key, result in results.items() if result is not None}


def _probe_result(attempt: Attempt) -> ProbeResult | None:
    if attempt.outcome is None:
        return ProbeResult.PASSED if attempt.state in _RANG else None
    if attempt.tally is None:
        return ProbeResult.VOID
    return ProbeResult.FAILED if attempt.tally == Tally.CARRIER_FAULT else ProbeResult.PASSED


def _breaker(row: BreakerRow | None) -> Breaker:
    if row is None:
        return Breaker()
    return Breaker(
        state=BreakerState(row.state),
        rule=BreakerRule(row.rule) if row.rule else None,
        reason=row.reason,
        since=row.since,
        probe_at=row.probe_at,
        failed_probes=row.failed_probes,
    )


def _of_account(account: Account, rows: Mapping[str, BreakerRow]) -> Breaker:
    """A pause by a person is judged by no rule."""
    by_hand = account.paused_reason is not None and account.paused_rule is None
    return _HELD_BY_HAND if by_hand else _breaker(rows.get(account.id))


async def _change_campaign(session: AsyncSession, campaign_id: str, was: Breaker, breaker: Breaker) -> bool:
    """False if a person was faster: the campaign is no longer in the state that its breaker left it in."""
    before = CampaignState.PAUSED if was.state is BreakerState.OPEN else CampaignState.RUNNING
    state, reason = {
        BreakerState.OPEN: (CampaignState.PAUSED, breaker.reason),
        BreakerState.PROBING: (CampaignState.RUNNING, f"one call to see: {breaker.reason}"),
        BreakerState.CLOSED: (CampaignState.RUNNING, ""),
    }[breaker.state]
    moved = await session.execute(
        text(
            "update campaign set state = :state, state_reason = :reason, paused_rule = :rule "
            "where id = :id and state = :before returning id"
        ),
        {
            "id": campaign_id,
            "state": state.value,
            "reason": reason,
            "rule": breaker.rule if breaker.state is BreakerState.OPEN else None,
            "before": before.value,
        },
    )
    return moved.first() is not None


async def _change_account(session: AsyncSession, account: Account, row: BreakerRow | None, breaker: Breaker) -> None:
    if breaker.state is BreakerState.CLOSED:
        account.paused_reason = None
        account.tokens = min(account.tokens, 1.0)  # what the pause held back is not made up for in a burst
    else:
        is_probing = breaker.state is BreakerState.PROBING
        account.paused_reason = f"one call to see: {breaker.reason}" if is_probing else breaker.reason
    account.paused_rule = breaker.rule
    session.add(account)
    await _store(session, row or BreakerRow(id=account.id, account_id=account.id), breaker)


async def _store(session: AsyncSession, row: BreakerRow, breaker: Breaker) -> None:
    row.state, row.rule, row.reason = breaker.state.value, breaker.rule, breaker.reason
    row.since, row.probe_at, row.failed_probes = breaker.since, breaker.probe_at, breaker.failed_probes
    row.probe_attempt_id = None
    if breaker.state is BreakerState.CLOSED:
        row.recovered_at = breaker.since
    session.add(row)
    session.add(BreakerEvent(breaker_id=row.id, state=row.state, rule=breaker.rule, reason=breaker.reason))
    await session.flush()
