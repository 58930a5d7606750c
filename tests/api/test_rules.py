"""The rules over the API: what holds and what held, with grade and source; changes are whole, and in force at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from cadenza.domain.rules.rule_book import standard_rules
from cadenza.records.rules_in_force import RulesInForce
from cadenza.temporal.connection import connect
from tests.api.conftest import Api, close_api, open_api, settings_for

NARROWER: dict[str, Any] = {
    "version": "2026-12",
    "jurisdictions": {"US-FL": {"hours": [{"days": "daily", "opens": "09:00", "closes": "19:00"}]}},
}
WEAKER: dict[str, Any] = {"version": "weak", "jurisdictions": {"US-FL": {"attempt_caps": None}}}
OVERLAY = "/v1/rules/overlay"


@pytest.fixture
async def law(tables_url: str, tmp_path: Path) -> Any:
    """The API under the standard rules, on empty tables."""
    settings = settings_for(tables_url, tmp_path, calling_rules=None)
    opened = await open_api(settings, await connect(settings, lazy=True))
    yield opened
    await close_api(opened)


async def put(api: Api, overlay: dict[str, Any], **query: Any) -> Any:
    return await api.http.put(OVERLAY, json=overlay, params={"reason": "counsel's letter", **query})


async def versions(api: Api, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.http.get("/v1/rules/versions", params=query)).json()["items"]
    return items


async def test_the_book_in_force_shows_every_rule_with_grade_and_source(law: Api) -> None:
    book = (await law.http.get("/v1/rules")).json()
    assert book["version"] == book["base_version"] == standard_rules().version
    assert {row["id"] for row in book["jurisdictions"]} == set(standard_rules().jurisdictions)
    for row in book["jurisdictions"]:
        assert row["rules"], row["id"]
        assert all(rule["grade"] in "PSMRO" and rule["source"] and rule["words"] for rule in row["rules"])


async def test_a_place_shows_its_own_rows_its_countrys_and_what_they_leave_open(law: Api) -> None:
    florida = (await law.http.get("/v1/rules/us-fl")).json()
    assert [row["id"] for row in florida["jurisdictions"]] == ["US", "US-FL"]
    assert florida["week"]["monday"] == {"opens": "08:00", "closes": "20:00"}
    assert (await law.http.get("/v1/rules/AU")).json()["week"]["sunday"] == {"opens": None, "closes": None}
    assert not (await law.http.get("/v1/rules/BR")).json()["is_known"]
    assert (await law.http.get("/v1/rules/US-FLA")).status_code == 404


async def test_a_change_holds_in_every_process_from_its_next_decision_on(law: Api) -> None:
    other_process = RulesInForce(standard_rules())
    async with law.database.transaction() as session:
        assert (await other_process.gate(session)).rules.version == standard_rules().version
    changed = (await put(law, NARROWER)).json()
    assert changed["is_in_force"]
    assert changed["changes"] == [
        "US-FL: - calls 08:00 to 20:00 every day (P)",
        "US-FL: + calls 09:00 to 19:00 every day (O)",
    ]
    assert (await law.http.get("/v1/rules")).json()["version"] == changed["version"]
    async with law.database.transaction() as session:
        gate = await other_process.gate(session)
        assert gate.rules.version == changed["version"]
        assert await other_process.gate(session) is gate


async def test_each_change_is_on_record_with_author_reason_and_the_whole_book(law: Api) -> None:
    before = datetime.now(UTC) - timedelta(hours=1)
    first, between = (await versions(law))[0], datetime.now(UTC)
    changed = (await put(law, NARROWER)).json()["version"]
    newest, oldest = await versions(law)
    assert (newest["version"], newest["why"]) == (changed, "counsel's letter")
    assert newest["who"].startswith("key:ak_")
    assert newest["in_force_until"] is None
    assert (oldest["version"], oldest["who"]) == (first["version"], "engine")
    assert oldest["in_force_until"] == newest["in_force_at"]
    assert [one["version"] for one in await versions(law, at=between.isoformat())] == [first["version"]]
    assert await versions(law, at=before.isoformat()) == []
    whole = (await law.http.get(f"/v1/rules/versions/{changed}")).json()
    assert whole["rules"]["jurisdictions"]["US-FL"]["hours"][0]["opens"] == "09:00:00"
    logged = (await law.http.get("/v1/audit", params={"kind": "rules."})).json()["items"]
    assert [(one["why"], one["details"]["version"]) for one in logged] == [
        ("counsel's letter", changed),
        ("a process came with these rules", first["version"]),
    ]


async def test_withdrawn_changes_leave_the_book_that_was_there_before_and_stay_on_record(law: Api) -> None:
    await put(law, NARROWER)
    assert (await law.http.get(OVERLAY)).json()["overlay"] == NARROWER
    answer = await law.http.delete(OVERLAY, params={"reason": "a mistake"})
    assert answer.json()["version"] == standard_rules().version
    assert (await law.http.get(OVERLAY)).json()["overlay"] is None
    assert [one["version"] for one in await versions(law)].count(standard_rules().version) == 2


async def test_a_change_that_cannot_be_used_names_field_and_fix_and_leaves_the_rules_as_they_are(law: Api) -> None:
    good = (await put(law, NARROWER)).json()["version"]
    bad = {"version": "x", "jurisdictions": {"US-FL": {"hour": []}, "US-ZZ": {"name": "?"}}}
    refused = await put(law, bad)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_rules")
    fields = {error["field"]: error["fix"] for error in refused.json()["errors"]}
    assert any("US-ZZ" in field for field in fields) and all(fields.values())
    assert (await law.http.get("/v1/rules")).json()["version"] == good
    assert len(await versions(law)) == 2


async def test_rules_of_law_go_only_if_that_is_said(law: Api) -> None:
    refused = await put(law, WEAKER)
    assert (refused.status_code, refused.json()["code"]) == (409, "rules_weakened")
    [error] = refused.json()["errors"]
    assert (error["field"], error["message"]) == ("jurisdictions.US-FL", "at most 3 calls to a number in 24 hours")
    tried = (await put(law, WEAKER, dry_run=True)).json()
    assert (tried["is_in_force"], len(tried["weakened"])) == (False, 1)
    assert len(await versions(law)) == 1
    taken = (await put(law, WEAKER, accept_weaker=True)).json()
    assert (await law.http.get("/v1/rules")).json()["weakened"] == taken["weakened"]
    again = await put(law, {**WEAKER, "blackout_days": [{"day": "2026-12-24", "reason": "closed"}]})
    assert again.status_code == 200  # what was accepted before is not asked about again


async def test_a_change_may_ask_that_nobody_was_faster(law: Api) -> None:
    first = (await law.http.get("/v1/rules")).json()["version"]
    second = (await put(law, NARROWER, only_if=first)).json()["version"]
    late = await put(law, {**NARROWER, "version": "2027-01"}, only_if=first)
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert (await law.http.get("/v1/rules")).json()["version"] == second


async def test_the_same_change_again_changes_nothing(law: Api) -> None:
    first, again = (await put(law, NARROWER)).json(), (await put(law, NARROWER)).json()
    assert again == {**first, "changes": []}
    assert len(await versions(law)) == 2


async def test_changes_over_the_api_lie_over_the_operators_file(api: Api) -> None:
    base = (await api.http.get("/v1/rules")).json()["base_version"]
    changed = (await put(api, NARROWER)).json()["version"]
    assert changed.startswith(base.rpartition("-")[0] + ".2026-12-")
    await api.http.delete(OVERLAY, params={"reason": "a test's end"})


async def test_changes_that_do_not_fit_a_later_release_stop_every_call_until_they_are_mended(law: Api) -> None:
    await law.execute(
        "insert into rule_overlay (overlay, who, why) values ('{\"version\": \"old\", \"gone\": 1}', 'x', 'y')"
    )
    refused = await law.http.get("/v1/rules")
    assert (refused.status_code, refused.json()["code"]) == (503, "bad_rules")
    assert refused.json()["errors"][0]["field"] == "gone"
    assert (await put(law, NARROWER)).status_code == 200
    assert (await law.http.get("/v1/rules")).status_code == 200


@pytest.mark.parametrize("written", ["2026", "20261121", "2026-11-21", "2026-11-21T15:00", "noon", "nan"])
async def test_an_instant_needs_day_time_and_offset(law: Api, written: str) -> None:
    answer = await law.http.get("/v1/rules/versions", params={"at": written})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.at")
    assert "2026-11-15T00:00:00Z" in answer.text


@pytest.mark.parametrize("table", ["rule_overlay", "rule_version"])
@pytest.mark.parametrize("statement", ["update {} set who = 'nobody'", "delete from {}", "truncate {}"])
async def test_the_record_is_append_only(law: Api, table: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        await law.execute(statement.format(table))


async def test_a_transaction_that_fails_leaves_the_record_to_the_next_one(law: Api) -> None:
    rules = RulesInForce(standard_rules())
    with pytest.raises(RuntimeError):
        async with law.database.transaction() as session:
            await rules.gate(session)
            raise RuntimeError
    count = "select count(*) from rule_version"
    assert await law.value(count) == 0
    for _ in range(2):
        async with law.database.transaction() as session:
            await rules.gate(session)
    assert await law.value(count) == 1


async def test_nobody_waits_for_somebody_else_who_puts_the_book_on_record(law: Api) -> None:
    async with law.database.transaction() as first, law.database.transaction() as second:
        await RulesInForce(standard_rules()).gate(first)
        async with asyncio.timeout(20):
            assert (await RulesInForce(standard_rules()).gate(second)).rules.version == standard_rules().version
    assert len(await versions(law)) == 1
