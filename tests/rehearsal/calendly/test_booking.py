"""Slots, bookings and cancellations of the emulated Calendly."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from rehearsal.calendly.limits import Plan
from rehearsal.calendly.server import CalendlyEmulator
from rehearsal.world import World
from tests.rehearsal.calendly.conftest import Booker
from tests.support.clock import SetClock

UTM = dict.fromkeys(["utm_campaign", "utm_source", "utm_medium", "utm_content", "utm_term", "salesforce_uuid"])


def details(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()
    assert (answer.status_code, body["title"]) == (400, "Invalid Argument")
    found: dict[str, Any] = body["details"][0]
    return found


async def test_slots_are_within_working_hours_in_the_future_and_stay_the_same(booker: Booker, clock: SetClock) -> None:
    slots = await booker.slots()
    assert slots == await booker.slots() and 20 < len(slots) < 70
    for slot in slots:
        start = datetime.fromisoformat(slot)
        local = start.astimezone(ZoneInfo("America/New_York"))
        assert 9 <= local.hour < 17 and local.hour != 12 and local.weekday() < 5
        assert start >= clock.at + timedelta(hours=2)


async def test_a_booked_slot_is_offered_no_more_and_seen_everywhere(
    booker: Booker, api: httpx.AsyncClient, world: World
) -> None:
    slot = (await booker.slots())[0]
    tracking = {**UTM, "utm_content": "booking-1"}
    answer = await booker.book(slot, tracking=tracking)
    assert answer.status_code == 201
    invitee = answer.json()["resource"]
    assert invitee["tracking"]["utm_content"] == "booking-1"
    assert slot not in await booker.slots()

    organization = (await api.get("/users/me")).json()["resource"]["current_organization"]
    query = {"organization": organization, "invitee_email": "ANN@example.com", "min_start_time": slot}
    listed = (await api.get("/scheduled_events", params={**query, "max_start_time": slot})).json()["collection"]
    assert [event["uri"] for event in listed] == [invitee["event"]]
    assert listed[0]["event_memberships"][0]["user_name"] == "Dana Reyes"
    event = (await api.get(invitee["event"])).json()["resource"]
    assert event["location"]["join_url"].startswith("https://zoom.")
    invitees = (await api.get(f"{invitee['event']}/invitees", params={"email": "ann@example.com"})).json()
    assert [one["uri"] for one in invitees["collection"]] == [invitee["uri"]]
    assert (await api.get(invitee["uri"])).json()["resource"]["uri"] == invitee["uri"]
    (made,) = world.truth.entries("booking_made")
    assert made.facts["event"] == invitee["event"] and made.facts["reference"] == "booking-1"


async def test_one_slot_is_never_given_to_two(booker: Booker) -> None:
    slot = (await booker.slots())[0]
    answers = await asyncio.gather(*(booker.book(slot) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 7
    taken = next(answer for answer in answers if answer.status_code == 400)
    assert details(taken)["code"] == "already_filled"


async def test_the_same_time_of_another_rep_is_another_slot(booker: Booker) -> None:
    slot = min(set(await booker.slots("DANA30")) & set(await booker.slots("SAM30")))
    assert (await booker.book(slot, "DANA30")).status_code == 201
    assert (await booker.book(slot, "SAM30")).status_code == 201


async def test_a_cancelled_slot_is_offered_again_and_cannot_be_cancelled_twice(
    booker: Booker, api: httpx.AsyncClient, world: World
) -> None:
    slot = (await booker.slots())[0]
    event = (await booker.book(slot)).json()["resource"]["event"]
    answer = await api.post(f"{event}/cancellation", json={"reason": "changed their mind"})
    assert (answer.status_code, answer.json()["resource"]["canceler_type"]) == (201, "host")
    assert (await api.post(f"{event}/cancellation")).status_code == 403
    assert slot in await booker.slots()
    assert (await api.get(event)).json()["resource"]["status"] == "canceled"
    organization = (await api.get("/users/me")).json()["resource"]["current_organization"]
    for status, count in (("active", 0), ("canceled", 1)):
        listed = await api.get("/scheduled_events", params={"organization": organization, "status": status})
        assert len(listed.json()["collection"]) == count
    assert len(list(world.truth.entries("booking_cancelled"))) == 1


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"invitee": None}, "invitee"),
        ({"invitee": {"email": "a@b.cd", "timezone": "UTC"}}, "invitee.name"),
        ({"invitee": {"name": "A", "email": "not-an-address", "timezone": "UTC"}}, "invitee.email"),
        ({"invitee": {"name": "A", "email": "a@b.cd", "timezone": "Mars/Olympus"}}, "invitee.timezone"),
        (
            {"invitee": {"name": "A", "email": "a@b.cd", "timezone": "UTC", "text_reminder_number": "12"}},
            "invitee.text_reminder_number",
        ),
        ({"start_time": None}, "start_time"),
        ({"start_time": "2026-11-24T10:00:00"}, "start_time"),
        ({"start_time": "tomorrow"}, "start_time"),
        ({"start_time": "2026-11-23T09:00:00Z"}, "start_time"),
        ({"start_time": "2026-11-24T03:00:00Z"}, "start_time"),
        ({"tracking": {"utm_source": "call"}}, "tracking"),
        ({"location": {"kind": "outbound_call", "location": "+12025550101"}}, "location.kind"),
        ({"questions_and_answers": [{"question": "Company", "answer": "Acme"}]}, "questions_and_answers"),
        ({"questions_and_answers": "Acme"}, "questions_and_answers"),
        ({"event_guests": [f"guest{n}@example.com" for n in range(11)]}, "event_guests"),
        ({"event_guests": ["nobody"]}, "event_guests"),
        ({"event_type": None}, "event_type"),
    ],
)
async def test_a_booking_in_bad_form_names_the_parameter(
    booker: Booker, changes: dict[str, object], parameter: str
) -> None:
    slot = (await booker.slots())[0]
    found = details(await booker.book(slot, **changes))
    assert found["parameter"] == parameter
    assert "code" not in found


async def test_a_place_that_the_invitee_gives_is_needed_and_kept(booker: Booker, api: httpx.AsyncClient) -> None:
    slot = (await booker.slots("MIA30"))[0]
    assert details(await booker.book(slot, "MIA30"))["parameter"] == "location"
    nowhere = {"kind": "outbound_call", "location": "somewhere"}
    assert details(await booker.book(slot, "MIA30", location=nowhere))["parameter"] == "location.location"
    answers = [{"question": "Company", "answer": "Acme", "position": 0}]
    place = {"kind": "outbound_call", "location": "+61491570006"}
    answer = await booker.book(slot, "MIA30", location=place, questions_and_answers=answers)
    assert answer.json()["resource"]["questions_and_answers"] == answers
    event = (await api.get(answer.json()["resource"]["event"])).json()["resource"]
    assert event["location"] == {"type": "outbound_call", "location": "+61491570006"}


async def test_an_unknown_event_type_is_not_found(booker: Booker) -> None:
    slot = (await booker.slots())[0]
    assert (await booker.book(slot, "NOBODY30")).status_code == 404


@pytest.mark.parametrize(
    ("start", "end", "parameter"),
    [
        ("2026-11-24T00:00:00Z", "2026-12-26T00:00:01Z", "end_time"),
        ("2026-11-24T00:00:00Z", "2026-11-23T23:00:00Z", "end_time"),
        ("2026-11-20T00:00:00Z", "2026-11-25T00:00:00Z", "start_time"),
        ("soon", "2026-11-25T00:00:00Z", "start_time"),
    ],
)
async def test_a_range_that_calendly_does_not_take_is_refused(
    api: httpx.AsyncClient, booker: Booker, start: str, end: str, parameter: str
) -> None:
    query = {"event_type": booker.event_type(), "start_time": start, "end_time": end}
    assert details(await api.get("/event_type_available_times", params=query))["parameter"] == parameter


async def test_a_whole_month_may_be_asked_for(booker: Booker) -> None:
    assert len(await booker.slots(days=31)) > 100


@pytest.mark.parametrize(("plan", "allowed"), [(Plan.TRIAL, 5), (Plan.PAID, 10)])
async def test_a_plan_books_so_often_and_says_when_it_books_again(
    booker: Booker, emulator: CalendlyEmulator, plan: Plan, allowed: int
) -> None:
    emulator.behaviour.plan = plan
    slots = await booker.slots()
    answers = [await booker.book(slot) for slot in slots[: allowed + 1]]
    assert [answer.status_code for answer in answers] == [201] * allowed + [429]
    assert 0 < float(answers[-1].headers["X-RateLimit-Reset"]) <= 86_400


async def test_the_limit_of_a_minute_opens_again_after_it(
    booker: Booker, emulator: CalendlyEmulator, clock: SetClock
) -> None:
    emulator.behaviour.plan = Plan.PAID
    slots = await booker.slots()
    for slot in slots[:10]:
        await booker.book(slot)
    assert (await booker.book(slots[10])).status_code == 429
    clock.seconds += 60.1
    assert (await booker.book(slots[10])).status_code == 201


async def test_a_free_plan_does_not_book(booker: Booker, emulator: CalendlyEmulator) -> None:
    slot = (await booker.slots())[0]
    emulator.behaviour.plan = Plan.FREE
    answer = await booker.book(slot)
    assert (answer.status_code, answer.json()["title"]) == (403, "Permission Denied")


async def test_fewer_slots_are_offered_on_order(booker: Booker, emulator: CalendlyEmulator) -> None:
    everything = await booker.slots()
    emulator.behaviour.availability_share = 0.3
    some = await booker.slots()
    assert set(some) < set(everything)


async def test_busy_times_tell_own_meetings_from_booked_ones(booker: Booker, api: httpx.AsyncClient) -> None:
    slot = (await booker.slots())[0]
    await booker.book(slot)
    user = (await api.get("/users/me")).json()["resource"]["uri"]
    start = datetime.fromisoformat(slot)
    query = {"user": user, "start_time": start.isoformat(), "end_time": (start + timedelta(days=6)).isoformat()}
    rows = (await api.get("/user_busy_times", params=query)).json()["collection"]
    assert {row["type"] for row in rows} == {"calendly", "external"}
    too_long = {**query, "end_time": (start + timedelta(days=8)).isoformat()}
    assert details(await api.get("/user_busy_times", params=too_long))["parameter"] == "end_time"


async def test_a_single_use_link_is_made_for_an_event_type(booker: Booker, api: httpx.AsyncClient) -> None:
    body = {"max_event_count": 1, "owner": booker.event_type(), "owner_type": "EventType"}
    answer = await api.post("/scheduling_links", json=body)
    assert answer.status_code == 201
    assert answer.json()["resource"]["booking_url"].startswith("https://calendly.com/d/")
    assert details(await api.post("/scheduling_links", json={**body, "max_event_count": 2}))
    assert details(await api.post("/scheduling_links", json={**body, "owner_type": "User"}))
