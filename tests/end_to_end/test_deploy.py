"""A deploy in mid-campaign: every process is replaced while people talk, and no call is dropped or made twice."""

import asyncio
from collections import Counter

import pytest

from tests.end_to_end.conftest import Rehearsal, rehearsal

NUMBERS = [f"+1{area}55501{nn}" for area in ("212", "312", "415", "602", "617") for nn in ("00", "01")]
"""People who book: the longest talks."""

pytestmark = [pytest.mark.end_to_end, pytest.mark.servers, pytest.mark.waits(110), pytest.mark.timeout(300)]


async def test_a_rolling_restart_in_mid_campaign_drops_no_call_and_makes_none_twice() -> None:
    async with rehearsal() as world:
        campaign = await world.campaign(NUMBERS, max_attempts=1)
        await world.call("post", f"/v1/campaigns/{campaign}/start")
        await _until_talking(world, 8)
        assert await world.system.restart()
        report = await world.until_over(campaign, 200)
        streams = Counter(event["call_sid"] for event in await world.truth("stream_started"))
        assert max(streams.values()) > 1, "nobody was handed over"
        assert await world.truth("error") == []
        assert Counter(event["to"] for event in await world.truth("placed")) == Counter(NUMBERS)
        assert report["outcomes"] == {"booked": len(NUMBERS)}


async def _until_talking(world: Rehearsal, count: int) -> None:
    async with asyncio.timeout(60):
        while len(await world.truth("stream_started")) < count:
            await asyncio.sleep(0.2)
