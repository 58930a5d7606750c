"""Caller IDs over HTTP: added, seen with their health, changed, removed; each change is in the audit log."""

import pytest

from cadenza.records.caller_ids import rest_refused_number
from tests.api.conftest import ALSO_ELSEWHERE, Api

PHONE = "+12125550191"


@pytest.fixture(autouse=True)
async def _no_pool_is_left(api: Api) -> None:
    await api.execute("delete from caller_id")


async def test_a_number_is_added_changed_and_removed(api: Api) -> None:
    added = await api.http.post("/v1/caller-ids", json={"phone": "(212) 555-0191", "daily_cap": 40})
    assert added.status_code == 201, added.text
    assert (added.json()["phone"], added.json()["may_call"], added.json()["calls_today"]) == (PHONE, True, 0)
    assert added.json()["health"]["answer_rate"] is None
    changed = await api.http.patch(f"/v1/caller-ids/{PHONE}", json={"state": "paused"})
    assert (changed.json()["state"], changed.json()["may_call"], changed.json()["daily_cap"]) == ("paused", False, 40)
    assert (await api.http.delete(f"/v1/caller-ids/{PHONE}")).status_code == 204
    assert (await api.http.get("/v1/caller-ids")).json()["items"] == []
    for kind in ("added", "changed", "removed"):
        assert await api.value("select count(*) from audit_entry where kind = :kind", kind=f"caller_id.{kind}") == 1


async def test_its_calls_and_its_rest_are_shown_with_an_interval(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign, params=ALSO_ELSEWHERE)
    attempt = await api.attempt(campaign, from_number=PHONE, call_sid=None, state="ended", tally="person")
    await api.http.post("/v1/caller-ids", json={"phone": PHONE, "campaign_id": campaign})
    await api.execute("update caller_id set counts_from = now() - interval '1 day'")
    [shown] = (await api.http.get("/v1/caller-ids")).json()["items"]
    assert (shown["campaign_id"], shown["calls_today"]) == (campaign, 1)
    health = shown["health"]
    assert (health["calls"], health["answer_rate"], health["answer_rate_high"]) == (1, 1.0, 1.0)
    assert 0.2 < health["answer_rate_low"] < 0.21
    async with api.database.transaction() as session:
        assert not await rest_refused_number(session, attempt.id, 21210)
    [resting] = (await api.http.get("/v1/caller-ids")).json()["items"]
    assert (resting["may_call"], resting["rest_rule"]) == (False, "carrier_refuses")
    again = (await api.http.patch(f"/v1/caller-ids/{PHONE}", json={"state": "active"})).json()
    assert (again["may_call"], again["rests_until"]) == (True, None)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"phone": "12"}, 422, "bad_phone"),
        ({"phone": PHONE, "daily_cap": 0}, 422, "invalid_request"),
        ({"phone": PHONE, "campaign_id": "cp_unknown"}, 404, "not_found"),
        ({"phone": "+12125550192"}, 409, "conflict"),
    ],
)
async def test_what_cannot_be_added_is_a_clear_answer(
    api: Api, body: dict[str, object], status: int, code: str
) -> None:
    await api.http.post("/v1/caller-ids", json={"phone": "+12125550192"})
    answer = await api.http.post("/v1/caller-ids", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_an_unknown_number_is_not_found(api: Api, method: str) -> None:
    body = {"json": {"daily_cap": 5}} if method == "PATCH" else {}
    answer = await api.http.request(method, f"/v1/caller-ids/{PHONE}", **body)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
