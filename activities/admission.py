"""Admission: one long activity for each telephony account, a tick about every half second.

A tick is one SQL transaction that decides (`cadenza.records.admission`), then the workflows are told. What could not
be told is told again by a later tick, until the lease runs out. An outage of the database or of Temporal costs ticks,
nothing else. Between ticks, each in a transaction of its own and less often: the circuit breakers and the caller IDs
are judged, finished campaigns are completed, and the sweeper looks for what got stuck.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.heartbeat import heartbeating
from cadenza.domain.messages import CloseLead, DialerInput, WithdrawCall
from cadenza.domain.outcomes import LeadState
from cadenza.domain.rules.rule_book import RulesRefused
from cadenza.records import admission, breakers, caller_ids, sweeper
from cadenza.records.admission import AdmissionTick
from cadenza.records.breakers import BreakerChange
from cadenza.records.campaigns import complete_finished_campaigns
from cadenza.records.database import Database, lock_row
from cadenza.records.finishing import finish_lead
from cadenza.records.rules_in_force import Rules
from cadenza.records.sweeper import Sweep
from cadenza.records.tables import Lead
from cadenza.records.tick_start import Admission
from cadenza.temporal.lead_client import LeadClient, LeadSignal

TICK_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
"""Between ticks while the database or Temporal is away."""
TICK_PATIENCE_SECONDS = 8.0
"""A tick that hangs is given up: what it waits for may never answer."""
SIGNALS_AT_ONCE = 16
REPEAT_WITHDRAWAL_SECONDS = 15.0
COMPLETE_EVERY_SECONDS = 5.0
BREAKERS_EVERY_SECONDS = 5.0
CALLER_IDS_EVERY_SECONDS = 60.0
SWEEP_EVERY_SECONDS = 30.0
"""Also before the first time: after an outage the ticks wake sleeping leads by themselves."""

RESTARTED = "worker_stops"
"""Type of the failure by which a stopping worker hands the activity to another one at once."""


class AdmissionActivities:
    """The dialer's one activity."""

    def __init__(self, database: Database, leads: LeadClient, rules: Rules) -> None:
        self._database = database
        self._leads = leads
        self._rules = rules
        self._withdrawn: dict[str, float] = {}  # by attempt and strength
        self._reason = ""

    @activity.defn
    async def admit_leads(self, dialer: DialerInput) -> None:
        """Tick for as long as the activity may run. Never returns: it ends by cancellation or with its worker.

        The heartbeat is kept beside the ticks, however long one takes: what is missed is the worker, in seconds.
        """
        async with heartbeating():
            await self._tick_on(dialer)

    async def _tick_on(self, dialer: DialerInput) -> None:
        pause = TICK_SECONDS
        now = time.monotonic()
        chores = (
            _Chore(self._complete_campaigns, COMPLETE_EVERY_SECONDS, now),
            _Chore(self.check_breakers, BREAKERS_EVERY_SECONDS, now),
            _Chore(self.judge_caller_ids, CALLER_IDS_EVERY_SECONDS, now),
            _Chore(self.sweep, SWEEP_EVERY_SECONDS, now + SWEEP_EVERY_SECONDS),
        )
        while not activity.is_worker_shutdown():
            try:
                async with asyncio.timeout(TICK_PATIENCE_SECONDS):
                    await self.tick(dialer.account)
                    for chore in chores:
                        await chore.do_if_due(dialer.account)
                pause = TICK_SECONDS
            except (SQLAlchemyError, RPCError, RulesRefused, TimeoutError, OSError) as error:
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS / 2)
                activity.logger.warning("a tick failed (%s); the next one in %.1f s", type(error).__name__, pause)
            await _sleep_unless_stopping(pause)
        raise ApplicationError("the worker stops", type=RESTARTED, next_retry_delay=timedelta(milliseconds=100))

    async def tick(self, account: str) -> AdmissionTick:
        """Decide in one transaction, then tell the workflows, then note who was told."""
        async with self._database.transaction() as session:
            tick = await admission.admit_due_leads(session, account, await self._rules.gate(session))
        told = await _all_told((one.message.attempt_id, self._announcing(one)) for one in tick.admitted)
        asked = await _all_told((lead, self._closing(campaign, lead, word)) for campaign, lead, word in tick.close)
        await self._withdraw(tick)
        if told or asked:
            async with self._database.transaction() as session:
                await admission.mark_announced(session, told)
                await admission.mark_close_sent(session, asked)
            activity.logger.info("admitted %d, closing %d, free lines %d", len(told), len(asked), tick.free_lines)
        if tick.reason != self._reason:
            self._reason = tick.reason
            activity.logger.warning("admission waits: %s", tick.reason or "no more")
        return tick

    async def check_breakers(self, account: str) -> list[BreakerChange]:
        """Stop what does harm, and try what was stopped: see `cadenza.domain.breakers`."""
        async with self._database.transaction() as session:
            changes = await breakers.check_breakers(session, account)
        for change in changes:
            breaker = change.breaker
            activity.logger.warning(
                "breaker of %s is %s: %s", change.campaign_id or "the account", breaker.state, breaker.reason
            )
        return changes

    async def judge_caller_ids(self, account: str) -> None:
        """Let caller IDs rest that fewer people answer than the others of their pool, or that fail at the carrier."""
        async with self._database.transaction() as session:
            rested = await caller_ids.judge_caller_ids(session, account)
        for _phone, rest in rested:
            activity.logger.warning("a caller ID rests for %s: %s", rest.span, rest.reason)

    async def sweep(self, account: str) -> Sweep:
        """Repair what got stuck. It should never find anything: each find is an error to be looked into."""
        async with self._database.transaction() as session:
            swept = await sweeper.sweep(session, account, await self._rules.gate(session))
        for found in swept.found:
            activity.logger.error("swept: %s, lead %s, attempt %s", found.kind, found.lead_id, found.attempt_id or "-")
        told = await _all_told((one.message.attempt_id, self._announcing(one)) for one in swept.announce)
        if told:
            async with self._database.transaction() as session:
                await admission.mark_announced(session, told)
        return swept

    async def _withdraw(self, tick: AdmissionTick) -> None:
        """Ask once in a while only: the next ticks find the call still placed until the carrier has answered."""
        now = time.monotonic()
        self._withdrawn = {
            attempt: at for attempt, at in self._withdrawn.items() if now - at < REPEAT_WITHDRAWAL_SECONDS
        }
        news = [one for one in tick.withdraw if _withdrawal(one[2]) not in self._withdrawn]
        told = await _all_told(
            (_withdrawal(word), self._signalling(campaign, lead, word)) for campaign, lead, word in news
        )
        self._withdrawn |= dict.fromkeys(told, now)

    async def _complete_campaigns(self, _account: str) -> None:
        async with self._database.transaction() as session:
            await complete_finished_campaigns(session)

    def _announcing(self, one: Admission) -> Callable[[], Awaitable[object]]:
        return lambda: self._leads.admit(one.campaign_id, one.lead_id, one.message)

    def _closing(self, campaign_id: str, lead_id: str, word: CloseLead) -> Callable[[], Awaitable[object]]:
        async def close() -> None:
            if not await self._leads.signal(campaign_id, lead_id, word):
                await self._close_without_workflow(lead_id, word)

        return close

    async def _close_without_workflow(self, lead_id: str, word: CloseLead) -> None:
        """Its workflow never began, or somebody ended it: nobody else will close the lead."""
        async with self._database.transaction() as session:
            lead = await lock_row(session, Lead, lead_id)
            if lead is not None and lead.state != LeadState.CALLING:  # an attempt that is under way ends first
                await finish_lead(session, lead_id, word.outcome, word.reason)

    def _signalling(self, campaign_id: str, lead_id: str, word: LeadSignal) -> Callable[[], Awaitable[object]]:
        return lambda: self._leads.signal(campaign_id, lead_id, word)


def _withdrawal(word: WithdrawCall) -> str:
    """A call may be withdrawn first for a pause, then, though it rings by now, for an opt-out."""
    return f"{word.attempt_id} {word.even_ringing}"


@dataclass
class _Chore:
    """Something done between ticks, every so many seconds. One that fails has its turn again then, not sooner."""

    work: Callable[[str], Awaitable[object]]
    every_seconds: float
    due: float

    async def do_if_due(self, account: str) -> None:
        now = time.monotonic()
        if now >= self.due:
            self.due = now + self.every_seconds
            await self.work(account)


async def _all_told(messages: Iterable[tuple[str, Callable[[], Awaitable[object]]]]) -> list[str]:
    """Send all, some at once; the keys of those that arrived. The others stay for a later tick."""
    at_once = asyncio.Semaphore(SIGNALS_AT_ONCE)

    async def send(key: str, message: Callable[[], Awaitable[object]]) -> str | None:
        async with at_once:
            try:
                await message()
            except RPCError as error:
                activity.logger.warning("a workflow could not be told yet (%s)", error.status.name)
                return None
            return key

    sent = await asyncio.gather(*(send(key, message) for key, message in messages))
    return [key for key in sent if key is not None]


async def _sleep_unless_stopping(seconds: float) -> None:
    try:
        await asyncio.wait_for(activity.wait_for_worker_shutdown(), seconds)
    except TimeoutError:
        return
