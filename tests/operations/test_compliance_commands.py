"""The commands about suppressions, registers, people and the audit log, against the real API on a real database."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from cadenza.cli import app
from cadenza.operations.processes import free_port
from cadenza.settings import Settings, get_settings
from cadenza.temporal.connection import connect
from tests.api.conftest import close_api, open_api, settings_for

PHONE = "+13125550121"


class Served:
    """The API in a thread with its own loop, as another process would be."""

    def __init__(self, settings: Settings, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.key = ""
        self._settings = settings
        self._server: uvicorn.Server | None = None
        self._port = port
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        until = time.monotonic() + 30
        while not (self._server and self._server.started):
            assert time.monotonic() < until and self._thread.is_alive(), "the API did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(20)

    async def _serve(self) -> None:
        api = await open_api(self._settings, await connect(self._settings, lazy=True))
        self.key = api.key
        self._server = uvicorn.Server(uvicorn.Config(api.app, port=self._port, log_config=None))
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        await self._server.serve()
        await close_api(api)


@pytest.fixture(scope="module")
def served(module_laid_out_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    api = Served(settings_for(module_laid_out_url, tmp_path_factory.mktemp("api")), free_port())
    api.start()
    yield api
    api.stop()


@pytest.fixture(autouse=True)
def _talks_to_it(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENZA_API_URL", served.url)
    monkeypatch.setenv("CADENZA_API_KEY", served.key)
    monkeypatch.setattr("cadenza.operations.screen.console._width", 200)
    get_settings.cache_clear()


def run(*arguments: str, exit_code: int = 0) -> str:
    result: Any = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == exit_code, result.output
    return str(result.output)


def head_in(output: str) -> str:
    found = re.search(r"\d+:[0-9a-f]{64}", output)
    assert found, output
    return found[0]


def test_a_number_is_suppressed_shown_and_lifted(tmp_path: Path) -> None:
    run("suppression", "add", PHONE, "--reason", "asked by e-mail")
    shown = run("suppression", "show", PHONE)
    assert "asked by e-mail" in shown
    assert "suppressed" in shown.splitlines()
    run("suppression", "lift", PHONE, "--reason", "new written consent")
    assert "not suppressed" in run("suppression", "show", PHONE).splitlines()
    assert "not_found" in run("suppression", "lift", PHONE, "--reason", "again", exit_code=1)
    file = tmp_path / "list.csv"
    file.write_text(f"{PHONE}\nnonsense\n")
    assert "not_a_number" in run("suppression", "upload", str(file))


def test_a_register_and_answers_are_loaded(tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    file.write_text("312,5550121\n")
    assert "1 numbers" in run("registers", "load", "US", str(file), "--copied-on", "2026-11-01")
    assert "2026-11-01" in run("registers", "list")
    run("registers", "remove", "US", "--reason", "a test")
    answers = tmp_path / "answers.csv"
    answers.write_text(f"{PHONE},2026-01-01,yes\n")
    assert "1 numbers" in run("registers", "reassigned", str(answers), "--checked-on", "2026-11-01")


def test_a_person_is_exported_and_erased(tmp_path: Path) -> None:
    file = tmp_path / "person.json"
    run("person", "export", PHONE, "--file", str(file), "--reason", "asked")
    assert json.loads(file.read_text())["phone"] == PHONE
    assert "Kept: consents" in run("person", "erase", PHONE, "--reason", "asked by letter")
    assert "erasure" in run("suppression", "show", PHONE)


def test_rules_are_applied_shown_dated_and_withdrawn(tmp_path: Path) -> None:
    file = tmp_path / "ours.json"
    day = {"day": "2026-12-24", "reason": "closed"}
    hours = [{"days": "daily", "opens": "11:00", "closes": "17:00"}]
    file.write_text(json.dumps({"version": "v7", "jurisdictions": {"US-FL": {"hours": hours}}, "blackout_days": [day]}))
    assert "Would be in force" in run("rules", "apply", str(file), "--reason", "a letter", "--dry-run")
    applied = run("rules", "apply", str(file), "--reason", "a letter")
    assert "no calls: + on 2026-12-24 in every place: closed" in applied
    assert "Monday 11:00-17:00" in run("rules", "show", "US-FL", "--in-force")
    assert "key:ak_" in run("rules", "versions")
    assert "No rules were on record" in run("rules", "versions", "--at", "2020-01-01")
    assert ".v7-" in run("rules", "versions", "--at", "2099-01-01")
    weaker = run("rules", "withdraw", "--reason", "a mistake", exit_code=1)  # the rehearsal's rules are always open
    assert "jurisdictions.US-FL: calls 08:00 to 20:00 every day" in weaker
    withdrawn = run("rules", "withdraw", "--reason", "a mistake", "--accept-weaker")
    assert "no calls: - on 2026-12-24" in withdrawn
    assert "Nothing changes" in run("rules", "withdraw", "--reason", "again")
    file.write_text('{"version": "v8", "jurisdictions": {"US-FL": {"hour": []}}}')
    refused = run("rules", "apply", str(file), "--reason", "x", exit_code=1)
    assert "jurisdictions.US-FL.hour" in refused and "->" in refused
    file.write_text("{")
    assert "not JSON" in run("rules", "apply", str(file), "--reason", "x", exit_code=2)


def test_the_log_is_shown_verified_exported_and_a_changed_export_is_found(tmp_path: Path) -> None:
    run("suppression", "add", "+13125550122", "--reason", "asked")
    assert "suppression.added" in run("audit", "show", "--number", "+13125550122")
    head = head_in(run("audit", "verify"))
    run("audit", "verify", "--head", head)
    file = tmp_path / "audit.jsonl"
    run("audit", "export", str(file))
    assert head_in(run("audit", "verify", "--file", str(file), "--head", head)) == head
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:-2], lines[-1]]))
    cut = run("audit", "verify", "--file", str(file), exit_code=1)
    assert f"position {len(lines) - 1}" in cut
    file.write_text("".join(lines[:-1]))
    run("audit", "verify", "--file", str(file))
    run("audit", "verify", "--file", str(file), "--head", head, exit_code=1)
    run("audit", "verify", "--head", "nonsense", exit_code=2)
