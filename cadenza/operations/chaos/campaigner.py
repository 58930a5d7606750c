"""The people of a chaos run: they make the campaigns, pause and resume one, cancel one, and opt out while it rings."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cadenza.operations.api_client import ApiProblem
from cadenza.operations.chaos.campaigns import Plan, PlannedCampaign, lead_file
from cadenza.operations.chaos.patience import AWAY, PatientApi, PatientDatabase
from cadenza.operations.chaos.results import ChaosOrder
from cadenza.operations.chaos.stops import StopLog
from cadenza.operations.demo.demo_command import demo_campaign
from cadenza.settings import Settings

Tell = Callable[[str], None]

_ASK_EVERY = 1.0
_RESUME_AFTER = 3.0
"""A pause that nobody asked for is ended after this."""
_LOOK_FOR_RINGING_EVERY = 0.1
_CONFLICT = 409
_JUST_RINGING = """
select phone from attempt where state = 'ringing' and ringing_at > now() - interval '0.7 seconds'
order by ringing_at desc limit 1
"""
_UNFINISHED = "select count(*) from lead where state <> 'final'"
_PAUSED = """
select '/v1/campaigns/' || id from campaign where state = 'paused'
union all select '/v1/account' from account where paused_reason is not null
"""


@dataclass(frozen=True)
class _Ids:
    finished: str
    cancelled: str
    held_back: str


class Campaigner:
    """Makes and moves the campaigns of one run over the API."""

    def __init__(
        self, order: ChaosOrder, plan: Plan, settings: Settings, api: PatientApi, database: PatientDatabase, tell: Tell
    ) -> None:
        self._order = order
        self._plan = plan
        self._settings = settings
        self._api = api
        self._database = database
        self._tell = tell
        self._ids: _Ids | None = None
        self._pausing = asyncio.Lock()
        self.stops = StopLog()
        self.uploaded: dict[str, int] = {}
        self.opt_outs = 0
        self.breaker_trips = 0
        self.progress = 0.0
        """Share of the main campaign's leads that have their outcome."""

    async def start(self) -> None:
        """Make all campaigns, then start them. Raises ApiProblem, DidNotStart."""
        plan = self._plan
        self._ids = _Ids(
            await self._create(plan.finished), await self._create(plan.cancelled), await self._create(plan.held_back)
        )
        for campaign in (self._ids.finished, self._ids.cancelled, self._ids.held_back):
            await self._api.post(f"/v1/campaigns/{campaign}/start")
        self._tell(f"{self._order.leads} leads in three campaigns are started")

    async def follow(self, deadline: float) -> bool:
        """Cancel one campaign half-way and the held-back one at the end. False if patience ran out."""
        assert self._ids is not None
        main, doomed, held_back = self._ids.finished, self._ids.cancelled, self._ids.held_back
        leads, doomed_leads = len(self._plan.finished.numbers), len(self._plan.cancelled.numbers)
        cancelled, told = False, -1
        while time.monotonic() < deadline:
            finished = await self._finished(main)
            self.progress = finished / leads
            if not cancelled and (finished >= leads // 3 or await self._finished(doomed) >= max(1, doomed_leads // 3)):
                cancelled = True
                await self._cancel(doomed)
            if finished >= told + max(1, self._order.leads // 10):
                told = finished
                self._tell(f"{finished} leads of {leads} have their outcome")
            if finished >= leads and cancelled:
                await self._cancel(held_back)
                return await self._until_final(deadline)
            await asyncio.sleep(_ASK_EVERY)
        return False

    async def pause_for_a_while(self, seconds: float, meanwhile: Callable[[], Awaitable[None]]) -> bool:
        """Pause the main campaign and resume it; `meanwhile` runs as the pause is asked for. False: it is over."""
        assert self._ids is not None
        campaign = self._ids.finished
        async with self._pausing:
            await meanwhile()
            if not await self._move(campaign, "pause"):
                return False
            self.stops.paused(campaign, datetime.now(UTC))
            await asyncio.sleep(seconds)
            self.stops.resumed(campaign, datetime.now(UTC))
            await self._move(campaign, "resume")
        return True

    async def opt_out_while_ringing(self) -> None:
        """By e-mail, say, in the seconds between the first ring and the answer: only the last gate can know."""
        while self.opt_outs < self._order.opt_outs:
            await asyncio.sleep(self._order.opt_out_gap)
            phone = await self._somebody_ringing()
            await self._api.post("/v1/suppressions", {"phone": phone, "reason": "asked while it rang"})
            self.opt_outs += 1
            self._tell("somebody opts out while it rings")

    async def resume_what_paused_itself(self) -> None:
        """Circuit breakers may well trip on what is done here. A person would look, and resume."""
        while True:
            await asyncio.sleep(_RESUME_AFTER)
            for path in await self._paused():
                async with self._pausing:  # our own pause ends first
                    if path in await self._paused():
                        await self._resume(path)

    async def _resume(self, path: str) -> None:
        with contextlib.suppress(ApiProblem):  # over meanwhile
            await self._api.post(f"{path}/resume")
        self.breaker_trips += 1
        self._tell("paused by the system itself; resumed")

    async def _paused(self) -> list[str]:
        with contextlib.suppress(*AWAY):
            return [str(path) for (path,) in await self._database.rows(_PAUSED)]
        return []

    async def _create(self, campaign: PlannedCampaign) -> str:
        body = demo_campaign(self._settings)
        body["name"] = campaign.name
        longest = self._order.max_call_seconds
        body["policy"] |= {**campaign.policy, "max_call_seconds": longest, "wrap_up_seconds": longest - 20}
        identifier: str = (await self._api.post("/v1/campaigns", body))["id"]
        file = self._settings.data_dir / f"{identifier}.csv"
        await asyncio.to_thread(file.write_text, lead_file(campaign.numbers))
        result = await self._api.upload(f"/v1/campaigns/{identifier}/leads", file)
        self.uploaded[identifier] = result["accepted"]
        return identifier

    async def _finished(self, campaign: str) -> int:
        progress = await self._api.get(f"/v1/campaigns/{campaign}/progress")
        return int(progress["finished"])

    async def _cancel(self, campaign: str) -> None:
        await self._move(campaign, "cancel")
        self.stops.cancelled(campaign, datetime.now(UTC))
        self._tell("a campaign is cancelled")

    async def _move(self, campaign: str, verb: str) -> bool:
        """False where the campaign is over. A request whose answer was lost may be repeated."""
        try:
            await self._api.post(f"/v1/campaigns/{campaign}/{verb}")
        except ApiProblem as problem:
            if problem.status != _CONFLICT:
                raise
            return False
        return True

    async def _until_final(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            if await self._database.ask(_UNFINISHED) == 0:
                return True
            await asyncio.sleep(_ASK_EVERY)
        return False

    async def _somebody_ringing(self) -> str:
        while True:
            with contextlib.suppress(*AWAY):
                if phone := await self._database.ask_once(_JUST_RINGING):
                    return str(phone)
            await asyncio.sleep(_LOOK_FOR_RINGING_EVERY)
