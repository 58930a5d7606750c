"""One chaos run: start everything, run the campaigns, deal misfortunes until they are over, collect, judge."""

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from pydantic import BaseModel

from cadenza.domain.judge import ScoreCard, judge
from cadenza.domain.judge_facts import Evidence, WorkflowFact
from cadenza.domain.outcomes import LeadState
from cadenza.operations.api_client import ApiClient, ApiProblem, ApiUnreachable, api_key
from cadenza.operations.chaos.campaigns import Plan, PlannedCampaign, lead_file, plan_campaigns
from cadenza.operations.chaos.evidence import collect
from cadenza.operations.chaos.recovery import Death, Recovery, recoveries, waits
from cadenza.operations.chaos.schedule import Card, Dealt, Misfortune, Target, deal
from cadenza.operations.chaos.stops import StopLog
from cadenza.operations.chaos.under_test import DidNotStart, UnderTest, chaos_environment
from cadenza.operations.demo.demo_command import demo_campaign, demo_settings
from cadenza.settings import Settings

UP = (sys.executable, "-m", "cadenza.cli", "up")
_PAUSE_SECONDS = 8.0
_SETTLE_SECONDS = 90.0
_ASK_EVERY = 1.0
_OPT_OUT_EVERY = 6.0
_DUE = """
select count(*) from lead join campaign on campaign.id = lead.campaign_id
where campaign.state = 'running' and lead.state in ('new', 'due') and lead.due_at <= now()
"""
_JUST_RINGING = """
select phone from attempt where state = 'ringing' and ringing_at > now() - interval '0.7 seconds'
order by ringing_at desc limit 1
"""
_UNFINISHED = "select count(*) from lead where state <> 'final'"
_OPEN = """
select (select count(*) from attempt where state in
            ('reserved', 'submitting', 'doubtful', 'placed', 'ringing', 'in_progress'))
     + (select count(*) from call_event where delivered_at is null)
"""


@dataclass(frozen=True)
class ChaosOrder:
    """What is wanted. `patience` in seconds from the start of the campaigns; after it the judge sees what is there."""

    leads: int
    seed: int
    kills: int
    data_dir: Path
    calls_per_second: float = 5.0
    lines: int = 40
    patience: float = 1800.0
    opt_outs: int = 2
    """Numbers that are suppressed over the API while they ring."""
    max_call_seconds: int = 90
    """A call whose last callback was lost holds its line so long: the carrier is asked then."""
    gap: tuple[float, float] = (4.0, 9.0)
    deck: Sequence[Card] | None = None
    command: Sequence[str] = UP


class ChaosResult(BaseModel):
    """Everything that a run showed."""

    seed: int
    seconds: float
    timed_out: bool
    kills: dict[str, int]
    freezes: dict[str, int]
    faults: dict[str, int]
    opted_out_while_ringing: int
    struck: int
    """Requests of the carrier that a fault hit."""
    recoveries: list[Recovery]
    waits: dict[str, list[float]]
    outcomes: dict[str, int]
    card: ScoreCard


Tell = Callable[[str], None]


@dataclass
class _Played:
    deaths: list[Death] = field(default_factory=list)
    freezes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    opt_outs: int = 0
    leads_were_due: bool = False
    is_over: bool = False


async def run_chaos(order: ChaosOrder, tell: Tell) -> ChaosResult:
    """Run it. Raises DidNotStart, ApiProblem. The data folder is expected to be empty, and stays for a look."""
    environment = chaos_environment(
        order.data_dir, seed=order.seed, calls_per_second=order.calls_per_second, lines=order.lines
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
        self._began = time.monotonic()
        self._listener = tell
        self._stops = StopLog()
        self._played = _Played()
        self._uploaded: dict[str, int] = {}
        key = api_key(settings)
        if key is None:
            raise DidNotStart("the API made no first key")
        self._api = ApiClient(settings.cadenza_api_url, key, timeout_seconds=10.0)

    async def run(self) -> ChaosResult:
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(helper)
                for helper in (self._watch_backlog(), self._keep_supervisor(), self._opt_out_while_ringing())
            ]
            try:
                timed_out = await self._campaigns(group)
                await self._settle()
            finally:
                for helper in helpers:
                    helper.cancel()
        evidence = await self._evidence()
        placed = [call.placed_at for call in evidence.calls]
        deaths = self._played.deaths
        return ChaosResult(
            seed=self._order.seed,
            seconds=round(time.monotonic() - self._began, 1),
            timed_out=timed_out,
            kills=dict(Counter(death.target for death in deaths)),
            freezes=dict(self._played.freezes),
            faults=dict(self._played.faults),
            opted_out_while_ringing=self._played.opt_outs,
            struck=await self._struck(),
            recoveries=recoveries(deaths, placed),
            waits=waits(deaths, placed),
            outcomes=dict(Counter(lead.outcome or "none" for lead in evidence.leads)),
            card=judge(evidence),
        )

    def _tell(self, words: str) -> None:
        self._listener(f"{time.monotonic() - self._began:6.1f} s  {words}")

    # The campaigns

    async def _campaigns(self, group: asyncio.TaskGroup) -> bool:
        """Run all to their ends. True if patience ran out."""
        plan = plan_campaigns(self._order.leads, self._order.seed, datetime.now(UTC))
        ids = {campaign.name: await self._create(campaign) for campaign in plan.all}
        for campaign in plan.all:
            await self._move(ids[campaign.name], "start")
        self._tell(f"{self._order.leads} leads in three campaigns are started")
        mischief = group.create_task(self._deal_cards())
        deadline = self._began + self._order.patience
        try:
            return not await self._follow(plan, ids, deadline)
        finally:
            self._played.is_over = True
            mischief.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await mischief
            self._under_test.thaw()

    async def _create(self, campaign: PlannedCampaign) -> str:
        body = demo_campaign(self._settings)
        body["name"] = campaign.name
        longest = self._order.max_call_seconds
        body["policy"] |= {**campaign.policy, "max_call_seconds": longest, "wrap_up_seconds": longest - 20}
        identifier: str = (await self._call("post", "/v1/campaigns", body))["id"]
        file = self._settings.data_dir / f"{identifier}.csv"
        await asyncio.to_thread(file.write_text, lead_file(campaign.numbers))
        result = await self._call("upload", f"/v1/campaigns/{identifier}/leads", file)
        self._uploaded[identifier] = result["accepted"]
        return identifier

    async def _follow(self, plan: Plan, ids: Mapping[str, str], deadline: float) -> bool:
        """Pause and resume, cancel, and wait for the end. False if patience ran out."""
        main, doomed, closed = (ids[one.name] for one in plan.all)
        pauses_at, cancels_at = len(plan.finished.numbers) // 3, max(1, len(plan.cancelled.numbers) // 3)
        paused = cancelled = False
        told = -1
        while time.monotonic() < deadline:
            finished = await self._finished(main)
            if not paused and finished >= pauses_at:
                paused = True
                await self._pause_for_a_while(main)
            if not cancelled and (await self._finished(doomed) >= cancels_at or finished >= pauses_at):
                cancelled = True
                await self._cancel(doomed)
            if finished >= told + max(1, self._order.leads // 10):
                told = finished
                self._tell(f"{finished} leads of {len(plan.finished.numbers)} have their outcome")
            if finished >= len(plan.finished.numbers) and cancelled:
                await self._cancel(closed)
                return await self._until_final(deadline)
            await asyncio.sleep(_ASK_EVERY)
        return False

    async def _finished(self, campaign: str) -> int:
        progress = await self._call("get", f"/v1/campaigns/{campaign}/progress")
        return int(progress["finished"])

    async def _pause_for_a_while(self, campaign: str) -> None:
        await self._move(campaign, "pause")
        self._stops.paused(campaign, datetime.now(UTC))
        self._tell("campaign paused")
        await asyncio.sleep(_PAUSE_SECONDS)
        self._stops.resumed(campaign, datetime.now(UTC))
        await self._move(campaign, "resume")
        self._tell("campaign resumed")

    async def _cancel(self, campaign: str) -> None:
        await self._move(campaign, "cancel")
        self._stops.cancelled(campaign, datetime.now(UTC))
        self._tell("a campaign is cancelled")

    async def _until_final(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            if await self._ask(_UNFINISHED) == 0:
                return True
            await asyncio.sleep(_ASK_EVERY)
        return False

    async def _settle(self) -> None:
        """What is under way after the last outcome comes in: webhooks, last workflow tasks, recordings."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline:
            if await self._ask(_OPEN) == 0 and _workflows_agree(await self._evidence()):
                return
            await asyncio.sleep(2.0)

    async def _evidence(self) -> Evidence:
        """Asked again while a server that was killed comes back."""
        for _ in range(60):
            try:
                return await collect(self._settings, self._under_test.database_url, self._uploaded, self._stops)
            except (psycopg.OperationalError, OSError, RuntimeError):  # the Temporal client's errors are RuntimeErrors
                await asyncio.sleep(1.0)
        return await collect(self._settings, self._under_test.database_url, self._uploaded, self._stops)

    # Misfortunes

    async def _deal_cards(self) -> None:
        for dealt in deal(self._order.seed, kills=self._order.kills, gap=self._order.gap, decks=self._order.deck):
            await asyncio.sleep(dealt.after)
            if self._played.is_over:
                return
            await self._play(dealt)
        self._tell("the last misfortune is dealt")

    async def _play(self, dealt: Dealt) -> None:
        card = dealt.card
        match card.kind:
            case Misfortune.KILL if card.target is not None:
                await self._kill(card.target)
            case Misfortune.FREEZE if card.target is not None and self._under_test.freeze(card.target):
                self._tell(card.name)
                self._played.freezes[card.target] += 1
                await asyncio.sleep(card.seconds)
                self._under_test.thaw()
            case Misfortune.FAULT:
                self._tell(card.name)
                self._played.faults[card.name] += 1
                async with httpx.AsyncClient() as client:
                    answer = await client.post(f"{self._under_test.control_url}/faults", json=list(card.orders))
                    answer.raise_for_status()

    async def _kill(self, target: Target) -> None:
        """A process that is being restarted is waited for: a death that hits nothing is none."""
        for _ in range(40):
            at, due = datetime.now(UTC), self._played.leads_were_due
            if self._under_test.kill(target):
                self._tell(f"kill {target}")
                self._played.deaths.append(
                    Death(target=target, at=at, leads_were_due=due and not self._stops.is_paused(at))
                )
                return
            await asyncio.sleep(0.25)

    async def _keep_supervisor(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            if self._under_test.keep_up():
                self._tell("the supervisor is started again")

    async def _watch_backlog(self) -> None:
        while True:
            # While the database is down, what was known last still says most.
            with contextlib.suppress(psycopg.Error, OSError, ValueError):
                self._played.leads_were_due = await self._ask_once(_DUE) > 0
            await asyncio.sleep(_ASK_EVERY)

    async def _opt_out_while_ringing(self) -> None:
        """By e-mail, say, in the seconds between the first ring and the answer: only the last gate can know."""
        while self._played.opt_outs < self._order.opt_outs:
            await asyncio.sleep(_OPT_OUT_EVERY)
            phone = await self._somebody_ringing()
            if phone is None or self._played.is_over:
                return
            await self._call("post", "/v1/suppressions", {"phone": phone, "reason": "asked while it rang"})
            self._played.opt_outs += 1
            self._tell("somebody opts out while it rings")

    async def _somebody_ringing(self) -> str | None:
        while not self._played.is_over:
            with contextlib.suppress(psycopg.Error, OSError, ValueError):
                if phone := await asyncio.to_thread(_first, self._under_test.database_url, _JUST_RINGING):
                    return str(phone)
            await asyncio.sleep(0.1)
        return None

    async def _struck(self) -> int:
        async with httpx.AsyncClient() as client:
            orders = (await client.get(f"{self._under_test.control_url}/faults")).json()
        return sum(order["struck"] for order in orders)

    # Questions that are asked again while the answerer is down

    async def _call(self, method: str, path: str, *arguments: Any) -> Any:
        while True:
            try:
                return await asyncio.to_thread(getattr(self._api, method), path, *arguments)
            except ApiUnreachable:
                pass
            except ApiProblem as problem:
                if problem.status < 500:
                    raise
            if time.monotonic() > self._began + self._order.patience + _SETTLE_SECONDS:
                raise DidNotStart("the API did not come back")
            await asyncio.sleep(0.5)

    async def _move(self, campaign: str, verb: str) -> None:
        """A repeated request whose first answer was lost may be refused: it has happened."""
        try:
            await self._call("post", f"/v1/campaigns/{campaign}/{verb}")
        except ApiProblem as problem:
            if problem.status != 409 or verb == "start":
                raise

    async def _ask(self, question: str) -> int:
        for _ in range(120):
            try:
                return await self._ask_once(question)
            except (psycopg.Error, OSError, ValueError):
                await asyncio.sleep(0.5)
        raise DidNotStart("the database did not come back")

    async def _ask_once(self, question: str) -> int:
        return int(await asyncio.to_thread(_first, self._under_test.database_url, question))


def _first(database_url: str, question: str) -> Any:
    """The first value of the answer, None if it has no row."""
    with psycopg.connect(database_url, connect_timeout=3) as connection:
        row = connection.execute(question).fetchone()
        return row[0] if row else None


def _workflows_agree(evidence: Evidence) -> bool:
    """Whether every workflow of a finished lead has closed: notices and summaries come after the outcome."""
    final = {lead.id for lead in evidence.leads if lead.state == LeadState.FINAL}

    def is_open(workflow: WorkflowFact) -> bool:
        return workflow.lead_id in final and workflow.status == "running"

    return not any(is_open(workflow) for workflow in evidence.workflows)
