"""The days of the simulation (`python -m bench simulation`): calls are placed, ring, end and are planned anew.

What the lead's workflow would write when a call is placed and when it ends is written here, for many calls at once.
"""

import gc
import heapq
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from bench.counted_gate import CountedGate
from bench.simulated_world import (
    CALLER_CAP,
    DAY,
    RENEWED,
    START,
    Ended,
    Ledger,
    People,
    campaigns,
    first_copies,
    zone_of,
)
from bench.virtual_clock import VirtualDatabase
from cadenza.domain.gate import Rule
from cadenza.domain.messages import CloseLead
from cadenza.domain.outcomes import REACHED_NOBODY, AttemptOutcome, LeadState
from cadenza.domain.retry import NextStep, PastAttempt, StepKind, decide_next_step
from cadenza.domain.rules.rule_book import standard_rules
from cadenza.records.admission import admit_due_leads
from cadenza.records.answer_hours import note_rings, read_learnt_by_campaign
from cadenza.records.caller_ids import add_caller_id
from cadenza.records.finishing import finish_lead
from cadenza.records.gate_facts import read_gate_facts
from cadenza.records.held_leads import wake_held
from cadenza.records.history import read_histories
from cadenza.records.suppressions import suppress_number
from cadenza.records.tick_start import Admission

ACCOUNT = "AC1"
STEP = timedelta(seconds=60)
TICK = timedelta(milliseconds=500)
HOUR = timedelta(hours=1)
GROWTH = 1.3
"""The tables are analyzed when so many times as many calls were made."""
TICKS_A_STEP = 120
"""A step has as many ticks as it has half seconds; they go on for as long as one refuses somebody."""


@dataclass
class Outcome:
    """What the days came to so far. Milliseconds of each tick that had anybody to look at."""

    days: float = 0.0
    took: float = 0.0
    ticks: list[float] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """In use, in each minute in which anybody was called."""
    line_minutes: Counter[str] = field(default_factory=Counter)
    most_lines: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    """Calls by which attempt of its lead each was."""
    full: Counter[str] = field(default_factory=Counter)
    """Calls by campaign in ticks that used the account's whole rate: the campaigns had to share it."""
    admitted: int = 0
    refused: int = 0


Told = Callable[[Outcome], None]
"""Told of the outcome so far once in each simulated hour, and at the end."""


@dataclass(order=True)
class _Call:
    ends: datetime
    attempt_id: str
    lead_id: str = field(compare=False)
    campaign_id: str = field(compare=False)
    phone: str = field(compare=False)
    began: datetime = field(compare=False)
    ended: Ended = field(compare=False)


class Simulation:
    """One account for some days."""

    def __init__(self, database_url: str, leads: int, lines: int, rate: float, seed: int) -> None:
        self._url = database_url
        self._database = VirtualDatabase(database_url)
        self.gate = CountedGate(standard_rules())
        self.campaigns = {one.id: one for one in campaigns(lines)}
        self.lines, self._rate = lines, rate
        self.people = People.drawn(seed, leads // 2)
        self.ledger = Ledger(self.gate.rules, self.people, self.gate.history_needed)
        self.leads = leads
        self.outcome = Outcome()
        self._under_way: list[_Call] = []
        self._phones: dict[str, str] = {}
        self._in_use: Counter[str] = Counter()

    async def run(self, days: float, told: Told = lambda outcome: None) -> None:
        """Until the time is over, or nobody is left to be called."""
        started, telling_at, analyzed_at = time.monotonic(), START, 0
        await self._fill()
        gc.collect()
        gc.freeze()  # a hundred thousand leads stay: they need not be looked through for garbage again and again
        now, end = START, START + timedelta(days=days)
        renewals = sorted((at, place) for place, at in RENEWED.items())
        while now < end:
            while renewals and renewals[0][0] <= now:
                await self._renew(renewals.pop(0)[1], now)
            await self._end_calls(now)
            was_idle = not await self._tick_on(now)
            now += STEP
            if was_idle and not self._under_way:
                following = await self._next_due(now)
                if following is None:
                    break
                now = max(now, min([following, *(at for at, _ in renewals)]))
            if now >= telling_at:
                telling_at = now + HOUR
                self._tell(told, min(now, end), started)
            if self.outcome.admitted > analyzed_at * GROWTH + 200:
                analyzed_at = self.outcome.admitted
                await self._database.analyze("attempt", "lead")
        await self._end_calls(end + timedelta(days=1))
        self._tell(told, end, started)
        await self._database.close()

    def _tell(self, told: Told, now: datetime, started: float) -> None:
        self.outcome.days, self.outcome.took = (now - START) / DAY, time.monotonic() - started
        told(self.outcome)

    async def _tick_on(self, now: datetime) -> bool:
        """The ticks of a step; False if none had anything to do."""
        is_busy = False
        for number in range(TICKS_A_STEP):
            at = now + number * TICK
            started = time.perf_counter()
            async with self._database.at(at) as session:
                tick = await admit_due_leads(session, ACCOUNT, self.gate)
            took = (time.perf_counter() - started) * 1000
            await self._place(tick.admitted, at)
            if len(tick.admitted) >= int(self._rate):
                self.outcome.full.update(one.campaign_id for one in tick.admitted)
            await self._close(tick.close, at)
            self.outcome.refused += tick.refused
            if tick.admitted or tick.refused:
                self.outcome.ticks.append(took)
                is_busy = True
            if not tick.refused:
                break
        self._note_lines()
        return is_busy or bool(self._under_way)

    async def _place(self, admitted: Sequence[Admission], now: datetime) -> None:
        """The carrier takes the calls, and they ring."""
        if not admitted:
            return
        ids = [one.message.attempt_id for one in admitted]
        async with self._database.at(now) as session:
            rows = await session.execute(_RING, {"ids": ids})
            from_numbers = {row.id: row.from_number for row in rows}
        for one in admitted:
            attempt_id, phone = one.message.attempt_id, self._phones[one.lead_id]
            campaign = self.campaigns[one.campaign_id]
            self.ledger.ring(campaign, phone, from_numbers[attempt_id], now)
            ended = self.people.answer(attempt_id, phone, now, zone_of(phone))
            call = _Call(
                now + timedelta(seconds=ended.seconds), attempt_id, one.lead_id, campaign.id, phone, now, ended
            )
            heapq.heappush(self._under_way, call)
            self._in_use[campaign.id] += 1
            self.outcome.calls[ended.outcome.value] += 1
            self.outcome.attempts[one.message.number] += 1
        self.outcome.admitted += len(admitted)

    async def _close(self, words: Sequence[tuple[str, str, CloseLead]], now: datetime) -> None:
        if words:
            async with self._database.at(now) as session:
                for _, lead_id, word in words:
                    await finish_lead(session, lead_id, word.outcome, word.reason)

    async def _end_calls(self, now: datetime) -> None:
        """Calls that are over by now: their outcome, and the lead's next step by the engine's own rules."""
        over = []
        while self._under_way and self._under_way[0].ends <= now:
            over.append(heapq.heappop(self._under_way))
        if not over:
            return
        async with self._database.at(now) as session:
            for call in over:
                self.ledger.hang_up(call.phone, call.began, call.ended)
                self._in_use[call.campaign_id] -= 1
            await session.execute(_END, {"rows": _json([_ended(call) for call in over])})
            for call in over:
                if call.ended.outcome is AttemptOutcome.OPTED_OUT:
                    await suppress_number(
                        session, call.phone, reason="asked", source="call", attempt_id=call.attempt_id
                    )
                    self.ledger.suppressed.add(call.phone)
            await self._plan(session, over, now)

    async def _plan(self, session: AsyncSession, over: Sequence[_Call], now: datetime) -> None:
        leads = [call.lead_id for call in over]
        facts = await read_gate_facts(session, leads, self.gate)
        histories, _ = await read_histories(session, leads)
        await note_rings(
            session,
            [(call.campaign_id, call.began, facts[call.lead_id].zone, call.ended.tally) for call in over],
        )
        learnt = await read_learnt_by_campaign(session, sorted({call.campaign_id for call in over}))
        rows = []
        for call in over:
            known = facts[call.lead_id].without_switches()
            step = decide_next_step(
                known.policy,
                histories[call.lead_id],
                now,
                lambda earliest, known=known: self.gate.next_planned(known, earliest),  # type: ignore[misc]
                known.zone,
                promised_at=call.ended.callback_at,
                learnt=learnt[call.campaign_id],
            )
            rows.append(_step(call.lead_id, step, histories[call.lead_id], now))
        await session.execute(_PLAN, {"rows": _json(rows)})

    async def _renew(self, place: str, now: datetime) -> None:
        """A new copy of the register, with another number on it."""
        async with self._database.at(now) as session:
            await session.execute(text("delete from register_copy where jurisdiction = :place"), {"place": place})
            await self._load(session, place, now)
            await wake_held(session, [Rule.DO_NOT_CALL_LIST_STALE])

    async def _load(self, session: AsyncSession, place: str, copied_at: datetime) -> None:
        every = 97 if copied_at >= START else 103
        prefix = "+61" if place == "AU" else "+1"
        numbers = [phone for phone in self.people.phones[::every] if phone.startswith(prefix)]
        made = await session.execute(
            text(
                "insert into register_copy (id, jurisdiction, name, is_internal, copied_at, entries, is_current, "
                "loaded_by) values (:id, :place, 'national', false, :at, :entries, true, 'simulation') returning key"
            ),
            {"id": f"{place} {copied_at.isoformat()}", "place": place, "at": copied_at, "entries": len(numbers)},
        )
        await session.execute(
            text("insert into register_number (copy_key, number) select :key, unnest(cast(:numbers as bigint[]))"),
            {"key": made.scalar_one(), "numbers": [int(phone[1:]) for phone in numbers]},
        )
        for listed in self.ledger.listed.values():
            listed.discard(place)
        for phone in numbers:
            self.ledger.listed[phone].add(place)
        self.ledger.registers[place] = copied_at

    async def _next_due(self, now: datetime) -> datetime | None:
        async with self._database.at(now) as session:
            found = await session.execute(
                text("select min(due_at) from lead where state in ('new', 'due', 'waiting') and close_as is null")
            )
            due: datetime | None = found.scalar_one()
        return due

    def _note_lines(self) -> None:
        in_use = self._in_use.total()
        if in_use:
            self.outcome.lines.append(in_use)
        if in_use > self.lines:
            self.ledger.violations["too_many_lines"] += 1
        for campaign in self.campaigns.values():
            used, most = self._in_use[campaign.id], campaign.policy.max_lines
            self.outcome.line_minutes[campaign.id] += used
            self.outcome.most_lines[campaign.id] = max(used, self.outcome.most_lines[campaign.id])
            if most is not None and used > most:
                self.ledger.violations["too_many_lines_of_a_campaign"] += 1

    async def _fill(self) -> None:
        """Campaigns with leads that are all due at the start; the twins have the same number of them."""
        phones, names = self.people.phones, list(self.campaigns)
        share = self.leads // len(names)
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(
                "insert into account (id, calls_per_second, max_lines, tokens) values (%s, %s, %s, 0)",
                (ACCOUNT, self._rate, self.lines),
            )
            connection.execute(
                "insert into bridge_node (id, public_url, max_calls, calls, draining, beat_at) "
                "values ('b', '', 99999, 0, false, '2100-01-01')"
            )
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into campaign (id, account_id, name, state, state_reason, policy, default_country, "
                    "caller_id) values (%s, %s, '', 'running', '', %s, 'US', '+12125550199')",
                    [(one.id, ACCOUNT, one.policy.model_dump_json()) for one in self.campaigns.values()],
                )
                cursor.execute("create temporary table filled (id text, campaign text, phone text)")
                with cursor.copy("copy filled from stdin") as copy:
                    for position, name in enumerate(names):
                        for number in range(share):
                            lead, phone = (
                                f"ld_{position}_{number:06d}",
                                phones[(number + position * share // 3) % len(phones)],
                            )
                            self._phones[lead] = phone
                            copy.write_row((lead, name, phone))
                cursor.execute(_LEADS)
                cursor.executemany(
                    "insert into consent (phone, kind, source, proof, recorded_at) values (%s, %s, '', '', %s)",
                    [
                        (phone, "express_written" if one.grade == "written" else "express", one.given_at)
                        for phone, one in self.people.consents.items()
                    ],
                )
            connection.execute("vacuum analyze")
        async with self._database.at(START) as session:
            for campaign in self.campaigns.values():
                for phone in campaign.callers:
                    await add_caller_id(session, ACCOUNT, phone, campaign_id=campaign.id, daily_cap=CALLER_CAP)
            for place, copied_at in first_copies().items():
                await self._load(session, place, copied_at)


def _ended(call: _Call) -> dict[str, Any]:
    return {
        "id": call.attempt_id, "at": call.ends.isoformat(), "outcome": call.ended.outcome.value,
        "tally": call.ended.tally.value,
    }  # fmt: skip


def _step(lead_id: str, step: NextStep, history: Sequence[PastAttempt], now: datetime) -> dict[str, Any]:
    made = sum(past.outcome not in REACHED_NOBODY for past in history)
    if step.kind is StepKind.FINISH:
        outcome = step.outcome.value if step.outcome else None
        return {
            "id": lead_id,
            "state": LeadState.FINAL,
            "due": None,
            "outcome": outcome,
            "made": made,
            "promised": False,
        }
    at = step.at or now
    state = LeadState.WAITING if at > now else LeadState.DUE
    return {"id": lead_id, "state": state, "due": at.isoformat(), "outcome": None, "made": made,
            "promised": step.is_callback}  # fmt: skip


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


_LEADS = """
    insert into lead (id, campaign_id, phone, name, first_name, email, company, country, state, due_at, next_step,
                      is_callback, attempts_made, workflow_started, outcome_reason)
    select id, campaign, phone, '', '', '', '', '', 'new', now(), 'first call', false, 0, false, '' from filled
"""
_RING = text(
    "update attempt set state = 'ringing', submitted_at = now(), ringing_at = now(), announced_at = now() "
    "where id = any(:ids) returning id, from_number"
)
_END = text(
    """
    update attempt set state = 'ended', ended_at = new.at, outcome = new.outcome, tally = new.tally
    from jsonb_to_recordset(cast(:rows as jsonb)) as new (id text, at timestamptz, outcome text, tally text)
    where attempt.id = new.id
    """
)
_PLAN = text(
    """
    update lead set state = new.state, due_at = new.due, outcome = new.outcome, attempts_made = made,
           is_callback = promised, final_at = case when new.state = 'final' then now() end
    from jsonb_to_recordset(cast(:rows as jsonb))
         as new (id text, state text, due timestamptz, outcome text, made int, promised boolean)
    where lead.id = new.id and lead.state = 'calling'
    """
)
