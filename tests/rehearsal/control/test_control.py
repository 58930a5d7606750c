"""The control port of a world."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest_asyncio

from cadenza.settings import Settings
from rehearsal.control.server import control_app
from rehearsal.people.characters import Memory
from rehearsal.twilio.behaviour import TwilioBehaviour
from rehearsal.world import World, create_world


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> World:
    world = create_world(Settings(_env_file=None, data_dir=tmp_path))
    world.behaviours["twilio"] = TwilioBehaviour()
    return world


@pytest_asyncio.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(control_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        yield client


async def test_the_truth_is_read_from_any_point_and_kept_in_a_file(
    http: httpx.AsyncClient, world: World, tmp_path: Path
) -> None:
    world.truth.append("dialled", to="+13125550101", call_sid="CA1")
    world.truth.append("dialled", to="+13125550102", call_sid="CA2")
    world.truth.append("ended", to="+13125550101", call_sid="CA1")
    assert [entry["sequence"] for entry in (await http.get("/truth")).json()] == [0, 1, 2]
    one = (await http.get("/truth", params={"kind": "dialled", "to": "+13125550101"})).json()
    assert [entry["call_sid"] for entry in one] == ["CA1"]
    assert len((await http.get("/truth", params={"since": 2})).json()) == 1
    lines = (tmp_path / "rehearsal" / "truth.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line)["kind"] for line in lines] == ["dialled", "dialled", "ended"]


async def test_orders_are_taken_shown_refused_and_taken_back(http: httpx.AsyncClient, world: World) -> None:
    order = {"vendor": "twilio", "operation": "create_call", "effect": "delay", "seconds": 2}
    assert (await http.post("/faults", json=[order])).status_code == 201
    fault = world.faults.take("twilio", "create_call")
    assert fault is not None and fault.seconds == 2
    shown = (await http.get("/faults")).json()
    assert [(one["left"], one["struck"]) for one in shown] == [(0, 1)]
    assert (await http.post("/faults", json=[{"vendor": "twilio"}])).status_code == 422
    assert (await http.delete("/faults")).status_code == 204
    assert (await http.get("/faults")).json() == []


async def test_settings_change_at_once_or_not_at_all(http: httpx.AsyncClient, world: World) -> None:
    changed = await http.post("/settings/twilio", json={"calls_per_second": 25})
    assert changed.json()["calls_per_second"] == 25
    bad = await http.post("/settings/twilio", json={"list_delay_seconds": 5, "calls_per_second": 0})
    assert bad.status_code == 422
    assert (await http.get("/settings")).json()["twilio"]["list_delay_seconds"] == 1.0
    assert (await http.post("/settings/nobody", json={})).status_code == 404


async def test_a_reset_forgets_everything(http: httpx.AsyncClient, world: World) -> None:
    called = []
    world.resets.append(lambda: called.append(True))
    world.truth.append("dialled")
    world.numbers["+13125550101"] = Memory(rung=2, answered=1)
    assert (await http.get("/numbers")).json() == {"+13125550101": {"rung": 2, "answered": 1}}
    assert (await http.post("/reset")).status_code == 204
    assert called == [True]
    assert (await http.get("/truth")).json() == []
    assert (await http.get("/numbers")).json() == {}
    assert (await http.get("/calls")).json() == []
