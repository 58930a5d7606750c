"""Keys, rate limits, errors: what holds for every address."""

import stat
from pathlib import Path
from typing import Any

import pytest

from api.first_key import FILE_NAME, ensure_first_key
from cadenza.records.database import Database
from cadenza.temporal.connection import connect
from tests.api.conftest import Api, close_api, open_api, settings_for


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer cdz_wrong", "Basic cdz_x", "Bearer " + "cdz_" * 100])
async def test_without_a_valid_key_nothing_opens(api: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    api.http.headers.pop("Authorization")
    answer = await api.http.get("/v1/campaigns", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.no_cover  # many examples of lines that other tests cover
async def test_every_address_but_health_webhooks_and_audio_needs_a_key(api: Api) -> None:
    api.http.headers.pop("Authorization")
    paths: dict[str, dict[str, Any]] = api.app.openapi()["paths"]
    for path, operations in paths.items():
        if path.startswith(("/webhooks/", "/audio/", "/health")):
            continue
        for method in operations:
            answer = await api.http.request(method, path.replace("{", "").replace("}", ""))
            assert answer.status_code == 401, (method, path)


async def test_a_key_is_shown_once_and_kept_as_a_hash(api: Api) -> None:
    made = await api.http.post("/v1/api-keys", json={"name": "CRM"})
    secret = made.json()["key"]
    assert made.status_code == 201
    assert secret.startswith(made.json()["prefix"])
    listed = await api.http.get("/v1/api-keys")
    assert secret not in listed.text
    assert await api.value("select count(*) from api_key where key_hash like '%' || :secret || '%'", secret=secret) == 0
    with_it = await api.http.get("/v1/campaigns", headers={"Authorization": f"Bearer {secret}"})
    assert with_it.status_code == 200


async def test_a_revoked_key_opens_nothing_from_the_next_request_on(api: Api) -> None:
    made = (await api.http.post("/v1/api-keys", json={"name": "CRM"})).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    revoked = await api.http.delete(f"/v1/api-keys/{made['id']}")
    assert revoked.json()["revoked_at"] is not None
    assert (await api.http.get("/v1/campaigns", headers=headers)).status_code == 401


async def test_the_last_key_cannot_be_revoked(api: Api) -> None:
    await api.execute(
        "update api_key set revoked_at = now() where key_hash <> encode(sha256(:key), 'hex')", key=api.key.encode()
    )
    own = await api.value("select id from api_key where revoked_at is null")
    answer = await api.http.delete(f"/v1/api-keys/{own}")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_api_key")
    assert (await api.http.delete("/v1/api-keys/ak_nothing")).status_code == 404


async def test_the_first_key_is_made_once_and_only_its_owner_can_read_it(laid_out_url: str, tmp_path: Path) -> None:
    database = Database(laid_out_url, 2)
    assert await ensure_first_key(database, tmp_path) is True
    assert await ensure_first_key(database, tmp_path) is False
    file = tmp_path / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = settings_for(laid_out_url, tmp_path)
    api = await open_api(settings, await connect(settings, lazy=True))
    headers = {"Authorization": f"Bearer {file.read_text().strip()}"}
    assert (await api.http.get("/v1/campaigns", headers=headers)).status_code == 200
    await close_api(api)
    await database.close()


async def test_too_many_requests_are_429_with_retry_after(migrated_url: str, tmp_path: Path) -> None:
    settings = settings_for(migrated_url, tmp_path, api_rate_limit="3/minute")
    api = await open_api(settings, await connect(settings, lazy=True))
    other = (await api.http.post("/v1/api-keys", json={"name": "other"})).json()["key"]
    statuses = [(await api.http.get("/v1/campaigns")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = await api.http.get("/v1/campaigns")
    assert answer.json()["code"] == "rate_limited"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    # Each key has its own budget
    assert (await api.http.get("/v1/campaigns", headers={"Authorization": f"Bearer {other}"})).status_code == 200
    await close_api(api)


async def test_health_needs_no_key_and_readiness_names_what_is_missing(api: Api) -> None:
    api.http.headers.pop("Authorization")
    assert (await api.http.get("/health")).json() == {"status": "ok"}
    answer = await api.http.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert [error["field"] for error in answer.json()["errors"]] == ["temporal"]


async def test_unknown_addresses_and_methods_are_problem_documents_too(api: Api) -> None:
    for method, path, status, code in [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("PUT", "/v1/campaigns", 405, "method_not_allowed"),
        ("POST", "/v1/campaigns", 422, "invalid_request"),
    ]:
        answer = await api.http.request(method, path, content=b"{", headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-request-id"]


async def test_an_unforeseen_error_is_500_and_its_words_stay_out_of_answer_and_log(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Ada Abbott +12125550146")

    monkeypatch.setattr("api.routes.leads.list_leads", broken)
    answer = await api.http.get("/v1/leads")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["x-request-id"]
    output = "".join(capsys.readouterr())
    assert "Abbott" not in answer.text + output


async def test_validation_errors_do_not_repeat_what_was_sent(api: Api) -> None:
    answer = await api.http.post("/v1/suppressions", json={"phone": 2125550146, "note": "Ada Abbott"})
    assert answer.status_code == 422
    assert "Abbott" not in answer.text
    assert "2125550146" not in answer.text


@pytest.mark.parametrize("text", ["a\\u0000b", "a\\ud800b"])
async def test_text_that_a_database_cannot_hold_is_refused_not_a_crash(api: Api, text: str) -> None:
    headers = {"content-type": "application/json"}
    made = await api.http.post("/v1/api-keys", content=f'{{"name": "{text}"}}', headers=headers)
    assert (made.status_code, made.json()["code"]) == (422, "invalid_request")


async def test_a_nul_in_a_filter_is_refused_not_a_crash(api: Api) -> None:
    assert (await api.http.get("/v1/leads", params={"campaign": "\x00"})).status_code == 422
    assert (await api.http.get("/v1/leads/%00")).status_code == 422
