"""Plays the cards of a run: kills, freezes and cuts processes, and gives the simulated carrier its orders."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from cadenza.operations.chaos.campaigner import Campaigner, Tell
from cadenza.operations.chaos.patience import AWAY, PatientDatabase
from cadenza.operations.chaos.recovery import Death
from cadenza.operations.chaos.schedule import Card, Dealt, Misfortune, Target, is_due
from cadenza.operations.chaos.under_test import UnderTest

_LOOK_EVERY = 0.1
_WATCH_EVERY = 1.0
_FIND_AGAIN_EVERY = 0.25
_FIND_AGAIN_SECONDS = 10.0
_MOMENT_PATIENCE = 2.0
_MOMENT = "select 1 from attempt where state = '{}' limit 1"
_DUE = """
select count(*) from lead join campaign on campaign.id = lead.campaign_id
where campaign.state = 'running' and lead.state in ('new', 'due') and lead.due_at <= now()
"""


class Mischief:
    """What was done to one system under test. `deal` the cards; the watchers run beside it."""

    def __init__(self, under_test: UnderTest, campaigner: Campaigner, database: PatientDatabase, tell: Tell) -> None:
        self._under_test = under_test
        self._campaigner = campaigner
        self._database = database
        self._tell = tell
        self._leads_are_due = False
        self.deaths: list[Death] = []
        self.freezes: Counter[str] = Counter()
        self.cuts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.rolls = self.pauses = 0
        self.not_played: list[str] = []

    async def deal(self, cards: list[Dealt]) -> None:
        """Play them, each when it is due. Ends after the last; cancelled when the campaigns are over."""
        async with asyncio.TaskGroup() as beside:
            for played, dealt in enumerate(cards):
                await self._until_due(dealt, played, len(cards))
                self._tell(dealt.card.name)
                if dealt.card.kind is Misfortune.PAUSE:
                    beside.create_task(self._note(dealt.card))  # what else goes wrong goes wrong in the pause too
                else:
                    await self._note(dealt.card)
            self._tell("the last misfortune is dealt")

    async def keep_supervisor(self) -> None:
        """As an init system would."""
        while True:
            await asyncio.sleep(_WATCH_EVERY / 2)
            if self._under_test.keep_up():
                self._tell("the supervisor is started again")

    async def watch_backlog(self) -> None:
        """A death says something about recovery only where there was a call to place."""
        while True:
            # While the database is down, what was known last still says most.
            with contextlib.suppress(*AWAY):
                self._leads_are_due = int(await self._database.ask_once(_DUE)) > 0
            await asyncio.sleep(_WATCH_EVERY)

    async def struck(self) -> int:
        """Requests and callbacks of the carrier that a fault hit."""
        async with httpx.AsyncClient() as client:
            orders = (await client.get(f"{self._under_test.control_url}/faults")).json()
        return sum(order["struck"] for order in orders)

    async def _until_due(self, dealt: Dealt, played: int, of: int) -> None:
        began = time.monotonic()
        while True:
            progress = self._campaigner.progress
            if is_due(dealt, waited=time.monotonic() - began, played=played, of=of, progress=progress):
                return
            await asyncio.sleep(_LOOK_EVERY)

    async def _note(self, card: Card) -> None:
        if not await self._play(card):
            self.not_played.append(card.name)
            self._tell(f"that could not be done here: {card.name}")

    async def _play(self, card: Card) -> bool:
        match card.kind:
            case Misfortune.FAULT:
                await self._order(card)
                self.faults[card.name] += 1
                return True
            case Misfortune.PAUSE:
                done = await self._campaigner.pause_for_a_while(card.seconds, lambda: self._order(card))
                self.pauses += done
                return done
            case Misfortune.ROLL:
                done = await self._under_test.roll()
                self.rolls += done
                return done
        assert card.target is not None
        if card.moment is not None:
            await self._database.wait_for(_MOMENT.format(card.moment), _MOMENT_PATIENCE)
        return await self._harm(card, card.target)

    async def _harm(self, card: Card, target: Target) -> bool:
        match card.kind:
            case Misfortune.KILL:
                return await self._kill(target)
            case Misfortune.FREEZE:
                return await self._freeze(target, card.seconds)
        done = await self._when_it_is_there(lambda: self._under_test.cut(target)) is not None
        self.cuts[target] += done
        return done

    async def _kill(self, target: Target) -> bool:
        at = await self._when_it_is_there(lambda: self._under_test.kill(target))
        if at is None:
            return False
        due = self._leads_are_due and not self._campaigner.stops.is_paused(at)
        self.deaths.append(Death(target=target, at=at, leads_were_due=due))
        return True

    async def _freeze(self, target: Target, seconds: float) -> bool:
        if await self._when_it_is_there(lambda: self._under_test.freeze(target)) is None:
            return False
        self.freezes[target] += 1
        await asyncio.sleep(seconds)
        self._under_test.thaw()
        return True

    async def _when_it_is_there(self, harm: Callable[[], bool]) -> datetime | None:
        """When it was done. A process that is being restarted is waited for: a death that hits nothing is none."""
        until = time.monotonic() + _FIND_AGAIN_SECONDS
        while time.monotonic() < until:
            at = datetime.now(UTC)
            if await asyncio.to_thread(harm):
                return at
            await asyncio.sleep(_FIND_AGAIN_EVERY)
        return None

    async def _order(self, card: Card) -> None:
        orders: list[dict[str, Any]] = list(card.orders)
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{self._under_test.control_url}/faults", json=orders)
            answer.raise_for_status()
