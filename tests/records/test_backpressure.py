"""Pins down: nobody is called whom no bridge can take or hear, nor while the workers have admissions that they do not
use, or the carrier has calls that do not ring yet."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.records import bridges
from cadenza.records.admission import AdmissionTick, admit_due_leads
from cadenza.records.backpressure import Room, room_at_carrier, room_on_bridges, room_with_workers
from tests.records.conftest import ACCOUNT, World
from tests.support.gates import CAMPAIGN_ONLY


async def tick(world: World) -> AdmissionTick:
    async with world.database.transaction() as session:
        return await admit_due_leads(session, ACCOUNT, CAMPAIGN_ONLY)


async def beat(world: World, bridge: str, **says: Any) -> None:
    async with world.database.transaction() as session:
        state = {"public_url": "ws://bridge", "max_calls": 4, "calls": 0, "draining": False, **says}
        await bridges.beat(session, bridge, **state)


async def test_a_bridge_whose_recogniser_refuses_has_no_room_until_it_takes_sessions_again(world: World) -> None:
    await world.account(bridge_room=100)
    await world.leads(await world.campaign(), 9)
    await beat(world, "bridge-1", listening_refusal="code 3009")
    after = await tick(world)
    assert after.admitted == []
    assert after.reason == "the recogniser takes no sessions (code 3009), at 1 of 1 bridges"
    [account] = await world.run("select waiting_reason from account")
    assert account.waiting_reason == after.reason
    await beat(world, "bridge-2")
    assert len((await tick(world)).admitted) == 4
    await beat(world, "bridge-1", max_calls=100)
    assert len((await tick(world)).admitted) == 5
    [account] = await world.run("select waiting_reason from account")
    assert account.waiting_reason == ""


async def test_calls_on_their_way_take_room(world: World) -> None:
    await world.account(bridge_room=3)
    await world.leads(await world.campaign(), 9)
    assert len((await tick(world)).admitted) == 3
    async with world.database.transaction() as session:
        assert await room_on_bridges(session) == Room(0, "the voice bridges are full")


async def test_while_the_carriers_queue_is_long_nobody_is_admitted(world: World) -> None:
    await world.account(lines=50, calls_per_second=1.0)
    await world.leads(await world.campaign(), 20)
    await world.run("update account set calls_per_second = 100")
    await tick(world)
    await world.run("update attempt set state = 'placed', submitted_at = now()")
    await world.leads(await world.campaign(), 20)
    await world.run("update account set calls_per_second = 1, tokens = 1")
    after = await tick(world)
    assert after.admitted == []
    assert after.reason == "the carrier's queue is long (20 calls do not ring yet)"
    await world.run("update attempt set submitted_at = now() - interval '61 seconds'")
    assert len((await tick(world)).admitted) == 1, "calls whose callbacks were lost do not hold it up for ever"


@pytest.mark.parametrize(("queued", "rate", "room"), [(0, 1.0, 4), (3, 1.0, 1), (4, 1.0, 0), (2, 0.1, 1), (3, 0.1, 0)])
def test_the_queue_holds_three_seconds_of_calls_but_never_less_than_two(queued: int, rate: float, room: int) -> None:
    assert room_at_carrier(queued, rate).calls == room


@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_room_at_the_carrier_is_never_negative_and_none_has_a_reason(queued: int, rate: float) -> None:
    room = room_at_carrier(queued, rate)
    assert room.calls >= 0
    assert (room.calls == 0) == bool(room.reason)


async def test_slow_workers_get_no_more_admissions_than_they_use(world: World) -> None:
    await world.account(lines=50, calls_per_second=3.0)
    await world.leads(await world.campaign(), 20)
    assert len((await tick(world)).admitted) == 3
    await world.run("update account set tokens = 3")
    after = await tick(world)
    assert (after.admitted, after.reason) == ([], "the workers are slow (3 admitted calls are not sent yet)")
    await world.run("update attempt set state = 'submitting' where id = (select min(id) from attempt)")
    await world.run("update account set tokens = 3")
    assert len((await tick(world)).admitted) == 1


@pytest.mark.parametrize(("unused", "rate", "room"), [(0, 5.0, 5), (4, 5.0, 1), (5, 5.0, 0), (0, 0.1, 2), (2, 0.1, 0)])
def test_a_second_of_calls_may_wait_for_the_workers_but_never_less_than_two(
    unused: int, rate: float, room: int
) -> None:
    assert room_with_workers(unused, rate).calls == room
