"""An activity beats beside its work, and stops by itself when it was silent for so long that it has a successor."""

import asyncio
import dataclasses
import time
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.heartbeat import HEARTBEAT_MISSED, heartbeating

EVERY = 0.02


class Body:
    """An activity's work: asleep, or deaf to the loop as a frozen process is."""

    def __init__(self, *, timeout: float | None = 0.2) -> None:
        self.environment = ActivityEnvironment()
        limit = None if timeout is None else timedelta(seconds=timeout)
        self.environment.info = dataclasses.replace(self.environment.info, heartbeat_timeout=limit)
        self.beats = 0
        self.environment.on_heartbeat = self._count
        self.went_on = False

    def _count(self, *_: object) -> None:
        self.beats += 1

    async def run(self, *, asleep: float = 0.0, frozen: float = 0.0, patience: float | None = None) -> None:
        async def work() -> None:
            async with heartbeating(EVERY):
                async with asyncio.timeout(patience):
                    await asyncio.sleep(asleep)
                time.sleep(frozen)  # noqa: ASYNC251
                await asyncio.sleep(EVERY / 2)
                self.went_on = True

        await self.environment.run(work)


async def test_it_beats_while_the_work_waits() -> None:
    body = Body()
    await body.run(asleep=0.5)
    assert body.went_on
    assert body.beats >= 10


@pytest.mark.parametrize("asleep", [0.1, 5 * EVERY, 0.0])
async def test_a_thawed_activity_does_nothing_more(asleep: float) -> None:
    """Also if it was frozen when a beat was just due, which then comes before the loop's timers."""
    body = Body()
    with pytest.raises(ApplicationError) as failure:
        await body.run(asleep=asleep, frozen=0.3)
    assert failure.value.type == HEARTBEAT_MISSED
    assert not body.went_on


@pytest.mark.parametrize("timeout", [1.0, None])
async def test_a_short_silence_is_forgiven_and_any_where_nobody_waits_for_a_beat(timeout: float | None) -> None:
    body = Body(timeout=timeout)
    await body.run(frozen=0.3)
    assert body.went_on


async def test_a_time_out_of_the_work_stays_one() -> None:
    with pytest.raises(TimeoutError):
        await Body().run(asleep=1.0, patience=0.1)


async def test_the_beat_ends_with_the_work() -> None:
    body = Body()
    await body.run()
    beats = body.beats
    await asyncio.sleep(5 * EVERY)
    assert body.beats == beats
