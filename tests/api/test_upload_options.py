"""How a file is read is the customer's to say: previews, mappings, dry runs, rows corrected and sent again."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cadenza.temporal.connection import connect
from tests.api.conftest import CSV, Api, close_api, open_api, settings_for
from tests.domain.lead_files.workbooks import workbook
from tests.domain.test_lead_file_corpus import EXPECTED, corpus_files

pytestmark = pytest.mark.computes(50)

ODD = "Who;Ring here;Plan Type\nAda Abbott;212-555-0146;Gold\nBen Barros;123;=1+1\n"
ODD_MAPPING = {"Who": "full_name", "ring here": "direct_phone", "Plan Type": "custom:plan"}


async def preview(api: Api, campaign: str, content: str | bytes, **params: Any) -> Any:
    return await api.http.post(
        f"/v1/campaigns/{campaign}/leads/preview", content=content, params=params, headers={"content-type": "text/csv"}
    )


async def leads(api: Api, campaign: str) -> list[dict[str, Any]]:
    items = (await api.http.get("/v1/leads", params={"campaign": campaign})).json()["items"]
    return [(await api.http.get(f"/v1/leads/{lead['id']}")).json() for lead in items]


def codes(answer: Any) -> list[tuple[int, str]]:
    return [(finding["row"], finding["code"]) for finding in answer.json()["findings"]]


async def test_a_preview_shows_what_columns_are_taken_for_and_keeps_nothing(api: Api) -> None:
    campaign = await api.campaign()
    rows = "".join(f"Ada,+121255501{line:02d},Gold\n" for line in range(30))
    answer = await preview(api, campaign, "Name,Phone,Plan\nBad,123,\n" + rows)
    body = answer.json()
    assert (answer.status_code, body["kind"], body["delimiter"]) == (200, "csv", ",")
    assert [(column["name"], column["target"]) for column in body["columns"]] == [
        ("Name", "full_name"), ("Phone", "phone"), ("Plan", "ignore"),
    ]  # fmt: skip
    assert body["columns"][2]["samples"] == ["Gold", "Gold", "Gold"]
    assert len(body["rows"]) == 20
    assert [finding["code"] for finding in body["rows"][0]["findings"]] == ["emergency_or_short"]
    assert body["rows"][0]["lead"] is None
    assert body["rows"][1]["lead"]["first_name"] == "Ada"
    assert [warning["column"] for warning in body["warnings"]] == ["Plan"]
    assert {"phone", "custom", "ignore"} < set(body["targets"])
    assert await api.value("select count(*) from upload where campaign_id = :id", id=campaign) == 0


async def test_a_preview_tries_a_mapping_and_the_upload_obeys_it(api: Api) -> None:
    campaign = await api.campaign()
    refused = await preview(api, campaign, ODD)
    assert (refused.status_code, refused.json()["code"]) == (422, "no_phone_column")
    assert "Ring here" in refused.json()["detail"]
    shown = (await preview(api, campaign, ODD, mapping=json.dumps(ODD_MAPPING))).json()
    assert [column["target"] for column in shown["columns"]] == ["full_name", "direct_phone", "custom:plan"]
    taken = await api.upload(campaign, ODD, params={"mapping": json.dumps(ODD_MAPPING)})
    assert (taken.status_code, taken.json()["accepted"]) == (201, 1)
    assert taken.json()["mapping"]["Plan Type"] == "custom:plan"
    (lead,) = await leads(api, campaign)
    assert (lead["name"], lead["phone_kind"], lead["custom"]) == ("Ada Abbott", "direct_phone", {"plan": "Gold"})


@pytest.mark.parametrize(
    ("mapping", "detail"),
    [
        ({"Nobody": "phone"}, "no column 'Nobody'"),
        ({"Phone": "telephone"}, "nothing that a column can be"),
        ({"Phone": "custom:<b>"}, "nothing that a column can be"),
        ({"Phone": "email", "First Name": "email"}, "Two columns are mapped to email"),
        ({"Phone": 7}, "not a JSON object"),
        (["Phone"], "not a JSON object"),
        ("{", "not a JSON object"),
    ],
)
async def test_a_mapping_that_does_not_fit_is_explained(api: Api, mapping: Any, detail: str) -> None:
    campaign = await api.campaign()
    text = mapping if isinstance(mapping, str) else json.dumps(mapping)
    for answer in (
        await api.upload(campaign, params={"mapping": text}), await preview(api, campaign, CSV, mapping=text),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_mapping")
        assert detail in answer.json()["detail"]
        assert answer.json()["errors"][0]["field"] == "mapping"
        assert answer.json()["errors"][0]["fix"]


async def test_columns_that_are_not_understood_are_kept_only_if_asked(api: Api) -> None:
    file = "phone,Plan Type,Höhe\n212-555-0146,Gold,7\n"
    plain, keeping = await api.campaign(), await api.campaign()
    answer = await api.upload(plain, file)
    assert codes(answer) == [(1, "unknown_column"), (1, "unknown_column")]
    assert (await leads(api, plain))[0]["custom"] == {}
    answer = await api.upload(keeping, file, params={"keep_unknown": "true"})
    assert codes(answer) == []
    assert (await leads(api, keeping))[0]["custom"] == {"plan_type": "Gold", "höhe": "7"}


async def test_a_dry_run_finds_out_everything_and_changes_no_lead(api: Api) -> None:
    campaign = await api.campaign()
    await api.upload(campaign)
    await api.http.post("/v1/suppressions", json={"phone": "+12125550167"})
    file = "phone\n+12125550146\n+12125550167\n+12125550168\n12\n"
    for _ in range(2):
        dry = await api.upload(campaign, file, params={"dry_run": "true"})
        assert (dry.status_code, dry.json()["dry_run"], dry.json()["accepted"]) == (200, True, 1)
        assert codes(dry) == [(2, "duplicate_in_campaign"), (3, "opted_out"), (5, "too_short")]
    assert len(await leads(api, campaign)) == 2
    assert await api.value("select count(*) from upload where campaign_id = :id and dry_run", id=campaign) == 1
    assert "duplicate_in_campaign" in (await api.http.get(f"/v1/uploads/{dry.json()['id']}/rejected.csv")).text
    report = (await api.http.get(f"/v1/campaigns/{campaign}/report")).json()["uploads"]
    assert (report["files"], report["rows"], report["findings"]) == (1, 2, [])
    real = await api.upload(campaign, file)
    assert (real.status_code, real.json()["accepted"]) == (201, 1)


async def test_rejected_rows_are_corrected_and_sent_again(api: Api) -> None:
    campaign = await api.campaign()
    file = (
        "Who;Ring here;Plan Type;Remark\n"
        'Ada;12;Gold;"two\nlines; one cell"\n'
        "Ben;212-555-0146;;\n"
        "=cmd|'/c calc'!A0;+1 212 555 01;-5;@x\n"
        "Cleo;212-555-0146;Tin;\n"
        "Dee;212-555-0147;Tin;a;b;c\n"
    )
    first = await api.upload(campaign, file, params={"mapping": json.dumps({**ODD_MAPPING, "Remark": "notes"})})
    assert (first.json()["accepted"], first.json()["rejected"]) == (1, 4)
    download = await api.http.get(f"/v1/uploads/{first.json()['id']}/rejected.csv")
    assert download.headers["content-type"].startswith("text/csv")
    assert download.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(download.content.decode("utf-8-sig"), newline="")))
    assert [(row["cadenza_row"], row["cadenza_code"]) for row in rows] == [
        ("2", "too_short"), ("4", "too_short"), ("5", "duplicate_in_file"), ("6", "ragged_row"),
    ]  # fmt: skip
    assert rows[0]["Remark"] == "two\nlines; one cell"
    assert [rows[1][name] for name in ("Who", "Ring here", "Plan Type", "Remark")] == [
        "'=cmd|'/c calc'!A0", "+1 212 555 01", "-5", "'@x",
    ]  # fmt: skip
    assert rows[3]["cadenza_extra_cells"] == "b | c"
    assert all(row["cadenza_fix"] and row["cadenza_message"] for row in rows)
    for row, number in zip(rows, ("212-555-0150", "+1 212 555 0151", "212-555-0152", "212-555-0153"), strict=True):
        row["Ring here"] = number
    corrected = io.StringIO(newline="")
    writer = csv.DictWriter(corrected, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    again = await api.upload(campaign, corrected.getvalue(), params={"mapping_of": first.json()["id"]})
    assert (again.json()["accepted"], again.json()["rejected"], codes(again)) == (4, 0, [])
    found = {lead["phone"]: lead for lead in await leads(api, campaign)}
    assert found["+12125550150"]["custom"] == {"plan": "Gold", "notes": "two\nlines; one cell"}
    assert found["+12125550151"]["name"] == "=cmd|'/c calc'!A0"
    assert found["+12125550151"]["custom"] == {"plan": "-5", "notes": "@x"}


async def test_the_columns_of_an_unknown_upload_cannot_be_used(api: Api) -> None:
    campaign = await api.campaign()
    assert (await api.upload(campaign, params={"mapping_of": "up_nothing"})).status_code == 404
    assert (await api.http.get("/v1/uploads/up_nothing/rejected.csv")).status_code == 404


async def test_many_rejected_rows_come_in_their_order(api: Api) -> None:
    campaign = await api.campaign()
    answer = await api.upload(campaign, "phone\n+12125550146\n" + "".join(f"bad {n}\n" for n in range(1200)))
    text = (await api.http.get(f"/v1/uploads/{answer.json()['id']}/rejected.csv")).text
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[1] for row in rows[1:]] == [str(row) for row in range(3, 1203)]


async def test_a_number_that_another_campaign_calls_is_refused_or_taken_as_told(api: Api) -> None:
    other, campaign = await api.campaign(name="Spring"), await api.campaign()
    await api.upload(other, "phone\n+12125550161\n+12125550162\n+12125550163\n")
    await api.execute("update campaign set state = 'running' where id = :id", id=other)
    await api.execute("update lead set state = 'final' where campaign_id = :id and phone like '%162'", id=other)
    file = "phone\n+12125550161\n+12125550162\n+12125550164\n"
    refused = await api.upload(campaign, file)
    assert (refused.json()["accepted"], codes(refused)) == (2, [(2, "duplicate_in_other_campaign")])
    assert "Spring" in refused.json()["findings"][0]["message"]
    third = await api.campaign()
    taken = await api.upload(third, file, params={"active_elsewhere": "take"})
    assert (taken.json()["accepted"], codes(taken)) == (3, [(2, "active_in_other_campaign")])
    assert taken.json()["findings"][0]["severity"] == "warning"
    await api.execute("update campaign set state = 'cancelled' where id = :id", id=other)


async def test_every_kind_of_duplicate_has_its_own_code(api: Api) -> None:
    other, campaign = await api.campaign(), await api.campaign()
    await api.upload(other, "phone\n+12125550171\n")
    await api.execute("update campaign set state = 'paused' where id = :id", id=other)
    await api.upload(campaign, "phone\n+12125550172\n")
    await api.http.post("/v1/suppressions", json={"phone": "+12125550173"})
    answer = await api.upload(
        campaign,
        "phone\n+12125550171\n+12125550172\n+12125550173\n+12125550174\n(212) 555-0174\n",
    )
    assert codes(answer) == [
        (2, "duplicate_in_other_campaign"), (3, "duplicate_in_campaign"), (4, "opted_out"), (6, "duplicate_in_file"),
    ]  # fmt: skip
    assert [(one["column"], one["value"]) for one in answer.json()["findings"]] == [
        ("phone", "+12125550171"), ("phone", "+12125550172"), ("phone", "+12125550173"), ("phone", "(212) 555-0174"),
    ]  # fmt: skip
    await api.execute("update campaign set state = 'cancelled' where id = :id", id=other)


async def test_everything_that_a_row_says_of_a_person_is_kept(api: Api) -> None:
    campaign = await api.campaign()
    await api.http.post("/v1/suppressions", json={"phone": "+12125550184"})
    answer = await api.upload(
        campaign,
        "Mobile,Direct,Home Phone,Main Phone,Ext,Street,City,State,Zip,Country,Language,Consent,Consent Date,"
        "Consent Source,Consent Proof,Notes\n"
        "212-555-0181,212-555-0182,212-555-0184,212-555-0183,77,1 Main St,New York,new york,10001,USA,Spanish,"
        "express written,2026-03-04,web form,https://example.com/1,met in May\n",
    )
    assert codes(answer) == [(2, "other_number_opted_out")]
    (lead,) = await leads(api, campaign)
    assert lead["address"] == {
        "street": "1 Main St", "city": "New York", "state": "NY", "postal_code": "10001", "country": "US",
    }  # fmt: skip
    assert (lead["phone"], lead["language"], lead["custom"]) == ("+12125550181", "es", {"notes": "met in May"})
    assert [(other["phone"], other["kind"], other["extension"]) for other in lead["other_phones"]] == [
        ("+12125550182", "direct_phone", "77"), ("+12125550183", "main_phone", ""),
    ]  # fmt: skip
    (consent,) = lead["consents"]
    assert (consent["kind"], consent["given_on"], consent["source"], consent["proof"]) == (
        "express_written", "2026-03-04", "web form", "https://example.com/1",
    )  # fmt: skip
    await api.execute("delete from lead where id = :id", id=lead["id"])
    assert await api.value("select count(*) from other_phone where lead_id = :id", id=lead["id"]) == 0
    assert await api.value("select count(*) from consent where phone = '+12125550181' and lead_id is null") == 1


async def test_a_workbook_is_taken(api: Api) -> None:
    campaign = await api.campaign()
    book = workbook([("Name", "Phone"), ("Ada", 12125550146), ("Ben", None)])
    answer = await api.upload(
        campaign, book, headers={"content-type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    )
    body = answer.json()
    assert (body["kind"], body["file_name"], body["accepted"], codes(answer)) == (
        "xlsx", "leads.xlsx", 1, [(3, "missing_phone")],
    )  # fmt: skip


async def test_characters_that_no_database_holds_are_no_trap(api: Api) -> None:
    campaign = await api.campaign()
    rows = (
        '[{"phone": "+12125550146", "name": "A\\u0000da \\ud800"}, {"phone": "\\u0000\\udfff", "n\\u0000": "\\u0000"}]'
    )
    answer = await api.upload(campaign, rows, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (201, 1, 1)
    assert (await api.http.get(f"/v1/uploads/{answer.json()['id']}/rejected.csv")).status_code == 200


async def test_one_row_too_many_and_nothing_is_taken(migrated_url: str, tmp_path: Path) -> None:
    settings = settings_for(migrated_url, tmp_path, max_upload_rows=2)
    api = await open_api(settings, await connect(settings, lazy=True))
    campaign = await api.campaign()
    two, three = CSV, CSV + "Cleo,312-555-0100\n"
    refused = await api.upload(campaign, three)
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_rows")
    assert "MAX_UPLOAD_ROWS" in refused.json()["errors"][0]["fix"]
    for table in ("upload", "lead"):
        assert await api.value(f"select count(*) from {table} where campaign_id = :id", id=campaign) == 0
    assert (await api.upload(campaign, two)).json()["accepted"] == 2
    await close_api(api)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "xlsx_bomb_of_texts"])  # 5 s by itself
async def test_the_corpus_gives_over_http_what_it_gives_alone(api: Api, name: str) -> None:
    expected = EXPECTED[name]
    campaign = await api.campaign(default_country=expected.get("country", "US"))
    answer = await api.upload(
        campaign, corpus_files()[name], params={"active_elsewhere": "take"},
        headers={"content-type": "application/octet-stream"},
    )  # fmt: skip
    if "refused" in expected:
        assert (answer.status_code, answer.json()["code"]) == (422, expected["refused"])
        assert answer.json()["errors"][0]["fix"]
        assert await api.value("select count(*) from upload where campaign_id = :id", id=campaign) == 0
        return
    assert answer.status_code == 201, answer.text
    assert answer.json()["accepted"] == len(expected.get("leads", {}))
    assert [[finding["row"], finding["code"]] for finding in answer.json()["findings"]] == sorted(
        expected.get("findings", []), key=lambda finding: int(finding[0])
    )
    assert (await api.http.get(f"/v1/uploads/{answer.json()['id']}/rejected.csv")).status_code == 200
