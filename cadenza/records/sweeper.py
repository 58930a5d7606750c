"""The sweeper: leads that got stuck, against all design. It should never find anything; what it finds is an error.

Each kind is noted in `swept` (the metric counts its rows) and repaired by a path that cannot ring anybody twice: no
attempt is made here, and none is forgotten. What is not here has its own way back: a reservation lapses
(`admission`), a lead whose workflow is gone comes back when it is due, to be closed, or with its attempt (below), and
a webhook that was not delivered is delivered again (`api.delivery`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.gate import Gate
from cadenza.domain.outcomes import AttemptOutcome, LeadOutcome
from cadenza.records.finishing import FinishAttempt, finish_attempt
from cadenza.records.operation_tables import Swept
from cadenza.records.tick_start import Admission, announcement

OVERSLEPT_SECONDS = 120
GRACE_SECONDS = 900
"""After the longest that an attempt may take: a carrier that is away, or a Temporal, is given so much more."""
MOST_AT_ONCE = 50


class SweepKind(StrEnum):
    """In what way a lead was stuck, and what was done."""

    OVERSLEPT = "overslept"  # waiting past its time: due
    WITHOUT_TIME = "without_time"  # due, at no instant: due now. Waiting for none: decided again
    WITHOUT_ATTEMPT = "without_attempt"  # calling, and no attempt under way: decided again from its last attempt
    UNFOLLOWED = "unfollowed"  # an attempt that should have ended long ago: its workflow is told (begun) again
    NOT_CLOSED = "not_closed"  # of a cancelled campaign, and never asked to close: asked
    LEFT_BEHIND = "left_behind"  # of a completed campaign, without an outcome: the campaign runs again


@dataclass(frozen=True)
class Found:
    kind: SweepKind
    lead_id: str
    attempt_id: str | None = None


@dataclass(frozen=True)
class Sweep:
    """What was found. The caller commits, then tells the workflows of `announce` (`admission.mark_announced`)."""

    found: list[Found] = field(default_factory=list)
    announce: list[Admission] = field(default_factory=list)


async def sweep(session: AsyncSession, account_id: str, gate: Gate) -> Sweep:
    """Look for every kind once, and repair what is found. One sweeper of an account works at a time."""
    await session.execute(text("select 1 from account where id = :id for update"), {"id": account_id})
    unfollowed = await _unfollowed(session, account_id)
    found = [Found(SweepKind.UNFOLLOWED, one.lead_id, one.message.attempt_id) for one in unfollowed]
    found += await _decided_again(session, account_id, gate)
    for kind, statement in _REPAIRS.items():
        values = {"account": account_id, "most": MOST_AT_ONCE, **_VALUES.get(kind, {})}
        rows = await session.execute(text(statement), values)
        found += [Found(kind, lead_id) for lead_id in rows.scalars()]
    session.add_all(Swept(kind=one.kind.value, lead_id=one.lead_id, attempt_id=one.attempt_id) for one in found)
    await session.flush()
    return Sweep(found, unfollowed)


_REPAIRS = {
    SweepKind.OVERSLEPT: """
        update lead set state = 'due' where id in (
            select lead.id from lead join campaign on campaign.id = lead.campaign_id
            where lead.state = 'waiting' and lead.due_at < now() - make_interval(secs => :late)
              and campaign.account_id = :account
            limit :most for update of lead skip locked)
        returning id
        """,
    SweepKind.WITHOUT_TIME: """
        update lead set due_at = now() where id in (
            select lead.id from campaign join lead on lead.campaign_id = campaign.id
            where campaign.account_id = :account and lead.state in ('new', 'due')
              and lead.is_callback = any('{true,false}') and lead.due_at is null
            limit :most for update of lead skip locked)
        returning id
        """,
    SweepKind.NOT_CLOSED: """
        update lead set close_as = :cancelled where id in (
            select lead.id from campaign join lead on lead.campaign_id = campaign.id
            where campaign.account_id = :account and campaign.state = 'cancelled'
              and lead.state in ('new', 'due', 'calling', 'waiting') and lead.close_as is null
            limit :most for update of lead skip locked)
        returning id
        """,
    SweepKind.LEFT_BEHIND: """
        with behind as (
            select lead.id, lead.campaign_id from campaign join lead on lead.campaign_id = campaign.id
            where campaign.account_id = :account and campaign.state = 'completed'
              and lead.state in ('new', 'due', 'calling', 'waiting')
            limit :most),
        again as (
            update campaign set state = 'running', state_reason = '', ended_at = null
            where id in (select campaign_id from behind) and state = 'completed' returning id)
        select behind.id from behind join again on again.id = behind.campaign_id
        """,
}
_VALUES: dict[SweepKind, dict[str, Any]] = {
    SweepKind.OVERSLEPT: {"late": OVERSLEPT_SECONDS},
    SweepKind.NOT_CLOSED: {"cancelled": LeadOutcome.CANCELLED.value},
}


async def _unfollowed(session: AsyncSession, account_id: str) -> list[Admission]:
    """Attempts that should have ended long ago, and those that the carrier or a gate refused and nobody recorded.

    Told again, the workflow finds the call, or that there is none, and ends the attempt: it never places it again.
    """
    rows = await session.execute(
        text(
            """
            with stuck as (
                select * from attempt where account_id = :account
                  and state in ('submitting', 'doubtful', 'placed', 'ringing', 'in_progress')
                union all
                select * from attempt where account_id = :account and state = 'refused' and outcome is null)
            select stuck.id, stuck.number, stuck.leaves_voicemail, stuck.campaign_id, stuck.lead_id, campaign.policy
            from stuck join campaign on campaign.id = stuck.campaign_id
            where coalesce(stuck.announced_at, stuck.reserved_at) < now() - make_interval(secs => :grace
                + (campaign.policy->>'ring_seconds')::int + (campaign.policy->>'max_call_seconds')::int
                + case when campaign.policy->'transfer_targets'->0 is null then 0
                       else (campaign.policy->>'max_transfer_seconds')::int end)
            order by stuck.reserved_at limit :most
            """
        ),
        {"account": account_id, "grace": GRACE_SECONDS, "most": MOST_AT_ONCE},
    )
    return [announcement(row) for row in rows.mappings()]


async def _decided_again(session: AsyncSession, account_id: str, gate: Gate) -> list[Found]:
    """Leads that nothing moves any more, though their attempts are over: what comes next is decided once more."""
    rows = (
        await session.execute(
            text(
                """
                select lead.id, lead.state, last.id as attempt_id, last.outcome
                from (select lead.id, lead.campaign_id, lead.state from campaign join lead on campaign_id = campaign.id
                      where lead.state = 'calling' and campaign.account_id = :account
                      union all
                      select id, campaign_id, state from lead where state = 'waiting' and due_at is null) as lead
                join campaign on campaign.id = lead.campaign_id
                left join lateral (
                    select id, outcome, coalesce(ended_at, reserved_at) as at from attempt
                    where lead_id = lead.id order by number desc limit 1) as last on true
                where campaign.account_id = :account
                  and (last.id is null or last.outcome is not null and last.at < now() - make_interval(secs => :grace))
                limit :most
                """
            ),
            {"account": account_id, "grace": GRACE_SECONDS, "most": MOST_AT_ONCE},
        )
    ).all()
    await _due_now(session, [row.id for row in rows if row.attempt_id is None])
    for row in rows:
        if row.attempt_id is not None:
            finish = FinishAttempt(attempt_id=row.attempt_id, outcome=AttemptOutcome(row.outcome))
            await finish_attempt(session, finish, gate)
    kinds = {"calling": SweepKind.WITHOUT_ATTEMPT, "waiting": SweepKind.WITHOUT_TIME}
    return [Found(kinds[row.state], row.id, row.attempt_id) for row in rows]


async def _due_now(session: AsyncSession, lead_ids: Sequence[str]) -> None:
    """Leads that were never called: nothing is to be waited for."""
    if lead_ids:
        await session.execute(
            text("update lead set state = 'due', due_at = now() where id = any(:ids)"), {"ids": list(lead_ids)}
        )
