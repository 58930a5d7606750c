"""One chaos run: start everything, run the campaigns, deal misfortunes until they are over, collect, judge."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psutil
import psycopg
from temporalio.service import RPCError

from cadenza.domain.judge import judge
from cadenza.domain.judge_facts import Evidence
from cadenza.operations.chaos.campaigner import Campaigner, Tell
from cadenza.operations.chaos.campaigns import plan_campaigns
from cadenza.operations.chaos.evidence import collect, count_running_leads
from cadenza.operations.chaos.mischief import Mischief
from cadenza.operations.chaos.patience import PatientApi, PatientDatabase
from cadenza.operations.chaos.recovery import recoveries, waits
from cadenza.operations.chaos.results import ChaosOrder, ChaosResult, running_commit
from cadenza.operations.chaos.schedule import deal
from cadenza.operations.chaos.under_test import UnderTest, chaos_environment
from cadenza.operations.demo.demo_command import demo_settings
from cadenza.settings import Settings

_SETTLE_EVERY = 1.0
_EVIDENCE_TRIES = 60
_TEMPORAL_AWAY = (RPCError, RuntimeError)
"""Requests fail with the first, a connection that does not come about with the second."""
_UNDER_WAY = """
select (select count(*) from attempt where state in
            ('reserved', 'submitting', 'doubtful', 'placed', 'ringing', 'in_progress'))
     + (select count(*) from call_event where delivered_at is null)
     + (select count(*) from recording where path is null)
"""


async def run_chaos(order: ChaosOrder, tell: Tell) -> ChaosResult:
    """Run it. Raises DidNotStart, ApiProblem. The data folder is expected to be empty, and stays for a look."""
    environment = chaos_environment(
        order.data_dir,
        seed=order.seed,
        calls_per_second=order.calls_per_second,
        lines=order.lines,
        builds=order.builds,
    )
    settings = demo_settings(environment)
    async with _up(UnderTest(settings, environment, order.command)) as under_test:
        tell(f"everything is up; logs in {settings.data_dir / 'logs'}")
        return await _Run(order, settings, under_test, tell).run()


@asynccontextmanager
async def _up(under_test: UnderTest) -> AsyncIterator[UnderTest]:
    try:
        await under_test.start()
        yield under_test
    finally:
        await under_test.stop()
        await asyncio.sleep(0.4)  # a temporalio client may crash the interpreter at a quick exit (sdk-python#300)


class _Run:
    def __init__(self, order: ChaosOrder, settings: Settings, under_test: UnderTest, tell: Tell) -> None:
        self._order = order
        self._settings = settings
        self._under_test = under_test
        self._listener = tell
        self._began_at = datetime.now(UTC)
        self._began = time.monotonic()
        self._deadline = self._began + order.patience
        self._database = PatientDatabase(under_test)
        self._campaigner = Campaigner(
            order,
            plan_campaigns(order.leads, order.seed, self._began_at, talkers=order.talkers),
            settings,
            PatientApi(settings, until=self._deadline + order.settle_seconds),
            self._database,
            self._tell,
        )
        self._mischief = Mischief(under_test, self._campaigner, self._database, self._tell)

    async def run(self) -> ChaosResult:
        psutil.cpu_percent()  # what it says next is about the time from here on
        async with asyncio.TaskGroup() as group:
            beside = (
                self._mischief.watch_backlog(),
                self._mischief.keep_supervisor(),
                self._campaigner.opt_out_while_ringing(),
                self._campaigner.resume_what_paused_itself(),
            )
            helpers = [group.create_task(helper) for helper in beside]
            try:
                timed_out = not await self._campaigns(group)
                busy = psutil.cpu_percent() / 100
                await self._settle()
            finally:
                for helper in helpers:
                    helper.cancel()
        return await self._result(await self._evidence(), timed_out=timed_out, busy=busy)

    def _tell(self, words: str) -> None:
        self._listener(f"{time.monotonic() - self._began:6.1f} s  {words}")

    async def _campaigns(self, group: asyncio.TaskGroup) -> bool:
        """Run all to their ends, with misfortunes from the first call to the last outcome. False: out of patience."""
        order = self._order
        await self._campaigner.start()
        cards = deal(order.seed, kills=order.kills, gap=order.gap, deck=order.deck)
        dealing = group.create_task(self._mischief.deal(cards))
        try:
            return await self._campaigner.follow(self._deadline)
        finally:
            dealing.cancel()
            await asyncio.wait([dealing])
            self._under_test.thaw()

    async def _settle(self) -> None:
        """What is under way after the last outcome comes in."""
        until = time.monotonic() + self._order.settle_seconds
        while time.monotonic() < until:
            if await self._database.ask(_UNDER_WAY) == 0 and await self._running_leads() == 0:
                return
            await asyncio.sleep(_SETTLE_EVERY)

    async def _running_leads(self) -> int | None:
        """None while Temporal is away."""
        try:
            return await count_running_leads(self._settings)
        except _TEMPORAL_AWAY:
            return None

    async def _evidence(self) -> Evidence:
        """Asked again while a server that was killed comes back."""
        for _ in range(_EVIDENCE_TRIES):
            try:
                return await self._collect()
            except (psycopg.OperationalError, OSError, *_TEMPORAL_AWAY):
                await asyncio.sleep(_SETTLE_EVERY)
        return await self._collect()

    async def _collect(self) -> Evidence:
        campaigner, database_url = self._campaigner, self._under_test.database_url
        return await collect(
            self._settings, database_url, campaigner.uploaded, campaigner.stops, lines=self._order.lines
        )

    async def _result(self, evidence: Evidence, *, timed_out: bool, busy: float) -> ChaosResult:
        mischief, campaigner = self._mischief, self._campaigner
        placed = [call.placed_at for call in evidence.calls]
        return ChaosResult(
            seed=self._order.seed,
            leads=self._order.leads,
            commit=await asyncio.to_thread(running_commit),
            began_at=self._began_at,
            seconds=round(time.monotonic() - self._began, 1),
            processors=os.cpu_count() or 1,
            busy=busy,
            timed_out=timed_out,
            kills=dict(Counter(death.target for death in mischief.deaths)),
            freezes=dict(mischief.freezes),
            cuts=dict(mischief.cuts),
            rolls=mischief.rolls,
            pauses=mischief.pauses,
            faults=dict(mischief.faults),
            not_played=mischief.not_played,
            breaker_trips=campaigner.breaker_trips,
            opted_out_while_ringing=campaigner.opt_outs,
            struck=await mischief.struck(),
            recoveries=recoveries(mischief.deaths, placed),
            waits=waits(mischief.deaths, placed),
            outcomes=dict(Counter(lead.outcome or "none" for lead in evidence.leads)),
            card=judge(evidence),
        )
