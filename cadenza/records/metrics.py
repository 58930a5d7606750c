"""The figures that a monitoring system watches. From the records alone, so they hold whichever process is asked."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.outcomes import OPEN_ATTEMPT_STATES
from cadenza.records.backpressure import BRIDGE_FRESH_SECONDS, room_on_bridges
from cadenza.records.caller_ids import CallerIdHealth, list_caller_ids


@dataclass(frozen=True)
class HeldBreaker:
    """A breaker that is not closed. `campaign_id` is None for the account's."""

    campaign_id: str | None
    rule: str
    state: str


@dataclass(frozen=True)
class Figures:
    """Ages in seconds; 0 where there is nothing that could have one. Dictionaries are by state, kind or rule."""

    campaigns: dict[str, int]
    leads: dict[str, int]
    """Of campaigns that are neither completed nor cancelled."""
    attempts_open: dict[str, int]
    max_lines: int
    tick_age: float
    oldest_due: float
    breakers: list[HeldBreaker]
    trips: dict[str, int]
    swept: dict[str, int]
    webhooks_undelivered: int
    webhooks_oldest: float
    bridges: dict[str, int]
    """serving, draining, deaf: its recogniser takes no sessions."""
    bridge_room: int
    caller_ids: list[CallerIdHealth]

    @property
    def lines_in_use(self) -> int:
        return sum(self.attempts_open.values())


async def read_figures(session: AsyncSession, account_id: str) -> Figures:
    """Everything at once; cheap enough for every few seconds."""
    campaigns = await _counts(session, "select state as name, count(*) as number from campaign group by 1")
    leads = await _counts(session, _LEADS)
    attempts = await _counts(session, _OPEN, account=account_id, states=[state.value for state in OPEN_ATTEMPT_STATES])
    trips = await _counts(session, _TRIPS)
    swept = await _counts(session, "select kind as name, count(*) as number from swept group by 1")
    bridges = await _counts(session, _BRIDGES, fresh=BRIDGE_FRESH_SECONDS)
    single = (await session.execute(text(_SINGLE), {"account": account_id})).mappings().one()
    held = await session.execute(
        text("select campaign_id, coalesce(rule, '') as rule, state from breaker where state <> 'closed' order by id")
    )
    return Figures(
        campaigns=campaigns,
        leads=leads,
        attempts_open=attempts,
        breakers=[HeldBreaker(**row) for row in held.mappings()],
        trips=trips,
        swept=swept,
        bridges=bridges,
        bridge_room=(await room_on_bridges(session)).calls,
        caller_ids=await list_caller_ids(session, account_id),
        **single,
    )


_LEADS = """
    select lead.state as name, count(*) as number from campaign join lead on lead.campaign_id = campaign.id
    where campaign.state in ('draft', 'preparing', 'running', 'paused') group by 1
    """
_OPEN = """
    select state as name, count(*) as number from attempt
    where account_id = :account and state = any(:states)
      and state in ('reserved', 'submitting', 'doubtful', 'placed', 'ringing', 'in_progress') group by 1
    """
_TRIPS = """
    select rule as name, count(*) as number from breaker_event where state = 'open' and rule is not null group by 1
    """
_BRIDGES = """
    select case when draining then 'draining' when listening_refusal is not null then 'deaf' else 'serving' end as name,
           count(*) as number
    from bridge_node where beat_at > now() - make_interval(secs => :fresh) group by 1
    """
_SINGLE = """
    select coalesce((select max_lines from account where id = :account), 0) as max_lines,
           coalesce((select extract(epoch from now() - last_tick_at)::float from account where id = :account), 0)
               as tick_age,
           coalesce((select extract(epoch from now() - min(first.due_at))::float
                     from campaign cross join lateral (
                         select due_at from lead where campaign_id = campaign.id and state in ('new', 'due')
                             and due_at <= now() and close_as is null order by due_at limit 1) as first
                     where campaign.state = 'running'), 0) as oldest_due,
           late.webhooks_undelivered, late.webhooks_oldest
    from (select count(*) as webhooks_undelivered,
                 coalesce(extract(epoch from now() - min(received_at))::float, 0) as webhooks_oldest
          from call_event where delivered_at is null) as late
    """


async def _counts(session: AsyncSession, query: str, **values: Any) -> dict[str, int]:
    rows = await session.execute(text(query), values)
    return {row.name: row.number for row in rows}
