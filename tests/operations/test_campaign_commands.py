"""Pins down: the campaign commands against a small HTTP server: what they send, and how refusals read."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from api.schemas.account import AccountOut
from api.schemas.uploads import PreviewOut
from cadenza.cli import app
from cadenza.settings import get_settings

PROBLEM = {
    "title": "Not now", "code": "wrong_state", "detail": "The campaign is cancelled.",
    "errors": [{"field": "state", "message": "cancelled", "fix": "Create a new campaign."}],
}  # fmt: skip


class Answers:
    """What the server answers, by method and path; what it was asked."""

    def __init__(self) -> None:
        self.by_request: dict[tuple[str, str], tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, str, bytes]] = []
        self.queries: list[dict[str, list[str]]] = []

    def posted(self) -> tuple[dict[str, list[str]], bytes]:
        """Query and body of the one POST; others may have looked how far it is."""
        (place,) = [place for place, (method, *_) in enumerate(self.asked) if method == "POST"]
        return self.queries[place], self.asked[place][3]


@pytest.fixture
def answers(free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    known = Answers()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            known.queries.append(parse_qs(urlsplit(self.path).query))
            known.asked.append((self.command, path, self.headers["Authorization"], body))
            status, answer = known.by_request.get((self.command, path), (404, {"title": "Nothing here"}))
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", free_port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CADENZA_API_URL", f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("CADENZA_API_KEY", "cdz_test")
    get_settings.cache_clear()
    yield known
    server.shutdown()
    server.server_close()


def run(*arguments: str, group: str = "campaign") -> Any:
    return CliRunner().invoke(app, [group, *arguments])


@pytest.mark.parametrize("action", ["start", "pause", "resume"])
def test_a_change_is_one_request_with_the_key(answers: Answers, action: str) -> None:
    answers.by_request["POST", f"/v1/campaigns/cp_1/{action}"] = (200, {"state": "running"})
    result = run(action, "cp_1")
    assert result.exit_code == 0
    assert answers.asked[0][:3] == ("POST", f"/v1/campaigns/cp_1/{action}", "Bearer cdz_test")


def test_cancelling_is_asked_for_twice(answers: Answers) -> None:
    answers.by_request["POST", "/v1/campaigns/cp_1/cancel"] = (200, {"state": "cancelled"})
    assert run("cancel", "cp_1").exit_code == 1
    assert answers.asked == []
    assert run("cancel", "cp_1", "--yes").exit_code == 0


def test_create_sends_the_file_and_a_file_that_is_no_json_is_explained(answers: Answers, tmp_path: Path) -> None:
    file = tmp_path / "campaign.json"
    file.write_text('{"name": "Spring"}')
    answers.by_request["POST", "/v1/campaigns"] = (201, {"id": "cp_9"})
    assert "cp_9" in run("create", str(file)).output
    assert json.loads(answers.asked[0][3]) == {"name": "Spring"}
    file.write_text("{")
    assert run("create", str(file)).exit_code == 2


def test_upload_sends_the_file_as_it_is(answers: Answers, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("phone\n+12125550100\n")
    answers.by_request["POST", "/v1/campaigns/cp_1/leads"] = (
        201, {"rows": 1, "accepted": 1, "rejected": 0, "findings": []},
    )  # fmt: skip
    assert "1 leads taken of 1 rows" in run("upload", "cp_1", str(file)).output
    assert b"+12125550100" in answers.posted()[1]


def test_upload_sends_what_columns_are_and_writes_the_rows_to_correct(answers: Answers, tmp_path: Path) -> None:
    file, rejected = tmp_path / "leads.csv", tmp_path / "rejected.csv"
    file.write_text("Ring here;Plan=Type\n12;x\n")
    answers.by_request["POST", "/v1/campaigns/cp_1/leads"] = (
        201, {"id": "up_1", "rows": 1, "accepted": 0, "rejected": 1, "findings": [], "dry_run": True},
    )  # fmt: skip
    answers.by_request["GET", "/v1/uploads/up_1/rejected.csv"] = (200, b"Ring here,cadenza_code\r\n12,too_short\r\n")
    result = run(
        "upload", "cp_1", str(file), "--column", "Ring here=phone", "--column", "Plan=Type=custom:plan",
        "--columns-of", "up_0", "--keep-unknown", "--take-active", "--dry-run", "--rejected", str(rejected),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "a dry run" in result.output and "--columns-of up_1" in " ".join(result.output.split())
    query, _ = answers.posted()
    assert json.loads(query.pop("mapping")[0]) == {"Ring here": "phone", "Plan=Type": "custom:plan"}
    assert query == {
        "mapping_of": ["up_0"], "keep_unknown": ["true"], "active_elsewhere": ["take"], "dry_run": ["true"],
    }  # fmt: skip
    assert rejected.read_bytes() == b"Ring here,cadenza_code\r\n12,too_short\r\n"


def test_a_column_without_a_field_is_explained(answers: Answers, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("phone\n")
    result = run("upload", "cp_1", str(file), "--column", "phone")
    assert result.exit_code == 2
    assert "HEADER=FIELD" in result.output + result.stderr


def test_a_preview_shows_columns_fields_and_rows(answers: Answers, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("phone\n+12125550100\n")
    example = PreviewOut.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    answers.by_request["POST", "/v1/campaigns/cp_1/leads/preview"] = (200, example)
    shown = run("preview", "cp_1", str(file)).output
    for words in ("full_name", "Ada Abbott", "Gold", "custom:NAME", "+12125550146"):
        assert words in shown


def test_list_and_report_print(answers: Answers) -> None:
    campaign = {"id": "cp_1", "state": "running", "name": "Spring", "leads": {"final": 3, "due": 2}}
    answers.by_request["GET", "/v1/campaigns"] = (200, {"items": [campaign]})
    assert "cp_1" in run("list").output
    answers.by_request["GET", "/v1/campaigns/cp_1/report"] = (200, {"unfinished": 0})
    assert '"unfinished": 0' in run("report", "cp_1", "--json").output


def test_a_refusal_names_the_code_the_field_and_the_fix(answers: Answers) -> None:
    answers.by_request["POST", "/v1/campaigns/cp_1/start"] = (409, PROBLEM)
    result = run("start", "cp_1")
    assert result.exit_code == 1
    for words in ("wrong_state", "The campaign is cancelled.", "Create a new campaign."):
        assert words in result.stderr


def test_a_server_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    monkeypatch.setenv("CADENZA_API_URL", f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("CADENZA_API_KEY", "cdz_test")
    get_settings.cache_clear()
    result = run("start", "cp_1")
    assert result.exit_code == 1
    assert "cadenza up" in result.stderr


def test_without_a_key_the_way_to_one_is_told() -> None:
    result = run("start", "cp_1")
    assert result.exit_code == 2
    assert "CADENZA_API_KEY" in result.stderr


@pytest.mark.parametrize(
    ("command", "request_", "reason", "shown"),
    [
        (["show"], ("GET", "/v1/account"), None, "calling"),
        (["pause", "--reason", "review"], ("POST", "/v1/account/pause"), "review", "paused: review"),
        (["resume"], ("POST", "/v1/account/resume"), None, "calling"),
    ],
)
def test_the_account_is_shown_paused_and_resumed(
    answers: Answers, command: list[str], request_: tuple[str, str], reason: str | None, shown: str
) -> None:
    account = {
        "id": "AC1", "paused_reason": reason, "lines_in_use": 2, "max_lines": 5, "calls_per_second": 1.0,
        "breaker": None, "waiting_reason": "",
    }  # fmt: skip
    answers.by_request[request_] = (200, account)
    result = run(*command, group="account")
    assert result.exit_code == 0
    assert shown in result.output


def test_an_account_that_stopped_by_itself_shows_why_and_how_it_goes_on(answers: Answers) -> None:
    account = AccountOut.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    answers.by_request["GET", "/v1/account"] = (200, {**account, "waiting_reason": "the voice bridges are full"})
    output = " ".join(run("show", group="account").output.split())
    assert "paused: the carrier refuses our calls (code 20003)" in output
    assert "Waits for you: when it is put right, `cadenza account resume`" in output
    assert "Nobody new is called now: the voice bridges are full" in output
