"""What one running system is asked for, with every process.

Pause, resume and cancel act within two seconds on what does not ring yet; an opt-out over the API acts at once; a
callee is connected to a person; a lost stream comes back by its callback alone.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.end_to_end.conftest import Rehearsal, rehearsal

AREAS = ("212", "312", "415", "602", "617")
NUMBERS = [f"+1{area}55501{nn}" for area in AREAS for nn in ("48", "49", "50", "51", "52", "53", "00", "18")]
SLACK = timedelta(seconds=2)
TARGET = "+12025550101"
WANTS_A_PERSON, LOSES_ITS_STREAM = "+12125550180", "+12125550101"

pytestmark = [pytest.mark.end_to_end, pytest.mark.servers, pytest.mark.waits(150), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world() -> AsyncIterator[Rehearsal]:
    async with rehearsal(CALLS_PER_SECOND="2") as running:
        yield running


async def rings(world: Rehearsal) -> list[datetime]:
    return [datetime.fromisoformat(event["at"]) for event in await world.truth("ringing")]


async def test_pause_resume_and_cancel_act_within_two_seconds(world: Rehearsal) -> None:
    campaign = await world.campaign(NUMBERS, max_attempts=2, retry_gap_seconds=1)
    await world.call("post", f"/v1/campaigns/{campaign}/start")
    await _until_ringing(world, 4)

    silenced = await _one_that_rings(world)
    asked_at = datetime.now(UTC)
    await world.call("post", "/v1/suppressions", {"phone": silenced, "reason": "asked by e-mail"})
    seconds = (await _ended_at(world, silenced) - asked_at).total_seconds()
    print(f"a ringing call of a suppressed number was hung up after {seconds:.2f} s")
    assert seconds < SLACK.total_seconds()

    paused_at = datetime.now(UTC)
    await world.call("post", f"/v1/campaigns/{campaign}/pause")
    await asyncio.sleep(8)
    late = [at for at in await rings(world) if at > paused_at + SLACK]
    assert late == [], "rang after the pause"

    resumed_at = datetime.now(UTC)
    await world.call("post", f"/v1/campaigns/{campaign}/resume")
    await asyncio.sleep(5)
    again = [at for at in await rings(world) if at > resumed_at]
    assert again
    assert min(again) - resumed_at < timedelta(seconds=4)

    suppressed = NUMBERS[-1]
    await world.call("post", "/v1/suppressions", {"phone": suppressed, "reason": "asked by e-mail"})
    cancelled_at = datetime.now(UTC)
    await world.call("post", f"/v1/campaigns/{campaign}/cancel")
    report = await world.until_over(campaign, 90)
    late = [at for at in await rings(world) if at > cancelled_at + SLACK]
    assert late == [], "rang after the cancel"
    assert report["unfinished"] == 0
    assert sum(report["outcomes"].values()) == len(NUMBERS)
    assert report["outcomes"]["cancelled"] > 10
    assert suppressed not in {event["to"] for event in await world.truth("dialled")}


async def _one_that_rings(world: Rehearsal) -> str:
    """The number whose telephone began to ring last: it is the farthest from being answered."""
    over = {event["call_sid"] for kind in ("ended", "answered") for event in await world.truth(kind)}
    ringing = [event for event in await world.truth("ringing") if event["call_sid"] not in over]
    return str(ringing[-1]["to"])


async def _ended_at(world: Rehearsal, number: str) -> datetime:
    async with asyncio.timeout(60):
        while True:
            for event in await world.truth("ended"):
                if event["to"] == number:
                    return datetime.fromisoformat(event["at"])
            await asyncio.sleep(0.05)


async def _until_ringing(world: Rehearsal, count: int) -> None:
    async with asyncio.timeout(60):
        while len(await rings(world)) < count:
            await asyncio.sleep(0.2)


async def test_a_callee_is_connected_and_a_lost_stream_comes_back_without_the_verb(world: Rehearsal) -> None:
    behaviour = await world.control.post("/settings/twilio", json={"goes_on_after_broken_stream": False})
    behaviour.raise_for_status()
    await world.order_fault(
        vendor="twilio", operation="media_stream", effect="cut_socket", seconds=9, to=LOSES_ITS_STREAM
    )
    targets = [{"id": "sales", "label": "our sales team", "phone": TARGET}]
    campaign = await world.campaign([WANTS_A_PERSON, LOSES_ITS_STREAM], max_attempts=1, transfer_targets=targets)
    await world.call("post", f"/v1/campaigns/{campaign}/start")
    report = await world.until_over(campaign, 200)
    outcomes = await world.outcomes(campaign)
    assert outcomes == {"80": "transferred", "01": "booked"}, await world.story(campaign, outcomes)
    assert report["rates"]["transferred"]["count"] == 1
    await _the_target_was_rung_once(world, campaign)
    await _the_stream_came_back(world)


async def _the_target_was_rung_once(world: Rehearsal, campaign: str) -> None:
    (dialled,) = await world.truth("transfer_dialled")
    assert (dialled["to"], dialled["target"]) == (WANTS_A_PERSON, TARGET)
    calls = (await world.call("get", "/v1/calls", campaign=campaign, outcome="transferred"))["items"]
    (transfer,) = (await world.call("get", f"/v1/calls/{calls[0]['id']}"))["transfers"]
    assert transfer["state"] == "completed" and transfer["talked_seconds"] >= 1


async def _the_stream_came_back(world: Rehearsal) -> None:
    (broken,) = [event for event in await world.truth("stream_ended") if event["why"] == "server_broke"]
    assert broken["to"] == LOSES_ITS_STREAM
    assert await world.truth("redirected"), "the verb did not run, so somebody must have sent the call on"
    begun = [event["at"] for event in await world.truth("stream_started") if event["to"] == LOSES_ITS_STREAM]
    gap = datetime.fromisoformat(begun[-1]) - datetime.fromisoformat(broken["at"])
    print(f"the call came back {gap.total_seconds():.1f} s after its stream broke")
