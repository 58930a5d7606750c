"""The figures for monitoring: behind the key, from the records, and with a 0 where nothing happened."""

from prometheus_client.parser import text_string_to_metric_families

from cadenza.domain.breakers import BreakerRule, Trip
from cadenza.records import bridges
from cadenza.records.breakers import trip_for
from cadenza.records.sweeper import SweepKind, sweep
from tests.api.conftest import ALSO_ELSEWHERE, Api
from tests.support.gates import CAMPAIGN_ONLY


async def samples(api: Api) -> dict[tuple[str, ...], float]:
    """By name and values of the labels."""
    answer = await api.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_without_a_key_nothing_is_told(api: Api) -> None:
    api.http.headers.pop("Authorization")
    assert (await api.http.get("/metrics")).status_code == 401


async def test_what_did_not_happen_is_told_as_zero(api: Api) -> None:
    found = await samples(api)
    assert all(found["cadenza_leads_swept_total", kind] == 0 for kind in SweepKind)
    assert all(found["cadenza_breaker_trips_total", rule] == 0 for rule in BreakerRule)
    assert found["cadenza_bridges", "deaf"] == 0
    assert found["cadenza_lead_oldest_due_seconds",] == 0


async def test_the_figures_are_those_of_the_records(api: Api) -> None:
    account = api.context.account_id
    campaign = await api.campaign()
    await api.upload(campaign, params=ALSO_ELSEWHERE)
    attempt = await api.attempt(campaign)
    await api.execute("update campaign set state = 'running' where id = :id", id=campaign)
    await api.execute("update lead set due_at = now() - interval '90 seconds' where campaign_id = :id", id=campaign)
    await api.execute("update account set last_tick_at = now() - interval '7 seconds' where id = :id", id=account)
    await api.execute(
        "insert into call_event (attempt_id, kind, fingerprint, call_sid, received_at) "
        "values (:id, 'status', :id, '', now() - interval '50 seconds')",
        id=attempt.id,
    )
    async with api.database.transaction() as session:
        for number, state in enumerate(({}, {"draining": True}, {"listening_refusal": "code 3009"})):
            says = {"public_url": "ws://b", "max_calls": 9, "calls": 2, "draining": False, **state}
            await bridges.beat(session, f"metrics-{number}", **says)  # type: ignore[arg-type]
        await trip_for(session, attempt.id, Trip(BreakerRule.CARRIER_REFUSES, "code 21210"), whole_account=False)
    await api.execute(
        "insert into caller_id (phone, account_id, state, daily_cap, rests_until, rest_rule, rest_reason) values "
        "('+12125550193', :account, 'active', 40, null, null, ''), "
        "('+12125550194', :account, 'active', 40, now() + interval '1 day', 'low_answers', 'few')",
        account=account,
    )
    found = await samples(api)
    assert found["cadenza_leads", "new"] >= 2
    assert [found["cadenza_caller_ids", state] for state in ("active", "resting", "paused")] == [1, 1, 0]
    assert found["cadenza_caller_id_room",] == 40
    assert found["cadenza_caller_ids_resting", "low_answers"] == 1
    assert found["cadenza_campaigns", "paused"] >= 1
    assert found["cadenza_attempts_open", "placed"] == found["cadenza_lines_in_use",] >= 1
    assert found["cadenza_lines_free",] == api.settings.max_lines - found["cadenza_lines_in_use",]
    assert 7 <= found["cadenza_admission_tick_age_seconds",] < 30
    assert 50 <= found["cadenza_webhooks_undelivered_oldest_seconds",] < 80
    assert found["cadenza_webhooks_undelivered",] == 1
    assert [found["cadenza_bridges", state] for state in ("serving", "draining", "deaf")] == [1, 1, 1]
    assert found["cadenza_bridge_room",] == 9 - 2 - 1
    assert found["cadenza_breaker_held", campaign, "carrier_refuses", "open"] == 1
    assert found["cadenza_breaker_trips_total", "carrier_refuses"] == 1
    await api.execute("update campaign set state = 'running' where id = :id", id=campaign)
    assert 90 <= (await samples(api))["cadenza_lead_oldest_due_seconds",] < 120


async def test_what_the_sweeper_found_is_counted_for_ever(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign, params=ALSO_ELSEWHERE)
    await api.execute("update lead set state = 'calling' where campaign_id = :id", id=campaign)
    async with api.database.transaction() as session:
        await sweep(session, api.context.account_id, CAMPAIGN_ONLY)
    assert (await samples(api))["cadenza_leads_swept_total", "without_attempt"] == 2
    await api.execute("delete from lead where campaign_id = :id", id=campaign)
    assert (await samples(api))["cadenza_leads_swept_total", "without_attempt"] == 2
