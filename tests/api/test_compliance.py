"""Suppressions from every source, registers, evidence, a person's rights and the audit log, over HTTP."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from twilio.request_validator import RequestValidator

from cadenza.domain.audit_chain import ChainCheck, SealedEntry
from cadenza.domain.outcomes import Speaker
from cadenza.records.journal import TurnRow, write_turns
from tests.api.conftest import ALSO_ELSEWHERE, AUTH_TOKEN, PUBLIC_URL, Api

ADA = "+12125550146"


def own(number: int, area: str = "312") -> str:
    """Numbers of this file, so that no other test's suppression meets them."""
    return f"+1{area}55501{number:02d}"


async def lead_at(api: Api, phone: str, **columns: str) -> tuple[str, str]:
    """A campaign with one lead; their ids."""
    campaign = await api.campaign()
    names = {"First Name": "Ada", "Last Name": "Abbott", **columns}
    content = f"{','.join(names)},Phone\n{','.join(names.values())},{phone}\n"
    answer = await api.upload(campaign, content, params=ALSO_ELSEWHERE)
    assert answer.json()["accepted"] == 1, answer.text
    return campaign, str(await api.value("select id from lead where campaign_id = :id", id=campaign))


async def text_message(api: Api, body: str, phone: str, sid: str, *, sign: bool = True) -> httpx.Response:
    fields = {"MessageSid": sid, "From": phone, "To": "+12025550199", "Body": body}
    path = "/webhooks/twilio/message"
    signature = RequestValidator(AUTH_TOKEN).compute_signature(PUBLIC_URL + path, fields)
    return await api.http.post(path, data=fields, headers={"X-Twilio-Signature": signature if sign else "x"})


async def is_suppressed(api: Api, phone: str) -> bool:
    return bool(await api.value("select 1 from suppression where phone = :phone", phone=phone))


async def logged(api: Api, **filters: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.http.get("/v1/audit", params=filters)).json()["items"]
    return items


# --- By reply --------------------------------------------------------------------------------------------------------


async def test_stop_by_text_message_acts_in_every_campaign_and_start_takes_only_that_back(api: Api) -> None:
    phone = own(1)
    _, lead = await lead_at(api, phone)
    answer = await text_message(api, "STOP", phone, "SM1")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    assert await api.value("select close_as from lead where id = :id", id=lead) == "suppressed"
    await text_message(api, "START", phone, "SM2")
    assert not await is_suppressed(api, phone)
    await text_message(api, "Stop", phone, "SM3")
    await text_message(api, "START", phone, "SM2")
    assert await is_suppressed(api, phone), "a START that the carrier sends again undoes no later STOP"
    await api.http.post("/v1/suppressions", json={"phone": phone})
    await text_message(api, "START", phone, "SM4")
    assert await is_suppressed(api, phone), "it was asked for in another way, too"


async def test_a_text_message_that_the_carrier_did_not_sign_changes_nothing(api: Api) -> None:
    assert (await text_message(api, "STOP", own(2), "SM5", sign=False)).status_code == 403
    assert (await text_message(api, "Hello", own(2), "SM6")).status_code == 200
    assert (await text_message(api, "STOP", "ACME", "SM7")).status_code == 200
    assert not await is_suppressed(api, own(2))


# --- By API and by list ----------------------------------------------------------------------------------------------


async def test_many_numbers_are_all_suppressed_or_none(api: Api) -> None:
    phones = [own(number) for number in (3, 4, 5)]
    bad = await api.http.post("/v1/suppressions/bulk", json={"phones": [*phones, "nonsense"]})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "phones.3")
    assert not await is_suppressed(api, phones[0])
    good = await api.http.post("/v1/suppressions/bulk", json={"phones": [*phones, phones[0]], "reason": "a letter"})
    assert good.json() == {"numbers": 3, "new": 3}
    assert [entry["why"] for entry in await logged(api, phone=phones[1])] == ["a letter"]


async def test_a_list_s_good_rows_are_taken_and_bad_ones_reported(api: Api) -> None:
    content = f"Name,Mobile Phone,Work Phone\nAda,{own(6)},{own(7)}\nBen,n/a,\nCy,1.2E+10,{own(8)}\nDi,8005550100,\n"
    answer = await api.http.post(
        "/v1/suppressions/upload", content=content, headers={"content-type": "text/csv"}, params={"reason": "old list"}
    )
    body = answer.json()
    assert (answer.status_code, body["rows"], body["numbers"], body["new"], body["rejected"]) == (201, 4, 4, 4, 1)
    assert [(one["row"], one["column"], one["value"], one["code"]) for one in body["findings"]] == [
        (3, "Mobile Phone", "n/a", "not_a_number"), (4, "Mobile Phone", "1.2E+10", "scientific_notation"),
    ]  # fmt: skip
    assert all(one["fix"] for one in body["findings"])
    detail = (await api.http.get(f"/v1/suppressions/{own(7)}")).json()
    assert (detail["is_suppressed"], detail["events"][0]["source"], detail["events"][0]["reference"]) == (
        True, "list", body["id"],
    )  # fmt: skip
    again = await api.http.post("/v1/suppressions/upload", content=content, headers={"content-type": "text/csv"})
    assert (again.json()["numbers"], again.json()["new"]) == (4, 0)
    [entry] = await logged(api, kind="suppression.list", limit="1")
    assert (entry["details"]["list"], entry["who"].startswith("key:ak_")) == (again.json()["id"], True)


async def test_a_list_without_numbers_changes_nothing_and_says_why(api: Api) -> None:
    answer = await api.http.post(
        "/v1/suppressions/upload", content="Name,City\nAda,Boston\n", headers={"content-type": "text/csv"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "no_phone_column")


async def test_a_suppression_is_lifted_with_a_reason_only_and_the_history_stays(api: Api) -> None:
    phone = own(9)
    await api.http.post("/v1/suppressions", json={"phone": phone, "reason": "asked by e-mail"})
    assert (await api.http.delete(f"/v1/suppressions/{phone}")).status_code == 422
    lifted = await api.http.delete(f"/v1/suppressions/{phone}", params={"reason": "new written consent of 20 November"})
    assert lifted.status_code == 204
    assert (await api.http.delete(f"/v1/suppressions/{phone}", params={"reason": "again"})).status_code == 404
    detail = (await api.http.get(f"/v1/suppressions/{phone}")).json()
    assert (detail["is_suppressed"], detail["suppression"]) == (False, None)
    assert [(event["action"], event["who"].split("_")[0]) for event in detail["events"]] == [
        ("lifted", "key:ak"), ("suppressed", "key:ak"),
    ]  # fmt: skip
    entries = await logged(api, phone=phone)
    assert [(entry["kind"], entry["why"]) for entry in entries] == [
        ("suppression.lifted", "new written consent of 20 November"), ("suppression.added", "asked by e-mail"),
    ]  # fmt: skip


# --- Registers -------------------------------------------------------------------------------------------------------


async def load_register(api: Api, content: str, **params: str) -> httpx.Response:
    return await api.http.post(
        "/v1/registers", content=content, headers={"content-type": "text/csv"},
        params={"jurisdiction": "US", "copied_at": "2026-11-01T00:00:00Z", **params},
    )  # fmt: skip


async def test_a_register_is_loaded_listed_replaced_and_removed(api: Api) -> None:
    loaded = await load_register(api, "312,5550110\n312,5550111\n312,5550110\n")
    assert (loaded.status_code, loaded.json()["rows"], loaded.json()["numbers"]) == (201, 3, 2)
    older = await load_register(api, own(12), copied_at="2026-10-01T00:00:00Z")
    assert (older.status_code, older.json()["code"]) == (409, "conflict")
    await load_register(api, own(12), copied_at="2026-11-02T00:00:00Z")
    [current] = (await api.http.get("/v1/registers")).json()["items"]
    assert (current["jurisdiction"], current["name"], current["entries"]) == ("US", "national", 1)
    assert len((await api.http.get("/v1/registers", params={"all_copies": True})).json()["items"]) == 2
    removed = await api.http.delete("/v1/registers", params={"jurisdiction": "US", "reason": "a test"})
    assert removed.status_code == 204
    assert (await api.http.get("/v1/registers")).json()["items"] == []
    kinds = [entry["kind"] for entry in await logged(api, kind="register.")]
    assert kinds == ["register.removed", "register.loaded", "register.loaded"]


@pytest.mark.parametrize(
    ("params", "field"),
    [({"jurisdiction": "XX"}, "jurisdiction"), ({"copied_at": "2126-01-01T00:00:00Z"}, "copied_at"),
     ({"copied_at": "yesterday"}, "query.copied_at")],
)  # fmt: skip
async def test_a_register_that_cannot_be_is_refused_with_the_field(
    api: Api, params: dict[str, str], field: str
) -> None:
    answer = await load_register(api, own(12), **params)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_answers_about_reassigned_numbers_are_loaded(api: Api) -> None:
    answer = await api.http.post(
        "/v1/reassigned-numbers", content=f"{own(13)},2026-01-01,yes\n{own(14)},2026-01-01,perhaps\n",
        headers={"content-type": "text/csv"}, params={"checked_on": "2026-11-01"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["numbers"], answer.json()["rejected"]) == (201, 1, 1)
    assert answer.json()["findings"][0]["code"] == "bad_answer"


# --- Evidence, export, erasure ---------------------------------------------------------------------------------------

DISCLOSED = "Hi Ada, this is Ava, an AI assistant calling for Brightwater. This call is recorded. Do you have a minute?"


async def called(api: Api, phone: str) -> tuple[str, str]:
    """A lead whose call was answered and talked; the ids of lead and attempt."""
    campaign, lead = await lead_at(api, phone, Email="ada@example.com", Notes="owes me a cake")
    attempt = await api.attempt(
        campaign, state="ended", outcome="interested", disclosure_heard=True, call_sid=f"CA{lead}",
        answered_at=datetime.now(UTC), summary={"summary": "Ada likes cake"},
    )  # fmt: skip
    rows = [
        TurnRow(1, Speaker.AGENT, DISCLOSED, DISCLOSED, payload={"lines": ["disclosure", "opening"]}),
        TurnRow(2, Speaker.CALLEE, "Yes, this is Ada Abbott, I like cake."),
        TurnRow(3, Speaker.AGENT, "Nice to meet you, Ada."),
    ]
    async with api.database.transaction() as session:
        await write_turns(await session.connection(), attempt.id, rows)
    await api.execute(
        "insert into recording (sid, attempt_id, source_url, duration_seconds, channels) "
        "values (:sid, :attempt, 'u', 1, 2)", sid=f"RE{lead}", attempt=attempt.id,
    )  # fmt: skip
    return lead, attempt.id


async def test_the_evidence_says_what_was_played_when_and_that_it_was_heard(api: Api) -> None:
    lead, attempt = await called(api, own(15))
    body = (await api.http.get(f"/v1/leads/{lead}/evidence")).json()
    [call] = body["calls"]
    assert (call["call_id"], call["disclosure_heard"], call["recording_announced"]) == (attempt, True, True)
    assert [(one["lines"], one["heard"], one["was_cut"]) for one in call["played"]] == [
        (["disclosure", "opening"], DISCLOSED, False)
    ]
    assert (await api.http.get("/v1/leads/ld_none/evidence")).status_code == 404


async def test_a_person_is_exported_from_all_campaigns_and_the_export_is_logged(api: Api) -> None:
    phone = own(16)
    lead, _ = await called(api, phone)
    _, other = await lead_at(api, phone)
    body = (await api.http.post("/v1/people/export", json={"phone": phone})).json()
    assert {one["id"] for one in body["leads"]} == {lead, other}
    assert [turn["text"] for turn in body["transcripts"]][2] == "Nice to meet you, Ada."
    assert body["evidence"][lead][0]["played"][0]["heard"] == DISCLOSED
    assert [entry["kind"] for entry in await logged(api, phone=phone)] == ["person.exported"]


async def test_an_erasure_removes_the_person_and_keeps_what_the_law_needs(api: Api) -> None:
    phone = own(17)
    lead, attempt = await called(api, phone)
    bad_rows = f"First Name,Phone\nAda,{phone}\nAda again,{phone}\n"  # the second row is kept as a rejected one
    await api.upload(await api.campaign(), bad_rows, params=ALSO_ELSEWHERE)
    answer = await api.http.post("/v1/people/erase", json={"phone": phone, "reason": "asked by letter"})
    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert (body["leads"], body["transcript_rows"], body["recordings"], body["is_complete"]) == (2, 3, 1, True)
    assert body["upload_rows"] == 1
    assert set(body["kept"]) >= {"consents", "suppressions", "number_and_call_times"}
    known = json.dumps((await api.http.post("/v1/people/export", json={"phone": phone})).json())
    for word in ("Ada", "Abbott", "cake", "example.com"):
        assert word not in known, word
    evidence = (await api.http.get(f"/v1/leads/{lead}/evidence")).json()["calls"][0]
    assert evidence["played"][0]["heard"] == DISCLOSED.replace("Ada", "[name]")
    assert (evidence["transcript_erased"], evidence["answered_at"] is not None) == (True, True)
    assert await is_suppressed(api, phone)
    assert await api.value("select erase_asked_at is not null from recording where attempt_id = :id", id=attempt)
    again = (await api.http.post("/v1/people/erase", json={"phone": phone, "reason": "asked again"})).json()
    assert (again["leads"], again["transcript_rows"], again["recordings"]) == (0, 0, 0)
    kinds = [entry["kind"] for entry in await logged(api, phone=phone)]
    assert kinds.count("person.erased") == 2
    whole = await api.value("select string_agg(to_jsonb(audit_entry)::text, '') from audit_entry")
    for word in ("Abbott", "cake", "example.com", phone, phone[2:]):
        assert word not in whole, word


async def test_an_erasure_without_suppression_closes_leads_and_waits_for_calls_under_way(api: Api) -> None:
    phone = own(18)
    campaign, lead = await lead_at(api, phone)
    await api.attempt(campaign, state="in_progress", call_sid="CAunderway")
    request = {"phone": phone, "reason": "r", "suppress": False}
    body = (await api.http.post("/v1/people/erase", json=request)).json()
    assert (body["is_complete"], body["calls_under_way"], body["closed_leads"]) == (False, 1, 1)
    assert await api.value("select close_as from lead where id = :id", id=lead) == "cancelled"
    assert not await is_suppressed(api, phone)


# --- The audit log ---------------------------------------------------------------------------------------------------


async def test_every_change_by_a_key_is_logged_with_who_and_why(api: Api) -> None:
    campaign, _ = await lead_at(api, own(19))
    why = {"X-Reason": "the client asked"}
    await api.http.patch(f"/v1/campaigns/{campaign}", json={"name": "Autumn"}, headers=why)
    await api.http.post(f"/v1/campaigns/{campaign}/start", headers=why)
    for action in ("pause", "resume", "cancel"):
        await api.http.post(f"/v1/campaigns/{campaign}/{action}", headers=why)
    made = (await api.http.post("/v1/api-keys", json={"name": "CRM"}, headers=why)).json()
    await api.http.delete(f"/v1/api-keys/{made['id']}", headers=why)
    await api.http.post("/v1/account/pause", json={"reason": "lunch"})
    await api.http.post("/v1/account/resume", headers=why)
    entries = await logged(api, campaign=campaign, kind="campaign.")
    assert len(await logged(api, campaign=campaign, kind="upload.taken")) == 1
    assert [entry["kind"] for entry in reversed(entries)] == [
        "campaign.created", "campaign.changed", "campaign.started", "campaign.paused", "campaign.resumed",
        "campaign.cancelled",
    ]  # fmt: skip
    assert {entry["why"] for entry in entries[:5]} == {"the client asked"}
    key = await api.value("select id from api_key where name = 'test' order by created_at desc limit 1")
    assert {entry["who"] for entry in entries} == {f"key:{key}"}
    kinds = [entry["kind"] for entry in await logged(api, who=f"key:{key}", limit="4")]
    assert kinds == ["account.resumed", "account.paused", "key.revoked", "key.made"]


async def test_what_is_refused_is_not_logged_as_done(api: Api) -> None:
    campaign = await api.campaign()
    assert (await api.http.post(f"/v1/campaigns/{campaign}/start")).status_code == 409
    assert [entry["kind"] for entry in await logged(api, campaign=campaign)] == ["campaign.created"]


async def test_the_log_is_paged_verified_and_exported(api: Api) -> None:
    await api.http.post("/v1/suppressions", json={"phone": own(20)})
    first = (await api.http.get("/v1/audit", params={"limit": 2})).json()
    second = (await api.http.get("/v1/audit", params={"limit": 2, "after": first["next"]})).json()
    ids = [entry["id"] for entry in (*first["items"], *second["items"])]
    assert ids == sorted(set(ids), reverse=True)
    verdict = (await api.http.get("/v1/audit/verify")).json()
    assert (verdict["is_intact"], verdict["broken_at"]) == (True, None)
    assert (await api.http.get("/v1/audit/verify", params={"head": verdict["head"]})).json()["is_intact"]
    ahead = f"{int(verdict['head'].partition(':')[0]) + 5}:{'a' * 64}"
    assert not (await api.http.get("/v1/audit/verify", params={"head": ahead})).json()["is_intact"]
    assert (await api.http.get("/v1/audit/verify", params={"head": "x"})).status_code == 422
    chain = ChainCheck()
    for line in (await api.http.get("/v1/audit/export")).text.splitlines():
        entry = SealedEntry.model_validate_json(line)
        chain.take(entry.position, entry.hash, entry)
    assert (chain.end(), str(chain.head)) == (None, verdict["head"])
