"""Campaigns over HTTP: created, changed, moved from state to state."""

from typing import Any

import pytest

from cadenza.domain.breakers import BreakerRule, Trip
from cadenza.records.breakers import trip_for
from tests.api.conftest import ALSO_ELSEWHERE, CSV, REP, SCRIPT, Api


async def test_a_campaign_is_a_draft_with_cautious_defaults(api: Api) -> None:
    answer = await api.http.post("/v1/campaigns", json={"name": "One", "script": SCRIPT, "reps": [REP]})
    assert answer.status_code == 201
    body = answer.json()
    assert body["state"] == "draft"
    assert body["policy"]["max_attempts"] == 3
    assert body["policy"]["calling_hours"]["sunday"] is None
    assert body["reps"][0]["name"] == "Dana Reyes"
    assert (await api.http.get(f"/v1/campaigns/{body['id']}")).json() == body


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"script": {"agent_company": "X", "purpose": "Y"}}, "script.opening"),
        ({"script": {**SCRIPT, "opening": "Hi {nickname}"}}, "script"),
        ({"script": {**SCRIPT, "disclosure": "Hi, this is Ava."}}, "script.disclosure"),
        ({"script": {**SCRIPT, "disclosure": "Hi, this is Ava, an AI assistant."}}, "script.disclosure"),
        ({"policy": {"max_attempts": 0}}, "policy.max_attempts"),
        ({"policy": {"max_atempts": 2}}, "policy.max_atempts"),
        ({"default_country": "XX"}, "default_country"),
        ({"caller_id": "12"}, "caller_id"),
        ({"reps": [{**REP, "time_zone": "Mars/Base"}]}, "reps.0.time_zone"),
        ({"reps": [REP, REP]}, "reps.1.email"),
        ({"webhook_url": "ftp://example.com"}, "webhook_url"),
    ],
)
async def test_what_is_wrong_in_a_campaign_is_named_with_a_fix(api: Api, change: dict[str, Any], field: str) -> None:
    answer = await api.http.post("/v1/campaigns", json={"name": "One", "script": SCRIPT, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "invalid_request"
    assert [error["field"] for error in body["errors"]] == [field]
    assert all(error["fix"] for error in body["errors"])


async def test_recording_is_announced_or_off(api: Api) -> None:
    silent = {**SCRIPT, "disclosure": "Hi, this is Ava, an AI assistant."}
    campaign = await api.campaign(script=silent, policy={"record_calls": False})
    refused = await api.http.patch(f"/v1/campaigns/{campaign}", json={"policy": {"record_calls": True}})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "script.disclosure")
    said = {**silent, "disclosure": "Hi, this is Ava, an AI assistant. I record this call."}
    both = await api.http.patch(f"/v1/campaigns/{campaign}", json={"script": said, "policy": {"record_calls": True}})
    assert both.status_code == 200, both.text


async def test_a_draft_is_changed_in_part(api: Api) -> None:
    campaign = await api.campaign(reps=[REP], policy={"max_attempts": 2, "max_lines": 4})
    other = {**REP, "email": "sam@example.com", "name": "Sam Okafor"}
    answer = await api.http.patch(
        f"/v1/campaigns/{campaign}", json={"name": "Two", "policy": {"max_lines": 9}, "reps": [other]}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["name"], body["policy"]["max_attempts"], body["policy"]["max_lines"]) == ("Two", 2, 9)
    assert {rep["name"]: rep["active"] for rep in body["reps"]} == {"Dana Reyes": False, "Sam Okafor": True}
    back = await api.http.patch(f"/v1/campaigns/{campaign}", json={"reps": [REP, other]})
    assert [rep["active"] for rep in back.json()["reps"]] == [True, True]
    assert {rep["id"] for rep in back.json()["reps"]} == {rep["id"] for rep in body["reps"]}


async def test_booking_and_webhook_can_be_set_and_taken_away(api: Api) -> None:
    campaign = await api.campaign()
    path = f"/v1/campaigns/{campaign}"
    given = {"booking": {"title": "Talk"}, "webhook_url": "https://crm.example.com/hook"}
    body = (await api.http.patch(path, json=given)).json()
    assert (body["booking"]["title"], body["webhook_url"]) == ("Talk", "https://crm.example.com/hook")
    assert (await api.http.patch(path, json={"name": "Other"})).json()["webhook_url"] == "https://crm.example.com/hook"
    body = (await api.http.patch(path, json={"booking": None, "webhook_url": None})).json()
    assert (body["booking"], body["webhook_url"]) == (None, None)


async def test_a_wrong_policy_change_is_refused_and_changes_nothing(api: Api) -> None:
    campaign = await api.campaign()
    answer = await api.http.patch(f"/v1/campaigns/{campaign}", json={"policy": {"ring_seconds": 3}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "policy.ring_seconds"
    assert (await api.http.get(f"/v1/campaigns/{campaign}")).json()["policy"]["ring_seconds"] == 25


async def test_a_running_campaign_cannot_be_changed(api: Api) -> None:
    campaign = await api.campaign()
    await api.execute("update campaign set state = 'running' where id = :id", id=campaign)
    answer = await api.http.patch(f"/v1/campaigns/{campaign}", json={"name": "Two"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_campaign_state")


async def test_starting_names_everything_that_is_missing(api: Api) -> None:
    campaign = await api.campaign(booking={})
    answer = await api.http.post(f"/v1/campaigns/{campaign}/start")
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "campaign_not_ready"
    assert {error["field"] for error in body["errors"]} == {"leads", "reps"}


async def test_starting_names_missing_settings(api: Api) -> None:
    campaign = await api.campaign(booking={}, reps=[{**REP, "provider": "teams", "calendar_ref": "dana@example.com"}])
    await api.upload(campaign)
    answer = await api.http.post(f"/v1/campaigns/{campaign}/start")
    assert {error["field"] for error in answer.json()["errors"]} == {
        "MICROSOFT_TENANT_ID",
        "MICROSOFT_CLIENT_ID",
        "MICROSOFT_CLIENT_SECRET",
    }


async def test_start_is_accepted_while_temporal_is_away_and_goes_on_later(api: Api) -> None:
    campaign = await api.campaign(booking={}, reps=[REP])
    await api.upload(campaign)
    answer = await api.http.post(f"/v1/campaigns/{campaign}/start")
    assert (answer.status_code, answer.json()["state"]) == (202, "preparing")
    assert answer.json()["caller_id"] == "+12025550199"
    again = await api.http.post(f"/v1/campaigns/{campaign}/start")
    assert (again.status_code, again.json()["state"]) == (202, "preparing")


async def test_pause_and_resume_are_one_row_and_may_be_repeated(api: Api) -> None:
    campaign = await api.campaign()
    await api.execute("update campaign set state = 'running', started_at = now() where id = :id", id=campaign)
    for action, state in [("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("resume", "running")]:
        answer = await api.http.post(f"/v1/campaigns/{campaign}/{action}")
        assert (answer.status_code, answer.json()["state"]) == (200, state)


async def test_a_campaign_paused_before_it_was_prepared_is_prepared_on_resume(api: Api) -> None:
    campaign = await api.campaign()
    await api.execute("update campaign set state = 'preparing' where id = :id", id=campaign)
    await api.http.post(f"/v1/campaigns/{campaign}/pause")
    assert (await api.http.post(f"/v1/campaigns/{campaign}/resume")).json()["state"] == "preparing"


@pytest.mark.parametrize(
    ("state", "action"),
    [
        ("draft", "pause"),
        ("draft", "resume"),
        ("cancelled", "start"),
        ("cancelled", "resume"),
        ("completed", "pause"),
        ("completed", "cancel"),
        ("paused", "start"),
    ],
)
async def test_moves_that_make_no_sense_are_refused(api: Api, state: str, action: str) -> None:
    campaign = await api.campaign()
    await api.execute("update campaign set state = :state where id = :id", id=campaign, state=state)
    answer = await api.http.post(f"/v1/campaigns/{campaign}/{action}")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_campaign_state")
    assert state in answer.json()["detail"]


async def test_cancelling_asks_every_unfinished_lead_to_close(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign, CSV + "Cleo,312-555-0100\n", params=ALSO_ELSEWHERE)
    await api.execute(
        "update lead set state = 'final', outcome = 'booked' where campaign_id = :id and first_name = 'Ada'",
        id=campaign,
    )
    answer = await api.http.post(f"/v1/campaigns/{campaign}/cancel")
    assert answer.json()["state"] == "cancelled"
    assert answer.json()["ended_at"] is not None
    closing = "select count(*) from lead where campaign_id = :id and close_as = 'cancelled'"
    assert await api.value(closing, id=campaign) == 2
    assert (await api.http.post(f"/v1/campaigns/{campaign}/cancel")).status_code == 200


async def test_lists_are_paged_newest_first_and_filtered_by_state(api: Api) -> None:
    made = [await api.campaign(name=f"Page {number}") for number in range(3)]
    await api.execute("update campaign set state = 'paused' where id = any(:ids)", ids=made)
    first = (await api.http.get("/v1/campaigns", params={"limit": 2, "state": "paused"})).json()
    assert [item["id"] for item in first["items"]] == [made[2], made[1]]
    second = (
        await api.http.get("/v1/campaigns", params={"limit": 2, "state": "paused", "after": first["next"]})
    ).json()
    assert second["items"][0]["id"] == made[0]


@pytest.mark.parametrize("path", ["", "/report", "/progress", "/uploads"])
async def test_an_unknown_campaign_is_404(api: Api, path: str) -> None:
    answer = await api.http.get(f"/v1/campaigns/cp_nothing{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_campaign_that_paused_by_itself_tells_why_and_how_it_goes_on(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign, params=ALSO_ELSEWHERE)
    attempt = await api.attempt(campaign)
    await api.execute("update campaign set state = 'running', started_at = now() where id = :id", id=campaign)
    async with api.database.transaction() as session:
        trip = Trip(BreakerRule.CARRIER_FAULTS, "6 of 8 attempts failed")
        await trip_for(session, attempt.id, trip, whole_account=False)
    seen = (await api.http.get(f"/v1/campaigns/{campaign}")).json()
    assert (seen["state"], seen["state_reason"], seen["paused_rule"]) == ("paused", trip.reason, "carrier_faults")
    breaker = (await api.http.get(f"/v1/campaigns/{campaign}/progress")).json()["breaker"]
    assert (breaker["state"], breaker["rule"]) == ("open", "carrier_faults")
    assert breaker["probe_at"] > breaker["since"]
    await api.http.post(f"/v1/campaigns/{campaign}/resume")
    seen = (await api.http.get(f"/v1/campaigns/{campaign}")).json()
    assert (seen["state"], seen["state_reason"], seen["paused_rule"]) == ("running", "", None)
    assert (await api.http.get(f"/v1/campaigns/{campaign}/progress")).json()["breaker"] is None


async def test_one_limit_of_the_breakers_is_changed_and_the_others_stay(api: Api) -> None:
    campaign = await api.campaign(policy={"breakers": {"opt_out_share": 0.4}})
    change = {"policy": {"breakers": {"carrier_fault_share": 0}}}
    answer = (await api.http.patch(f"/v1/campaigns/{campaign}", json=change)).json()
    limits = answer["policy"]["breakers"]
    assert (limits["opt_out_share"], limits["carrier_fault_share"], limits["abandoned_share"]) == (0.4, 0, 0.03)
    wrong = await api.http.patch(f"/v1/campaigns/{campaign}", json={"policy": {"breakers": {"opt_out_share": 2}}})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "policy.breakers.opt_out_share")
