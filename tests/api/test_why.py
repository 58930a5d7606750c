"""Pins down: why a lead is not called is one request, with every rule's answer; a file's consents free who is held."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from cadenza.temporal.connection import connect
from tests.api.conftest import Api, close_api, open_api, settings_for

LEADS = "First Name,Phone,State,Time Zone,Consent,Consent Date\nEve,+18505550171,CA,,%s,2026-03-04\n"


@pytest_asyncio.fixture
async def lawful(migrated_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The API under the law's own rules."""
    settings = settings_for(migrated_url, tmp_path, calling_rules=None)
    opened = await open_api(settings, await connect(settings, lazy=True))
    yield opened
    await close_api(opened)


async def lead_of(api: Api, campaign: str) -> str:
    return str(await api.value("select id from lead where campaign_id = :id", id=campaign))


async def why(api: Api, lead: str) -> dict[str, Any]:
    answer = await api.http.get(f"/v1/leads/{lead}/why")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_every_rule_answers_with_its_source_and_times_by_every_clock(lawful: Api) -> None:
    campaign = await lawful.campaign()
    await lawful.upload(campaign, LEADS % "yes", params={"active_elsewhere": "take"})
    found = await why(lawful, await lead_of(lawful, campaign))
    assert found["places"] == ["US-FL", "US-CA"]
    assert found["zones"] == ["America/Chicago", "America/New_York", "America/Los_Angeles"]
    assert set(found["asked"]["local"]) == set(found["zones"])
    assert (found["allowed"], found["rule"], found["next_allowed"]) == (False, "do_not_call_list_stale", None)
    by_rule = {(one["rule"], one["jurisdiction"]): one for one in found["verdicts"]}
    consent = by_rule["no_consent", "US"]
    assert (consent["passed"], consent["grade"]) == (False, "S")
    assert "it is oral" in consent["reason"]
    assert "24-17" in consent["source"]
    assert by_rule["attempt_cap", "US-FL"]["passed"]
    assert found["rules_version"] == lawful.context.rules.base.version
    assert (await lawful.http.get("/v1/leads/ld_nothing/why")).json()["code"] == "not_found"


async def test_the_zone_that_a_row_says_settles_the_clock_and_takes_no_rule_away(lawful: Api) -> None:
    campaign = await lawful.campaign()
    content = LEADS.replace("CA,,", "CA,America/Chicago,") % "yes"
    await lawful.upload(campaign, content, params={"active_elsewhere": "take"})
    found = await why(lawful, await lead_of(lawful, campaign))
    assert found["zones"] == ["America/Chicago"]
    assert found["places"] == ["US-CA", "US-FL"]


async def test_a_later_file_with_the_consent_frees_the_lead_that_is_held_for_it(lawful: Api) -> None:
    campaign = await lawful.campaign()
    await lawful.upload(campaign, (LEADS % "").replace("0171", "0172"), params={"active_elsewhere": "take"})
    lead = await lead_of(lawful, campaign)
    await lawful.execute(
        "update lead set held_rule = 'no_consent', due_at = now() + interval '6 hours' where id = :id", id=lead
    )
    assert (await why(lawful, lead))["held_rule"] == "no_consent"
    assert (await lawful.http.get(f"/v1/campaigns/{campaign}/progress")).json()["held"] == {"no_consent": 1}
    for rule, found in (("no_consent", [lead]), ("do_not_call_list_stale", [])):
        answer = await lawful.http.get("/v1/leads", params={"campaign": campaign, "held": rule})
        assert [one["id"] for one in answer.json()["items"]] == found
    for column in ("Language", "Company"):  # said by two files, it is kept once
        again = (LEADS % "express written").replace("First Name", column)
        await lawful.upload(campaign, again.replace("0171", "0172"), params={"active_elsewhere": "take"})
    consents = (await lawful.http.get(f"/v1/leads/{lead}")).json()["consents"]
    assert [(one["kind"], one["given_on"], one["lead_id"]) for one in consents] == [
        ("express_written", "2026-03-04", lead)
    ]
    after = await why(lawful, lead)
    assert after["held_rule"] is None
    assert await lawful.value("select due_at <= now() from lead where id = :id", id=lead)
    by_rule = {(one["rule"], one["jurisdiction"]): one for one in after["verdicts"]}
    assert by_rule["no_consent", "US"]["passed"]
