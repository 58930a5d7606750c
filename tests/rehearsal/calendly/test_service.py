"""Tokens, limits, pages, faults, webhooks and the official spec."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from calendly.client import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rehearsal.calendly.server import CalendlyEmulator
from rehearsal.calendly.webhooks import signature
from rehearsal.servers import AsgiServer
from rehearsal.world import World
from tests.rehearsal.calendly.conftest import Booker
from tests.support.clock import SetClock
from tests.support.specs import OpenApi, spec_file


async def test_the_published_client_learns_who_it_is(
    world: World, emulator: CalendlyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "URL", world.settings.calendly_base_url + "/")
    monkeypatch.setattr(Client, "headers", dict(Client.headers))
    client = await asyncio.to_thread(Client, world.settings.calendly_token.get_secret_value())
    assert client.user_uuid == "DANA" and client.organization_uuid == "REHEARSAL"
    types = await asyncio.to_thread(client.get, "event_types", {"organization": client.organization_uri})
    assert {one["uri"].rsplit("/", 1)[-1] for one in types["collection"]} == {"DANA30", "SAM30", "MIA30"}
    assert {one["profile"]["name"] for one in types["collection"]} == {"Dana Reyes", "Sam Okafor", "Mia Chen"}


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic rehearsal-calendly-token"])
async def test_a_wrong_token_is_refused(api: httpx.AsyncClient, header: str) -> None:
    answer = await api.get("/users/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json() == {"title": "Unauthenticated", "message": "The access token is invalid"}


async def test_what_does_not_exist_is_not_found_and_other_organizations_are_forbidden(api: httpx.AsyncClient) -> None:
    for path in ("/users/NOBODY", "/event_types/X", "/scheduled_events/X", "/webhook_subscriptions/X"):
        assert (await api.get(path)).json()["title"] == "Resource Not Found"
    elsewhere = {"organization": "https://api.calendly.com/organizations/OTHER"}
    assert (await api.get("/event_types", params=elsewhere)).json()["title"] == "Permission Denied"
    for path in ("/event_types", "/scheduled_events", "/organization_memberships"):
        assert (await api.get(path)).status_code == 400


async def test_the_organization_has_three_members_in_pages(api: httpx.AsyncClient) -> None:
    organization = (await api.get("/users/me")).json()["resource"]["current_organization"]
    names: list[str] = []
    answer = (await api.get("/organization_memberships", params={"organization": organization, "count": 2})).json()
    assert answer["pagination"]["previous_page"] is None
    names += [row["user"]["name"] for row in answer["collection"]]
    last = (await api.get(answer["pagination"]["next_page"])).json()
    names += [row["user"]["name"] for row in last["collection"]]
    assert names == ["Dana Reyes", "Sam Okafor", "Mia Chen"]
    assert last["pagination"]["next_page_token"] is None and last["pagination"]["previous_page_token"]
    for bad in ({"count": "101"}, {"count": "many"}, {"page_token": "%%%"}):
        query = {"organization": organization, **bad}
        assert (await api.get("/organization_memberships", params=query)).status_code == 400
    by_email = await api.get("/organization_memberships", params={"email": "mia.chen@rehearsal.test"})
    assert [row["user"]["name"] for row in by_email.json()["collection"]] == ["Mia Chen"]


async def test_requests_are_counted_and_refused_above_the_limit(
    api: httpx.AsyncClient, emulator: CalendlyEmulator, clock: SetClock
) -> None:
    emulator.behaviour.requests_per_minute = 3
    answers = [await api.get("/users/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[-1].headers["X-RateLimit-Reset"] == "60"
    clock.seconds += 61
    assert (await api.get("/users/me")).status_code == 200


async def test_a_booking_whose_answer_is_lost_is_found_afterwards(
    world: World, booker: Booker, api: httpx.AsyncClient
) -> None:
    slot = (await booker.slots())[0]
    order = {"vendor": "calendly", "operation": "create_invitee", "effect": "lose_reply"}
    world.faults.order({**order, "where": {"email": "ann@example.com"}})
    with pytest.raises(httpx.RemoteProtocolError):
        await booker.book(slot)
    organization = (await api.get("/users/me")).json()["resource"]["current_organization"]
    query = {"organization": organization, "invitee_email": "ann@example.com"}
    assert len((await api.get("/scheduled_events", params=query)).json()["collection"]) == 1


async def test_a_slot_can_be_taken_between_looking_and_booking(world: World, booker: Booker) -> None:
    slot, other = (await booker.slots())[:2]
    world.faults.order({"vendor": "calendly", "operation": "create_invitee", "effect": "slot_taken"})
    answer = await booker.book(slot)
    assert answer.json()["details"][0]["code"] == "already_filled"
    assert (await booker.book(other)).status_code == 201
    assert [entry.facts["starts_at"][:19] for entry in world.truth.entries("booking_made")] == [other[:19]]


@pytest.mark.parametrize(
    ("effect", "status", "title"),
    [
        ("status:500", 500, "Internal Server Error"),
        ("status:403", 403, "Permission Denied"),
        ("rate_limit", 429, "Too Many Requests"),
    ],
)
async def test_errors_on_order_do_nothing_and_have_calendlys_shape(
    world: World, booker: Booker, effect: str, status: int, title: str
) -> None:
    slot = (await booker.slots())[0]
    world.faults.order({"vendor": "calendly", "operation": "create_invitee", "effect": effect, "seconds": 7})
    answer = await booker.book(slot)
    assert (answer.status_code, answer.json()["title"]) == (status, title)
    if status == 429:
        assert answer.headers["X-RateLimit-Reset"] == "7"
    assert (await booker.book(slot)).status_code == 201


@pytest.mark.parametrize("effect", ["delay", "stall", "cut_socket"])
async def test_requests_can_be_late_stuck_or_cut(world: World, api: httpx.AsyncClient, effect: str) -> None:
    world.faults.order({"vendor": "calendly", "effect": effect, "seconds": 0.01})
    if effect == "cut_socket":
        with pytest.raises(httpx.RemoteProtocolError):
            await api.get("/users/me")
    else:
        assert (await api.get("/users/me")).status_code == (200 if effect == "delay" else 503)


async def test_a_reset_forgets_bookings_and_limits(world: World, booker: Booker, emulator: CalendlyEmulator) -> None:
    slots = await booker.slots()
    await booker.book(slots[0])
    await world.reset()
    assert await booker.slots() == slots


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[tuple[str, "asyncio.Queue[tuple[str, bytes]]"]]:
    heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    failures = [503]

    async def hear(request: Request) -> Response:
        if failures:
            return Response(status_code=failures.pop())
        await heard.put((request.headers.get("calendly-webhook-signature", ""), await request.body()))
        return Response()

    server = AsgiServer(Starlette(routes=[Route("/hook", hear, methods=["POST"])]))
    await server.start("127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}/hook", heard
    await server.stop()


async def test_webhooks_are_signed_and_tried_again(
    api: httpx.AsyncClient, booker: Booker, listener: tuple[str, "asyncio.Queue[tuple[str, bytes]]"]
) -> None:
    url, heard = listener
    organization = (await api.get("/users/me")).json()["resource"]["current_organization"]
    body = {
        "url": url,
        "events": ["invitee.created", "invitee.canceled"],
        "organization": organization,
        "scope": "organization",
        "signing_key": "signkey",
    }
    made = await api.post("/webhook_subscriptions", json=body)
    assert made.status_code == 201
    assert (await api.post("/webhook_subscriptions", json=body)).status_code == 409
    for wrong in ({"url": "x"}, {"events": ["x"]}, {"scope": "x"}, {"organization": "x"}, {"scope": "user"}):
        assert (await api.post("/webhook_subscriptions", json={**body, **wrong})).status_code == 400
    listed = await api.get("/webhook_subscriptions", params={"organization": organization, "scope": "organization"})
    assert len(listed.json()["collection"]) == 1

    event = (await booker.book((await booker.slots())[0])).json()["resource"]["event"]
    header, content = await asyncio.wait_for(heard.get(), 10)
    stamp, _, given = header.removeprefix("t=").partition(",v1=")
    assert hmac.new(b"signkey", f"{stamp}.".encode() + content, hashlib.sha256).hexdigest() == given
    told = httpx.Response(200, content=content).json()
    assert told["event"] == "invitee.created" and told["payload"]["scheduled_event"]["uri"] == event

    await api.post(f"{event}/cancellation")
    _, content = await asyncio.wait_for(heard.get(), 10)
    assert httpx.Response(200, content=content).json()["payload"]["status"] == "canceled"
    uri = made.json()["resource"]["uri"]
    assert (await api.get(uri)).status_code == 200
    assert (await api.delete(uri)).status_code == 204
    assert (await api.get(uri)).status_code == 404


def test_the_signature_is_calendlys() -> None:
    # The vector of the reference notes.
    expected = "9b7a07f684d1e1bd42cab8a3e30e77b72fd7c7b69c471e25990e2bc2fcbfced4"
    assert signature("signkey", 1_700_000_000, b'{"event":"invitee.created"}') == f"t=1700000000,v1={expected}"


async def test_answers_are_what_the_official_spec_says(api: httpx.AsyncClient, booker: Booker) -> None:
    spec = OpenApi(spec_file("calendly", "calendly-openapi-2024-04.yaml"))

    async def get(path: str, template: str, **query: str) -> dict[str, object]:
        answer = await api.get(path, params=query)
        spec.check_answer(template, "get", answer.status_code, answer.json())
        body: dict[str, object] = answer.json()
        return body

    me = await get("/users/me", "/users/me")
    organization = me["resource"]["current_organization"]  # type: ignore[index]
    slots = {identifier: await booker.slots(identifier) for identifier in ("DANA30", "SAM30", "MIA30")}
    place = {"kind": "outbound_call", "location": "+61491570006"}
    events = []
    for identifier, offered in slots.items():
        where = {"location": place} if identifier == "MIA30" else {}
        answer = await booker.book(offered[3], identifier, event_guests=["bob@example.com"], **where)
        invitee = answer.json()["resource"]
        spec.check("Invitee", invitee)
        events.append(invitee)

    event, identifier = events[0]["event"], events[0]["event"].rsplit("/", 1)[-1]
    cancelled = await api.post(f"{event}/cancellation", json={"reason": "x"})
    spec.check("Cancellation", cancelled.json()["resource"])
    await get("/organization_memberships", "/organization_memberships", organization=organization)
    await get("/event_types", "/event_types", organization=organization)
    await get("/event_types/DANA30", "/event_types/{uuid}")
    await get("/scheduled_events", "/scheduled_events", organization=organization)
    await get(f"/scheduled_events/{identifier}", "/scheduled_events/{uuid}")
    await get(f"/scheduled_events/{identifier}/invitees", "/scheduled_events/{uuid}/invitees")
    await get(events[0]["uri"], "/scheduled_events/{event_uuid}/invitees/{invitee_uuid}")
    await get("/users/NOBODY", "/users/{uuid}")
    await get("/event_types", "/event_types")
    start, end = slots["DANA30"][0], slots["DANA30"][-1]
    query = {"event_type": booker.event_type(), "start_time": start, "end_time": end}
    await get("/event_type_available_times", "/event_type_available_times", **query)
    user = me["resource"]["uri"]  # type: ignore[index]
    await get("/user_busy_times", "/user_busy_times", user=user, start_time=start, end_time=end)
