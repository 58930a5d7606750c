"""Whose turn it is: due leads in the order of admission, each asked at the gate; a reserved attempt for those who pass,
and another time, a hold or an end for those who do not.

Read and written for all candidates at once. At night most of them are refused, and who may be called stands behind
them: then the next ones are looked at, for as long as a tick has.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.caller_ids import NumberPool, Pools
from cadenza.domain.closing import outcome_for
from cadenza.domain.gate import Gate, GateDecision, GateFacts
from cadenza.domain.gate_question import FOR_A_PERSON, SWITCHES
from cadenza.domain.identifiers import attempt_id
from cadenza.domain.pacing import Paces
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.retry import attempts_made, leaves_voicemail
from cadenza.records.audit import note_decisions
from cadenza.records.breakers import note_probe
from cadenza.records.gate_facts import policy_of, read_gate_facts, store_refusals
from cadenza.records.held_leads import ASKED_AGAIN_AFTER
from cadenza.records.history import read_histories
from cadenza.records.tick_start import Admission, LockedAccount, message_of

CANDIDATES_PER_CAMPAIGN = 20
CANDIDATES_AFTER_REFUSALS = 100
ASKED_AT_ONCE = 20
ASKED_AFTER_REFUSALS = 50
"""Facts are read of so many leads at a time; the others of a tick are only looked at if these are not enough. A whole
campaign that is asleep is moved to its morning in large steps."""
REFUSING_SECONDS = 0.02
"""Candidates are looked at for about so long, in whole rounds: the next tick goes on."""

_DUE = text(
    """
    select campaign.id, campaign.caller_id, breaker.state = 'probing' as is_probing, breaker.probe_attempt_id,
           case when campaign.id = any(:known) then null else cast(campaign.policy as text) end as policy, due.*
    from campaign
    left join breaker on breaker.id = campaign.id
    cross join lateral (
        select array_agg(turn.id order by turn.is_callback desc, turn.due_at, turn.id) as leads,
               array_agg(turn.phone order by turn.is_callback desc, turn.due_at, turn.id) as phones,
               array_agg(turn.is_callback order by turn.is_callback desc, turn.due_at, turn.id) as callbacks,
               array_agg(turn.due_at order by turn.is_callback desc, turn.due_at, turn.id) as due_ats
        from (values (true), (false)) as kind(is_callback)
        cross join lateral (
            select id, phone, is_callback, due_at from lead
            where lead.campaign_id = campaign.id and lead.state in ('new', 'due') and lead.due_at <= now()
              and lead.is_callback = kind.is_callback and lead.close_as is null
            order by due_at, id limit :limit) as turn) as due
    where campaign.account_id = :account and campaign.state = 'running' and due.leads is not null
    order by campaign.id
    """
)
"""Two scans of one index for each campaign: one scan for both kinds would walk over all leads that are due later. A row
for each campaign, and its policy once a tick."""

_LOCK = text(
    """
    select id, exists (
        select 1 from attempt where attempt.phone = lead.phone
          and attempt.state in ('reserved', 'submitting', 'doubtful', 'placed', 'ringing', 'in_progress')) as is_rung,
        (select from_number from attempt where attempt.lead_id = lead.id and attempt.state not in ('refused', 'lapsed')
         order by number desc limit 1) as seen_before
    from lead where id = any(:ids) and state in ('new', 'due') and close_as is null
    order by id for update of lead skip locked
    """
)
"""`is_rung`: the number is being called, for whichever campaign. `seen_before`: our number that the lead saw last."""


@dataclass(frozen=True, slots=True)
class _Caller:
    """A running campaign that has leads due."""

    id: str
    policy: CampaignPolicy
    caller_id: str
    is_probing: bool
    probe_attempt_id: str | None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A lead that is due."""

    id: str
    phone: str
    is_callback: bool
    due_at: datetime
    campaign: _Caller


@dataclass(frozen=True)
class _Refused:
    lead_id: str
    decision: GateDecision
    facts: GateFacts


@dataclass(frozen=True)
class TickLimits:
    """What a tick may use, kept up to date: lines in use by campaign, caller IDs, and campaigns' own rates."""

    lines: Counter[str]
    pools: Pools
    paces: Paces


_Queues = dict[str, deque[_Candidate]]
"""Candidates by campaign, each campaign's in the order of turns."""


class Turns:
    """One tick's reservations. `waiting_reason` is why a campaign was passed over although lines were free; `refused`
    is how many leads the gate refused."""

    def __init__(self, session: AsyncSession, account: LockedAccount, gate: Gate, limits: TickLimits) -> None:
        self._session = session
        self._account_id = account.id
        self._account_caller_id = account.caller_id
        self._gate = gate
        self._lines = limits.lines
        self._limits = limits
        self._now = account.now
        self._from_numbers: dict[str, str] = {}
        self.waiting_reason = ""
        self.refused = 0
        self._policies: dict[str, CampaignPolicy] = {}
        self._probing: set[str] = set()

    async def take(self, wanted: int) -> list[Admission]:
        """Reserve up to `wanted` attempts, fairly. Who is refused is postponed, held or closed; it is stored why."""
        reserved: list[Admission] = []
        give_up_at = time.monotonic() + REFUSING_SECONDS
        most, at_once = max(CANDIDATES_PER_CAMPAIGN, wanted), max(ASKED_AT_ONCE, wanted)
        goes_on, are_refused = True, False
        while goes_on:
            queues, goes_on = await self._queues(most), False
            while len(reserved) < wanted and (candidates := self._next_of(queues, at_once, spares=are_refused)):
                asked_at = time.monotonic()
                passed, refused = await self._asked(candidates, wanted - len(reserved))
                reserved += await self._reserve(passed)
                await self._postpone(refused)
                if refused:
                    goes_on = are_refused = True
                    at_once = max(ASKED_AFTER_REFUSALS, wanted)
                now = time.monotonic()
                if now + (now - asked_at) / 2 > give_up_at:
                    return reserved
            goes_on = goes_on and len(reserved) < wanted
            most = max(CANDIDATES_AFTER_REFUSALS, wanted)
        return reserved

    async def _queues(self, most: int) -> _Queues:
        """Who is due."""
        values = {"account": self._account_id, "limit": most, "known": list(self._policies)}
        queues: _Queues = {}
        for row in await self._session.execute(_DUE, values):
            if row.policy is not None:
                self._policies[row.id] = policy_of(row.policy)
            policy = self._policies[row.id]
            caller = _Caller(row.id, policy, row.caller_id, bool(row.is_probing), row.probe_attempt_id)
            leads = zip(row.leads, row.phones, row.callbacks, row.due_ats, strict=True)
            queues[row.id] = deque(_Candidate(*lead, caller) for lead in leads)
        return queues

    def _next_of(self, queues: _Queues, most: int, *, spares: bool) -> list[_Candidate]:
        """Take those whose turn it is from the queues, as if all of them were to be called.

        `spares`: where some were refused, a campaign that may make one more call gives more than one candidate for it.
        Else one that sleeps, with a slow rate or a line left, would be moved to its morning lead by lead.
        """
        lines = self._lines.copy()
        taken: list[_Candidate] = []
        while len(taken) < most and (first := self._first(queues, lines)) is not None:
            if not self._may_call(first.campaign, self._lines if spares else lines):
                del queues[first.campaign.id]
                continue
            taken.append(queues[first.campaign.id].popleft())
            lines[first.campaign.id] += 1
        return taken

    async def _asked(self, candidates: Sequence[_Candidate], wanted: int) -> tuple[list[_Candidate], list[_Refused]]:
        """Who passes the gate in the order of turns, and who is refused on the way there."""
        ids = [one.id for one in candidates]
        still_due = {row.id: row for row in await self._session.execute(_LOCK, {"ids": ids})}
        if not still_due:
            return [], []
        facts = await read_gate_facts(self._session, list(still_due), self._gate)
        ringing = {one.phone for one in candidates if one.id in still_due and still_due[one.id].is_rung}
        passed: list[_Candidate] = []
        refused: list[_Refused] = []
        waiting = _by_campaign(one for one in candidates if one.id in still_due)
        while len(passed) < wanted and (one := self._first(waiting, self._lines)) is not None:
            campaign = one.campaign
            waiting[campaign.id].popleft()
            if one.phone in ringing:
                continue  # the same number is being called for another campaign
            if not self._may_call(campaign, self._lines):
                del waiting[campaign.id]  # it has its lines
                continue
            decision = self._gate.check(facts[one.id], self._now)
            if not decision.allowed:
                refused.append(_Refused(one.id, decision, facts[one.id]))
                continue
            passed.append(one)
            if campaign.is_probing:
                self._probing.add(campaign.id)
            self._from_numbers[one.id] = self._choose_number(one, still_due[one.id].seen_before)
            self._lines[campaign.id] += 1
            self._limits.paces.take(campaign.id)
            ringing.add(one.phone)
        self.refused += len(refused)
        return passed, refused

    def _first(self, queues: _Queues, lines: Counter[str]) -> _Candidate | None:
        """Whose turn it is: of the campaigns' firsts, since within a campaign the order stands."""
        firsts = (queue[0] for queue in queues.values() if queue)
        return min(firsts, key=lambda one: self._turn(one, lines), default=None)

    def _turn(self, one: _Candidate, lines: Counter[str]) -> tuple[bool, int, int, datetime]:
        return (not one.is_callback, one.campaign.policy.priority, lines[one.campaign.id], one.due_at)

    def _may_call(self, campaign: _Caller, lines: Counter[str]) -> bool:
        """False if it has all its lines, its calls per second or its caller IDs, or probes with another call. `lines`
        may count calls that are only thought of."""
        policy = campaign.policy
        if policy.max_lines is not None and lines[campaign.id] >= policy.max_lines:
            return False
        if policy.calls_per_second is not None:
            thought_of = lines[campaign.id] - self._lines[campaign.id]
            if self._limits.paces.left(campaign.id, policy.calls_per_second) - thought_of < 1:
                return False
        pool = self._pool(campaign)
        if pool is not None and not pool.has_room:
            self.waiting_reason = pool.why_not
            return False
        return not (campaign.is_probing and (campaign.probe_attempt_id is not None or campaign.id in self._probing))

    def _pool(self, campaign: _Caller) -> NumberPool | None:
        return self._limits.pools.pool_of(campaign.id, uses_shared=campaign.caller_id in ("", self._account_caller_id))

    def _choose_number(self, one: _Candidate, seen_before: str | None) -> str:
        pool = self._pool(one.campaign)
        chosen = pool.take(one.phone, seen_before or "") if pool else None
        return chosen or one.campaign.caller_id

    async def _reserve(self, passed: Sequence[_Candidate]) -> list[Admission]:
        """An attempt for each, with its lease; the leads are being called from now on."""
        if not passed:
            return []
        histories, numbers = await read_histories(self._session, [one.id for one in passed])
        inserts, reserved = [], []
        for one in passed:
            policy, history, number = one.campaign.policy, histories[one.id], numbers[one.id]
            leaves, new_id = leaves_voicemail(history, policy), attempt_id(one.id, number)
            inserts.append(
                {"id": new_id, "lead_id": one.id, "campaign_id": one.campaign.id, "number": number, "phone": one.phone,
                 "from_number": self._from_numbers[one.id], "leaves": leaves, "lease": policy.lease_seconds,
                 "step": f"attempt {attempts_made(history, policy) + 1} is under way"}
            )  # fmt: skip
            message = message_of(new_id, number, leaves, policy)
            reserved.append(Admission(one.campaign.id, one.id, message))
            if one.campaign.is_probing:
                await note_probe(self._session, one.campaign.id, new_id)
        await self._session.execute(_RESERVE, {"account": self._account_id, "rows": _json(inserts)})
        allowed = ((one.lead_id, one.message.attempt_id, self._gate.allowed) for one in reserved)
        await note_decisions(self._session, "admission", allowed)
        return reserved

    async def _postpone(self, refused: Sequence[_Refused]) -> None:
        """Not now: another time, held for a person, or to be closed; and the refusals are stored."""
        if not refused:
            return
        await store_refusals(self._session, "admission", [(one.lead_id, one.decision) for one in refused])
        rows = [self._postponed(one) for one in refused]
        await self._session.execute(_POSTPONE, {"rows": _json(rows)})

    def _postponed(self, one: _Refused) -> dict[str, str | None]:
        decision, rule = one.decision, one.decision.rule
        row: dict[str, str | None] = {
            "id": one.lead_id, "step": f"call: {decision.reason}", "close_as": None, "held": None, "reason": ""
        }  # fmt: skip
        if decision.is_final:
            return row | {"close_as": outcome_for(rule).value, "reason": decision.reason, "due_at": None}
        if decision.next_at is not None:
            return row | {"due_at": decision.next_at.isoformat()}
        if rule in SWITCHES:
            return row | {"due_at": None}  # paused since this tick looked: due as before when it goes on
        later = (self._now + ASKED_AGAIN_AFTER).isoformat()
        if rule in FOR_A_PERSON:
            return row | {"held": rule.value, "due_at": later, "step": f"held: {decision.reason}"}
        # What a person must do only matters from the next opening on: a register's copy grows too old before it.
        opens = self._gate.next_planned(one.facts, self._now)
        return row | {"due_at": opens.isoformat() if opens and opens > self._now else later}


def _by_campaign(candidates: Iterable[_Candidate]) -> _Queues:
    queues: _Queues = {}
    for one in candidates:
        queues.setdefault(one.campaign.id, deque()).append(one)
    return queues


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


_RESERVE = text(
    """
    with new as materialized (
        select * from jsonb_to_recordset(cast(:rows as jsonb)) as new (
            id text, lead_id text, campaign_id text, number int, phone text, from_number text, leaves boolean,
            lease float, step text)),
    reserved as (
        insert into attempt (id, lead_id, campaign_id, account_id, number, phone, from_number, state,
                             leaves_voicemail, lease_until, sequence, outcome_reason, conversation_over,
                             disclosure_heard, listening_seconds, tokens, characters_spoken)
        select id, lead_id, campaign_id, :account, number, phone, from_number, 'reserved', leaves,
               now() + make_interval(secs => lease), -1, '', false, false, 0, 0, 0
        from new)
    update lead set state = 'calling', workflow_started = true, next_step = step, held_rule = null
    from new where lead.id = new.lead_id
    """
)
_POSTPONE = text(
    """
    update lead set due_at = coalesce(new.due_at, lead.due_at), next_step = step, held_rule = held,
           close_as = coalesce(lead.close_as, new.close_as),
           outcome_reason = case when new.close_as is null then lead.outcome_reason else reason end
    from jsonb_to_recordset(cast(:rows as jsonb)) as new (
        id text, due_at timestamptz, step text, held text, close_as text, reason text)
    where lead.id = new.id
    """
)
