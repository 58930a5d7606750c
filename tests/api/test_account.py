"""The telephony account over HTTP: seen, paused and resumed; the tick obeys."""

from cadenza.records.admission import admit_due_leads
from tests.api.conftest import Api


async def test_a_paused_account_says_why_and_admits_nobody_until_it_is_resumed(api: Api) -> None:
    paused = await api.http.post("/v1/account/pause", json={"reason": "caller ID under review"})
    assert paused.json()["paused_reason"] == "caller ID under review"
    again = await api.http.post("/v1/account/pause", json={"reason": "another"})
    assert again.json()["paused_reason"] == "caller ID under review", "the first reason stands"
    async with api.database.transaction() as session:
        tick = await admit_due_leads(session, api.context.account_id)
    assert (tick.admitted, tick.reason) == ([], "caller ID under review")
    resumed = await api.http.post("/v1/account/resume")
    assert resumed.json()["paused_reason"] is None
    seen = (await api.http.get("/v1/account")).json()
    assert seen["lines_in_use"] == 0
    assert seen["max_lines"] == api.settings.max_lines


async def test_an_account_that_was_never_made_is_a_clear_answer(api: Api) -> None:
    await api.execute("delete from account where id = :id", id=api.context.account_id)
    answer = await api.http.get("/v1/account")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
