"""A large file and a process that dies, or a campaign that ends, half-way: all of it is taken, or none."""

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from bench.uploads import csv_file, lead_rows
from cadenza.operations.processes import free_port
from tests.api.conftest import SCRIPT
from tests.api.test_process import running, wait_until_ready

pytestmark = [pytest.mark.servers, pytest.mark.computes(30), pytest.mark.timeout(240)]
ROWS = 5_000
_KEPT = ("lead", "row_error", "other_phone", "consent")


@cache
def large_file() -> bytes:
    return csv_file(lead_rows(ROWS))


@dataclass
class Running:
    """An API process and a client of it."""

    process: "subprocess.Popen[bytes]"
    http: httpx.Client

    def campaign(self) -> str:
        answer = self.http.post("/v1/campaigns", json={"name": "Large", "script": SCRIPT})
        return str(answer.raise_for_status().json()["id"])

    def upload(self, campaign: str) -> httpx.Response:
        return self.http.post(
            f"/v1/campaigns/{campaign}/leads", content=large_file(), headers={"content-type": "text/csv"}
        )

    def uploads(self, campaign: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.http.get(f"/v1/campaigns/{campaign}/uploads").json()["items"]
        return items

    def when(self, campaign: str, state: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The upload under way, as soon as it is so."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            for item in self.uploads(campaign):
                assert item["state"] != "done", f"it was done before it was seen to be {state}"
                if item["state"] == state and wanted(item):
                    return item
            time.sleep(0.02)
        raise AssertionError(f"no upload was {state}")


@contextmanager
def api(laid_out_url: str, data_dir: Path) -> Iterator[Running]:
    port = free_port()
    with running(laid_out_url, data_dir, port, API_RATE_LIMIT="100000/minute") as process:
        wait_until_ready(process, data_dir)
        headers = {"Authorization": f"Bearer {(data_dir / 'api_key').read_text().strip()}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as http:
            yield Running(process, http)


def count(laid_out_url: str, table: str) -> int:
    with psycopg.connect(laid_out_url) as connection:
        row = connection.execute(f'select count(*) from "{table}"').fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("state", ["reading", "storing"])
def test_a_killed_upload_leaves_nothing_and_may_be_sent_again(laid_out_url: str, tmp_path: Path, state: str) -> None:
    with api(laid_out_url, tmp_path) as first, ThreadPoolExecutor() as pool:
        campaign = first.campaign()
        sending: Future[httpx.Response] = pool.submit(first.upload, campaign)
        seen = first.when(campaign, state, lambda item: item["rows"] > 0)
        assert 0 < seen["progress"] <= 1
        assert first.http.get("/v1/leads", params={"campaign": campaign}).json()["items"] == []
        first.process.kill()
        with pytest.raises(httpx.TransportError):
            sending.result()
    assert {table: count(laid_out_url, table) for table in _KEPT} == dict.fromkeys(_KEPT, 0)
    with api(laid_out_url, tmp_path) as second:
        taken = second.upload(campaign)
        assert (taken.status_code, taken.json()["rows"]) == (201, ROWS)
        accepted, rejected = taken.json()["accepted"], taken.json()["rejected"]
        assert accepted + rejected == ROWS and accepted > ROWS * 0.9
        assert count(laid_out_url, "lead") == accepted
        again = second.upload(campaign)
        assert (again.status_code, again.json()["already_uploaded"]) == (200, True)
        assert [item["state"] for item in second.uploads(campaign)] == ["done", "interrupted"]
        assert count(laid_out_url, "lead") == accepted


def test_a_campaign_that_is_cancelled_meanwhile_gets_no_leads(laid_out_url: str, tmp_path: Path) -> None:
    with api(laid_out_url, tmp_path) as running_api, ThreadPoolExecutor() as pool:
        campaign = running_api.campaign()
        sending = pool.submit(running_api.upload, campaign)
        running_api.when(campaign, "reading", lambda item: item["rows"] > 0)
        began = time.monotonic()
        running_api.http.post(f"/v1/campaigns/{campaign}/cancel").raise_for_status()
        assert time.monotonic() - began < 2, "an upload must not hold up a cancel"
        answer = sending.result()
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_campaign_state")
        assert running_api.uploads(campaign) == []
    assert {table: count(laid_out_url, table) for table in _KEPT} == dict.fromkeys(_KEPT, 0)
