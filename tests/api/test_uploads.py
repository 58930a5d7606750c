"""Lead files over HTTP: good rows in, bad rows reported, nothing twice."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from tests.api.conftest import CSV, Api


async def test_good_rows_become_leads_and_bad_rows_are_reported(api: Api) -> None:
    campaign = await api.campaign()
    answer = await api.upload(campaign, CSV + "Nora,\nOtto,1.21256E+10\nTwice,(212) 555-0146\n")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["rows"], body["accepted"], body["rejected"]) == (5, 2, 3)
    assert [(finding["row"], finding["code"]) for finding in body["findings"]] == [
        (4, "missing_phone"),
        (5, "scientific_notation"),
        (6, "duplicate_in_file"),
    ]
    assert all(finding["fix"] and finding["severity"] == "error" for finding in body["findings"])
    leads = (await api.http.get("/v1/leads", params={"campaign": campaign})).json()["items"]
    assert [(lead["phone"], lead["first_name"], lead["state"]) for lead in leads] == [
        ("+12125550146", "Ada", "new"),
        ("+16175550136", "Ben", "new"),
    ]
    assert await api.value("select count(*) from attempt where campaign_id = :id", id=campaign) == 0


async def test_the_same_file_again_changes_nothing_and_says_so(api: Api) -> None:
    campaign = await api.campaign()
    first = await api.upload(campaign, CSV + "Nora,\n")
    again = await api.upload(campaign, CSV + "Nora,\n")
    assert (again.status_code, again.json()["already_uploaded"]) == (200, True)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["findings"] == first.json()["findings"]
    assert await api.value("select count(*) from lead where campaign_id = :id", id=campaign) == 2


async def test_the_same_file_sent_twice_at_once_is_taken_once(api: Api) -> None:
    campaign = await api.campaign()
    answers = await asyncio.gather(*(api.upload(campaign) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await api.value("select count(*) from upload where campaign_id = :id", id=campaign) == 1


async def test_numbers_in_the_campaign_and_suppressed_ones_are_reported(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    await api.http.post("/v1/suppressions", json={"phone": "+12125550177"})
    answer = await api.upload(campaign, "phone\n+12125550146\n+12125550177\n+12125550178\n")
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 2)
    assert [finding["code"] for finding in answer.json()["findings"]] == ["duplicate_in_campaign", "opted_out"]


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/json", json.dumps([{"name": "Ada Abbott", "phone": 12125550146}])),
        ("application/json", json.dumps({"leads": [{"name": "Ada Abbott", "phone": "212 555 0146"}]})),
        ("application/x-ndjson", '{"name": "Ada Abbott", "phone": "+12125550146"}\n'),
        ("text/csv", "name;phone\nAda Abbott;+1 212 555 0146\n"),
        ("text/csv", "name\tphone\r\nAda Abbott\t+1 212 555 0146\r\n".encode("utf-16")),
        ("application/octet-stream", "phone,name\n'+12125550146,Ada Abbott\n"),
    ],
)
async def test_every_form_of_a_lead_file_is_read(api: Api, content_type: str, content: str | bytes) -> None:
    campaign = await api.campaign()
    answer = await api.upload(campaign, content, headers={"content-type": content_type})
    assert (answer.status_code, answer.json().get("accepted")) == (201, 1), answer.text
    lead = (await api.http.get("/v1/leads", params={"campaign": campaign})).json()["items"][0]
    assert (lead["phone"], lead["name"], lead["first_name"]) == ("+12125550146", "Ada Abbott", "Ada")


async def test_a_form_with_a_file_is_taken(api: Api) -> None:
    campaign = await api.campaign()
    answer = await api.http.post(f"/v1/campaigns/{campaign}/leads", files={"file": ("leads.csv", CSV.encode())})
    assert (answer.status_code, answer.json()["file_name"]) == (201, "leads.csv")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"   \n\n", "empty_file"),
        (b"name,phone\n", "empty_file"),
        (b"PK\x03\x04rest of a workbook", "not_a_lead_file"),
        (bytes(range(256)) * 8, "not_a_lead_file"),
        (b"name,phone\nJos\x81e,+12125550146\n", "wrong_encoding"),
        (b"name,company\nAda,Abbott\n", "no_phone_column"),
        (b"+12125550146,Ada\n+12125550147,Ben\n", "no_phone_column"),
        (b'[{"phone": "1"', "bad_json"),
    ],
)
async def test_files_that_cannot_be_taken_say_why(api: Api, content: bytes, code: str) -> None:
    campaign = await api.campaign()
    answer = await api.upload(campaign, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["fix"]
    assert "2125550146" not in answer.text
    assert await api.value("select count(*) from upload where campaign_id = :id", id=campaign) == 0


async def test_a_missing_phone_column_lists_what_was_found_and_what_was_looked_for(api: Api) -> None:
    campaign = await api.campaign()
    answer = await api.upload(campaign, "Full Name,Firma\nAda,Abbott\n")
    assert "Full Name, Firma" in answer.json()["detail"]
    assert "mobile phone" in answer.json()["errors"][0]["fix"]


async def test_a_file_over_the_limit_is_413(api: Api) -> None:
    campaign = await api.campaign()
    answer = await api.upload(campaign, b"phone\n" + b"x" * (api.settings.max_upload_bytes + 200_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    async def chunks() -> AsyncIterator[bytes]:  # without an announced length
        for _ in range(120):
            yield b"x" * 100_000

    streamed = await api.http.post(
        f"/v1/campaigns/{campaign}/leads", content=chunks(), headers={"content-type": "text/csv"}
    )
    assert (streamed.status_code, streamed.json()["code"]) == (413, "too_large")
    as_json = await api.http.post("/v1/campaigns", content=chunks(), headers={"content-type": "application/json"})
    assert (as_json.status_code, as_json.json()["code"]) == (413, "too_large")


async def test_an_unknown_content_type_is_415(api: Api) -> None:
    campaign = await api.campaign()
    answer = await api.upload(campaign, headers={"content-type": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_finished_campaign_takes_no_leads(api: Api) -> None:
    campaign = await api.campaign()
    await api.http.post(f"/v1/campaigns/{campaign}/cancel")
    answer = await api.upload(campaign)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_campaign_state")


async def test_findings_are_paged(api: Api) -> None:
    campaign = await api.campaign()
    rows = "".join(f"bad {number}\n" for number in range(25))
    upload = (await api.upload(campaign, "phone\n+12125550146\n" + rows)).json()
    seen: list[int] = []
    cursor = None
    while True:
        params = {"limit": 10, **({"after": cursor} if cursor else {})}
        page = (await api.http.get(f"/v1/uploads/{upload['id']}", params=params)).json()
        seen += [finding["row"] for finding in page["findings"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == list(range(3, 28))


@pytest.mark.no_cover  # other tests cover its lines
async def test_a_large_file_is_taken_in_seconds(api: Api) -> None:
    campaign = await api.campaign()
    rows = "".join(f"Ada,({area}) 555-01{line:02d}\n" for area in _AREA_CODES for line in range(100))
    answer = await api.upload(campaign, "name,phone\n" + rows)
    assert answer.json()["accepted"] == 100 * len(_AREA_CODES)
    async with api.database.transaction() as session:
        await session.execute(text("delete from lead where campaign_id = :id"), {"id": campaign})


_AREA_CODES = (646, 617, 312, 512, 303, 206, 415, 602, 713, 404, 305, 702, 503, 216, 313, 612, 214, 210, 619, 408)


async def test_a_form_without_a_file_says_so(api: Api) -> None:
    campaign = await api.campaign()
    boundary = {"content-type": "multipart/form-data; boundary=x"}
    empty = '--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n--x--\r\n'
    for content in (empty, "--x broken", ""):
        answer = await api.upload(campaign, content, headers=boundary)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
        assert answer.json()["errors"][0]["field"] == "file"


async def test_uploads_are_listed_newest_first_and_warnings_can_be_left_out(api: Api) -> None:
    campaign = await api.campaign()
    first = (await api.upload(campaign, "phone,email\n+12125550146,nonsense\n+12125550147,\n,\nbad,\n")).json()
    second = (await api.upload(campaign, "phone\n+12125550148\n")).json()
    listed = (await api.http.get(f"/v1/campaigns/{campaign}/uploads", params={"limit": 1})).json()
    assert [item["id"] for item in listed["items"]] == [second["id"]]
    rest = await api.http.get(f"/v1/campaigns/{campaign}/uploads", params={"after": listed["next"]})
    assert [item["id"] for item in rest.json()["items"]] == [first["id"]]
    errors = (await api.http.get(f"/v1/uploads/{first['id']}", params={"warnings": "false"})).json()["findings"]
    assert [finding["severity"] for finding in errors] == ["error"]
    assert [finding["severity"] for finding in first["findings"]] == ["warning", "error"]
    assert (await api.http.get("/v1/uploads/up_nothing")).status_code == 404


async def test_leads_may_be_added_to_a_running_campaign(api: Api) -> None:
    campaign = await api.campaign()
    await api.execute("update campaign set state = 'running' where id = :id", id=campaign)
    assert (await api.upload(campaign)).status_code == 201
