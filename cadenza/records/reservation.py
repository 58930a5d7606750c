"""Whose turn it is: due leads in the order of admission, each asked at the gate; a reserved attempt for those who pass,
and another time, a hold or an end for those who do not.

Read and written for all candidates at once. At night most of them are refused, and who may be called stands behind
them: then the next ones are looked at, for as long as a tick has.
"""

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cadenza.domain.caller_ids import NumberPool, Pools
from cadenza.domain.closing import outcome_for
from cadenza.domain.gate import ALLOWED, Gate, GateDecision, GateFacts
from cadenza.domain.gate_question import FOR_A_PERSON
from cadenza.domain.identifiers import attempt_id
from cadenza.domain.messages import AttemptAdmitted
from cadenza.domain.pacing import Paces
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.retry import attempts_made, leaves_voicemail
from cadenza.records.audit import note_decisions
from cadenza.records.breakers import note_probe
from cadenza.records.gate_facts import read_gate_facts, store_refusals
from cadenza.records.held_leads import ASKED_AGAIN_AFTER
from cadenza.records.history import read_histories
from cadenza.records.tables import Account

CANDIDATES_PER_CAMPAIGN = 20
CANDIDATES_AFTER_REFUSALS = 100
ASKED_AT_ONCE = 20
ASKED_AFTER_REFUSALS = 50
"""Facts are read of so many leads at a time; the others of a tick are only looked at if these are not enough. A whole
campaign that is asleep is moved to its morning in large steps."""
REFUSING_SECONDS = 0.02
"""No further candidates are looked at after this long: the next tick goes on."""

_DUE = text(
    """
    select due.*, campaign.caller_id, breaker.state = 'probing' as is_probing, breaker.probe_attempt_id
    from campaign
    left join breaker on breaker.id = campaign.id
    cross join (values (true), (false)) as kind(is_callback)
    cross join lateral (
        select id, campaign_id, phone, is_callback, due_at from lead
        where lead.campaign_id = campaign.id and lead.state in ('new', 'due') and lead.due_at <= now()
          and lead.is_callback = kind.is_callback and lead.close_as is null
        order by due_at, id limit :limit) as due
    where campaign.account_id = :account and campaign.state = 'running'
    order by due.is_callback desc, due.due_at, due.id
    """
)
"""Two scans of one index for each campaign: one scan for both kinds would walk over all leads that are due later."""

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


@dataclass(frozen=True)
class Admission:
    """An attempt that was reserved, and what its workflow is to be told."""

    campaign_id: str
    lead_id: str
    message: AttemptAdmitted


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


class Turns:
    """One tick's reservations. `waiting_reason` is why a campaign was passed over although lines were free."""

    def __init__(self, session: AsyncSession, account: Account, gate: Gate, limits: TickLimits, now: datetime) -> None:
        self._session = session
        self._account_id = account.id
        self._account_caller_id = account.caller_id
        self._gate = gate
        self._lines = limits.lines
        self._limits = limits
        self._now = now
        self._from_numbers: dict[str, str] = {}
        self.waiting_reason = ""
        self._policies: dict[str, CampaignPolicy] = {}
        self._probing: set[str] = set()

    async def take(self, wanted: int) -> list[Admission]:
        """Reserve up to `wanted` attempts, fairly. Who is refused is postponed, held or closed; it is stored why."""
        reserved: list[Admission] = []
        give_up_at = time.monotonic() + REFUSING_SECONDS
        most, at_once = max(CANDIDATES_PER_CAMPAIGN, wanted), max(ASKED_AT_ONCE, wanted)
        goes_on = True
        while goes_on:
            queues, goes_on = await self._queues(most), False
            while len(reserved) < wanted and (rows := self._next_of(queues, at_once)):
                passed, refused = await self._asked(rows, wanted - len(reserved))
                reserved += await self._reserve(passed)
                await self._postpone(refused)
                if refused:
                    goes_on, at_once = True, max(ASKED_AFTER_REFUSALS, wanted)
                if time.monotonic() > give_up_at:
                    return reserved
            goes_on = goes_on and len(reserved) < wanted
            most = max(CANDIDATES_AFTER_REFUSALS, wanted)
        return reserved

    async def _queues(self, most: int) -> dict[str, deque[Any]]:
        """Who is due, by campaign, each in its order."""
        rows = (await self._session.execute(_DUE, {"account": self._account_id, "limit": most})).all()
        queues: dict[str, deque[Any]] = {}
        for row in rows:
            queues.setdefault(row.campaign_id, deque()).append(row)
        if unread := [campaign for campaign in queues if campaign not in self._policies]:
            found = await self._session.execute(
                text("select id, policy from campaign where id = any(:ids)"), {"ids": unread}
            )
            self._policies |= {row.id: CampaignPolicy.model_validate(row.policy) for row in found}
        return queues

    def _next_of(self, queues: dict[str, deque[Any]], most: int) -> list[Any]:
        """Take those whose turn it is from the queues, as if all of them were to be called."""
        lines = self._lines.copy()
        taken: list[Any] = []
        while queues and len(taken) < most:
            row = min((queue[0] for queue in queues.values()), key=lambda row: self._turn(row, lines))
            campaign = row.campaign_id
            if not self._may_call(row, lines):
                del queues[campaign]
                continue
            taken.append(queues[campaign].popleft())
            lines[campaign] += 1
            if not queues[campaign]:
                del queues[campaign]
        return taken

    async def _asked(self, rows: Sequence[Any], wanted: int) -> tuple[list[Any], list["_Refused"]]:
        """Who passes the gate in the order of turns, and who is refused on the way there."""
        ids = [row.id for row in rows]
        still_due = {row.id: row for row in await self._session.execute(_LOCK, {"ids": ids})}
        facts = await read_gate_facts(self._session, ids, self._gate)
        ringing = {row.phone for row in rows if row.id in still_due and still_due[row.id].is_rung}
        passed: list[Any] = []
        refused: list[_Refused] = []
        waiting = [row for row in rows if row.id in still_due]
        while waiting and len(passed) < wanted:
            row = min(waiting, key=lambda row: self._turn(row, self._lines))
            waiting.remove(row)
            if not self._may_call(row, self._lines) or row.phone in ringing:
                continue  # the campaign has its lines, or the same number is being called for another one
            decision = self._gate.check(facts[row.id], self._now)
            if not decision.allowed:
                refused.append(_Refused(row.id, decision, facts[row.id]))
                continue
            passed.append(row)
            if row.is_probing:
                self._probing.add(row.campaign_id)
            self._from_numbers[row.id] = self._choose_number(row, still_due[row.id].seen_before)
            self._lines[row.campaign_id] += 1
            self._limits.paces.take(row.campaign_id)
            ringing.add(row.phone)
        return passed, refused

    def _may_call(self, row: Any, lines: Counter[str]) -> bool:
        """False if its campaign has all its lines, its calls per second or its caller IDs, or probes with another
        call. `lines` may count calls that are only thought of."""
        policy, campaign = self._policies[row.campaign_id], row.campaign_id
        if policy.max_lines is not None and lines[campaign] >= policy.max_lines:
            return False
        if policy.calls_per_second is not None:
            thought_of = lines[campaign] - self._lines[campaign]
            if self._limits.paces.left(campaign, policy.calls_per_second) - thought_of < 1:
                return False
        pool = self._pool(row)
        if pool is not None and not pool.has_room:
            self.waiting_reason = pool.why_not
            return False
        return not (row.is_probing and (row.probe_attempt_id is not None or row.campaign_id in self._probing))

    def _pool(self, row: Any) -> NumberPool | None:
        return self._limits.pools.pool_of(row.campaign_id, uses_shared=row.caller_id in ("", self._account_caller_id))

    def _choose_number(self, row: Any, seen_before: str | None) -> str:
        pool = self._pool(row)
        chosen = pool.take(row.phone, seen_before or "") if pool else None
        return chosen or str(row.caller_id)

    def _turn(self, row: Any, lines: Counter[str]) -> tuple[bool, int, int, datetime]:
        return (not row.is_callback, self._policies[row.campaign_id].priority, lines[row.campaign_id], row.due_at)

    async def _reserve(self, rows: Sequence[Any]) -> list[Admission]:
        """An attempt for each, with its lease; the leads are being called from now on."""
        if not rows:
            return []
        ids = [row.id for row in rows]
        histories, numbers = await read_histories(self._session, ids)
        inserts, steps, reserved = [], [], []
        for row in rows:
            policy, history, number = self._policies[row.campaign_id], histories[row.id], numbers[row.id]
            leaves, new_id = leaves_voicemail(history, policy), attempt_id(row.id, number)
            inserts.append(
                {"id": new_id, "lead_id": row.id, "campaign_id": row.campaign_id, "number": number, "phone": row.phone,
                 "from_number": self._from_numbers[row.id], "leaves": leaves, "lease": policy.lease_seconds}
            )  # fmt: skip
            steps.append({"id": row.id, "step": f"attempt {attempts_made(history, policy) + 1} is under way"})
            message = message_of(new_id, number, leaves, policy.model_dump())
            reserved.append(Admission(row.campaign_id, row.id, message))
            if row.is_probing:
                await note_probe(self._session, row.campaign_id, new_id)
        await self._session.execute(_INSERT_ATTEMPTS, {"account": self._account_id, "rows": _json(inserts)})
        allowed = ((one.lead_id, one.message.attempt_id, ALLOWED) for one in reserved)
        await note_decisions(self._session, "admission", allowed)
        await self._session.execute(_CALLING, {"rows": _json(steps)})
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
        later = (self._now + ASKED_AGAIN_AFTER).isoformat()
        if rule in FOR_A_PERSON:
            return row | {"held": rule.value, "due_at": later, "step": f"held: {decision.reason}"}
        # What a person must do only matters from the next opening on: a register's copy grows too old before it.
        opens = self._gate.next_planned(one.facts, self._now)
        return row | {"due_at": opens.isoformat() if opens and opens > self._now else later}


def message_of(new_id: str, number: int, leaves: bool, policy: dict[str, Any]) -> AttemptAdmitted:
    """What the workflow of an attempt is told; `policy` is its campaign's."""
    return AttemptAdmitted(
        attempt_id=new_id,
        number=number,
        leaves_voicemail=leaves,
        detects_machines=policy["detect_machines"],
        ring_seconds=policy["ring_seconds"],
        max_call_seconds=policy["max_call_seconds"],
    )


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


_INSERT_ATTEMPTS = text(
    """
    insert into attempt (id, lead_id, campaign_id, account_id, number, phone, from_number, state,
                         leaves_voicemail, lease_until, sequence, outcome_reason, conversation_over,
                         disclosure_heard, listening_seconds, tokens, characters_spoken)
    select id, lead_id, campaign_id, :account, number, phone, from_number, 'reserved', leaves,
           now() + make_interval(secs => lease), -1, '', false, false, 0, 0, 0
    from jsonb_to_recordset(cast(:rows as jsonb)) as new (
        id text, lead_id text, campaign_id text, number int, phone text, from_number text, leaves boolean, lease float)
    """
)
_CALLING = text(
    """
    update lead set state = 'calling', workflow_started = true, next_step = step, held_rule = null
    from jsonb_to_recordset(cast(:rows as jsonb)) as new (id text, step text) where lead.id = new.id
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
