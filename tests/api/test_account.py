"""The telephony account over HTTP: seen, paused and resumed; the tick obeys. And why it pauses by itself."""

from api.account_limits import account_breakers
from cadenza.domain.breakers import BreakerRule, Trip
from cadenza.records.admission import admit_due_leads
from cadenza.records.breakers import trip_for
from tests.api.conftest import Api
from tests.support.gates import CAMPAIGN_ONLY


async def test_a_paused_account_says_why_and_admits_nobody_until_it_is_resumed(api: Api) -> None:
    paused = await api.http.post("/v1/account/pause", json={"reason": "caller ID under review"})
    assert paused.json()["paused_reason"] == "caller ID under review"
    again = await api.http.post("/v1/account/pause", json={"reason": "another"})
    assert again.json()["paused_reason"] == "caller ID under review", "the first reason stands"
    async with api.database.transaction() as session:
        tick = await admit_due_leads(session, api.context.account_id, CAMPAIGN_ONLY)
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


async def test_what_the_carrier_refuses_is_told_with_its_rule_until_somebody_resumes(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    attempt = await api.attempt(campaign)
    async with api.database.transaction() as session:
        trip = Trip(BreakerRule.CARRIER_REFUSES, "the carrier refuses our calls (code 20003)")
        await trip_for(session, attempt.id, trip, whole_account=True)
    seen = (await api.http.get("/v1/account")).json()
    assert (seen["paused_rule"], seen["paused_reason"]) == ("carrier_refuses", trip.reason)
    assert (seen["breaker"]["state"], seen["breaker"]["probe_at"]) == ("open", None)
    resumed = (await api.http.post("/v1/account/resume")).json()
    assert (resumed["paused_rule"], resumed["breaker"]) == (None, None)


def test_a_share_of_zero_in_the_settings_switches_the_accounts_rule_off(api: Api) -> None:
    limits = account_breakers(api.settings.model_copy(update={"breaker_abandoned_share": 0.0}))
    assert (limits.abandoned_share, limits.abandoned_burst_share) == (0, 0)
    assert limits.opt_out_share == api.settings.breaker_opt_out_share > 0
