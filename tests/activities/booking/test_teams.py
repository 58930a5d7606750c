"""What is Microsoft's own: tokens, transaction ids, meetings that come late, calendars that overlap without a word."""

import asyncio
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from activities.booking.activities import BookingActivities
from activities.booking.calendar import AppointmentRequest, Diary
from activities.booking.teams import transaction_id
from cadenza.domain.outcomes import CalendarProvider
from tests.activities.booking.office import TeamsOffice

pytestmark = [pytest.mark.servers, pytest.mark.waits(20)]


async def test_the_appointment_has_a_teams_meeting(teams_office: TeamsOffice) -> None:
    await teams_office.open()
    lead = await teams_office.lead()
    await teams_office.book(lead, (await teams_office.find(lead)).slots[0].token)
    booking = await teams_office.linked_booking(lead)
    assert booking.join_url is not None and booking.join_url.startswith("https://teams.microsoft.com/")


async def test_a_meeting_that_comes_late_is_linked_when_it_is_there(teams_office: TeamsOffice) -> None:
    await teams_office.open()
    teams_office.fault("create_event", "meeting_late", seconds=0.3)
    lead = await teams_office.lead()
    result = await teams_office.book(lead, (await teams_office.find(lead)).slots[0].token)
    (booking,) = await teams_office.house.bookings(lead)
    assert result.status == "booked" and booking.join_url is None
    assert (await teams_office.linked_booking(lead)).join_url


async def test_a_meeting_that_does_not_come_does_not_undo_the_appointment(teams_office: TeamsOffice) -> None:
    await teams_office.open()
    teams_office.fault("create_event", "meeting_late", seconds=60)
    lead = await teams_office.lead()
    result = await teams_office.book(lead, (await teams_office.find(lead)).slots[0].token)
    assert result.status == "booked"
    assert len(teams_office.appointments()) == 1


async def test_a_token_that_was_withdrawn_is_renewed_once(teams_office: TeamsOffice) -> None:
    await teams_office.open()
    lead = await teams_office.lead()
    slot = (await teams_office.find(lead)).slots[0]
    teams_office.fault("create_event", "expired_token")
    assert (await teams_office.book(lead, slot.token)).status == "booked"
    assert len(teams_office.appointments()) == 1


async def test_a_short_retry_after_is_waited_for(teams_office: TeamsOffice) -> None:
    await teams_office.open()
    lead = await teams_office.lead()
    slot = (await teams_office.find(lead)).slots[0]
    teams_office.fault("create_event", "rate_limit", seconds=1)
    assert (await teams_office.book(lead, slot.token)).status == "booked"


async def test_wrong_credentials_are_a_refusal_and_not_a_crash(teams_office: TeamsOffice) -> None:
    await teams_office.open()
    lead = await teams_office.lead()
    slot = (await teams_office.find(lead)).slots[0]
    settings = teams_office.world.settings.model_copy(update={"microsoft_client_secret": SecretStr("wrong")})
    await teams_office.activities.close()
    teams_office.activities = BookingActivities(settings, teams_office.house.database)
    result = await teams_office.book(lead, slot.token)
    assert (result.status, result.reason) == ("failed", "calendar_refused")


async def test_a_login_that_cannot_be_reached_is_a_failure_that_may_pass(teams_office: TeamsOffice) -> None:
    await teams_office.open()
    lead = await teams_office.lead()
    slot = (await teams_office.find(lead)).slots[0]
    settings = teams_office.world.settings.model_copy(update={"microsoft_login_url": "https://127.0.0.1:1"})
    await teams_office.activities.close()
    teams_office.activities = BookingActivities(settings, teams_office.house.database)
    result = await teams_office.book(lead, slot.token)
    assert (result.status, result.reason) == ("failed", "calendar_unreachable")


@pytest.mark.parametrize("operation", ["discover", "token"])
async def test_a_login_in_trouble_is_a_failure_that_passes(teams_office: TeamsOffice, operation: str) -> None:
    await teams_office.open()
    lead = await teams_office.lead()
    teams_office.fault(operation, "status:503", count=1)
    assert (await teams_office.find(lead)).reason == "calendars_do_not_answer"
    if operation == "token":
        return  # msal itself keeps away from a failed login for five seconds: too long to wait here
    await asyncio.sleep(2.1)
    assert len((await teams_office.find(lead)).slots) == 2


async def test_the_login_is_trusted_by_our_file_whatever_the_environment_says(
    teams_office: TeamsOffice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(empty))
    await teams_office.open()
    assert len((await teams_office.find(await teams_office.lead())).slots) == 2


async def test_an_unknown_mailbox_is_a_silent_calendar_and_the_others_are_offered(teams_office: TeamsOffice) -> None:
    await teams_office.open_for("nobody@rehearsal.test", teams_office.calendars[0])
    offer = await teams_office.find(await teams_office.lead())
    assert len(offer.slots) == 2
    rows = await teams_office.house.run("select rep_ids from slot_offer")
    assert {tuple(row.rep_ids) for row in rows} == {(teams_office.reps[teams_office.calendars[0]],)}


async def test_appointments_keep_to_the_campaigns_hours_in_the_reps_zone(teams_office: TeamsOffice) -> None:
    day = {"opens": "13:00", "closes": "15:00"}
    hours = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), day)
    await teams_office.open(booking={"notice_minutes": 0, "hours": hours, "duration_minutes": 45})
    teams_office.emulator.behaviour.busy_share = 0.0
    lead = await teams_office.lead()
    starts = [slot.starts_at for _ in range(6) for slot in (await teams_office.find(lead)).slots]
    local = {start.astimezone(ZoneInfo("America/New_York")) for start in starts}
    assert {(moment.hour, moment.minute) for moment in local} == {(13, 0), (13, 30), (14, 0)}


async def test_a_repeated_request_has_the_same_transaction_and_the_next_rep_another(teams_office: TeamsOffice) -> None:
    now = (await teams_office.house.run("select now() as now"))[0].now
    request = AppointmentRequest(
        reference="bk_1", diary=Diary(provider=CalendarProvider.TEAMS, calendar_ref="a", time_zone="UTC"),
        starts_at=now, ends_at=now + timedelta(minutes=30), title="t", invitee_name="", invitee_email="",
        invitee_zone="UTC",
    )  # fmt: skip
    other = request.model_copy(update={"diary": request.diary.model_copy(update={"calendar_ref": "b"})})
    assert transaction_id(request) == transaction_id(request.model_copy(update={"invitee_email": "x@y.zz"}))
    assert transaction_id(request) != transaction_id(other)
