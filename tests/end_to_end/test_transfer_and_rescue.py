"""With every process: a callee is connected to a person; a lost stream comes back by its callback alone."""

from datetime import datetime

import pytest

from tests.end_to_end.conftest import Rehearsal, rehearsal

TARGET = "+12025550101"
WANTS_A_PERSON, LOSES_ITS_STREAM = "+12125550180", "+12125550101"

pytestmark = [pytest.mark.end_to_end, pytest.mark.servers, pytest.mark.long(80), pytest.mark.timeout(300)]


async def test_a_callee_is_connected_and_a_lost_stream_comes_back_without_the_verb() -> None:
    async with rehearsal(CALLS_PER_SECOND="2") as world:
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
