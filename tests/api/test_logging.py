"""Log lines hold ids and types, never the words of an exception: databases and vendors put the row into them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from cadenza.logging_setup import set_up_logging
from tests.api.conftest import settings_for


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize("as_json", [True, False])
def test_exceptions_lose_their_words_and_keep_their_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    set_up_logging(settings_for("postgresql://x/y", tmp_path, log_json=as_json), "api")
    try:
        raise ValueError("Key (phone)=(+12125550146) exists")
    except ValueError:
        structlog.get_logger("ours").exception("it failed", attempt="ld_1-1")
        logging.getLogger("theirs").exception("it failed there")
    output = capsys.readouterr().err
    assert "2125550146" not in output
    assert output.count("ValueError") == 2
    assert "test_logging.py" in output
    if as_json:
        lines = [json.loads(line) for line in output.splitlines()]
        assert lines[0]["attempt"] == "ld_1-1"
        assert all(line["process"] == "api" for line in lines)


def test_lines_below_the_level_and_chatty_libraries_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging(settings_for("postgresql://x/y", tmp_path, log_level="INFO"), "api")
    structlog.get_logger().debug("hidden")
    logging.getLogger("httpx").info("GET https://vendor.example.com/Calls.json?To=hidden")
    structlog.get_logger().info("seen")
    output = capsys.readouterr().err
    assert "hidden" not in output
    assert "seen" in output
