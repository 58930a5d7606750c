"""The `cadenza` command as a user meets it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cadenza.cli import app
from cadenza.operations.settings_example import EXAMPLE_FILE, settings_example

pytestmark = pytest.mark.computes(20)


def cadenza(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name != "DATA_DIR"}
    return subprocess.run(
        [sys.executable, "-m", "cadenza.cli", *arguments],
        cwd=folder,
        env={**clean, "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_up_without_keys_names_them_and_starts_nothing(tmp_path: Path) -> None:
    finished = cadenza(tmp_path, "up")
    assert finished.returncode == 2
    assert "TWILIO_ACCOUNT_SID is not set" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["up", "worker", "bridge", "api", "rehearsal", "doctor"])
def test_an_unknown_name_in_the_env_file_stops_every_command(tmp_path: Path, command: str) -> None:
    (tmp_path / ".env").write_text("OPENAI_APIKEY=sk-secret\n")
    finished = cadenza(tmp_path, command)
    assert finished.returncode == 2
    assert "did you mean OPENAI_API_KEY?" in finished.stderr
    assert "sk-secret" not in finished.stderr + finished.stdout


def test_settings_prints_and_writes_the_example(tmp_path: Path) -> None:
    assert cadenza(tmp_path, "settings").stdout == settings_example()
    assert cadenza(tmp_path, "settings", "--write").returncode == 0
    assert (tmp_path / EXAMPLE_FILE).read_text() == settings_example()


def test_the_doctor_ends_with_one_when_something_is_wrong(tmp_path: Path) -> None:
    finished = cadenza(tmp_path, "doctor")
    assert finished.returncode == 1
    assert "OPENAI_API_KEY" in finished.stdout


def test_help_lists_the_commands_and_the_groups_without_loading_their_work(tmp_path: Path) -> None:
    asks = (
        "import sys; from typer.testing import CliRunner; from cadenza.cli import app;"
        "print(CliRunner().invoke(app, ['--help']).stdout);"
        "print('sqlalchemy' in sys.modules, 'temporalio' in sys.modules)"
    )
    words = subprocess.check_output([sys.executable, "-c", asks], text=True, cwd=tmp_path)
    for command in ("up", "worker", "bridge", "api", "rehearsal", "doctor", "settings", "campaign", "chaos"):
        assert f" {command} " in words
    assert "Create, fill, run and watch campaigns." in words
    assert words.endswith("False False\n")


@pytest.mark.parametrize(
    "group", ["account", "audit", "lead", "person", "registers", "rules", "suppression", "campaign"]
)
def test_a_group_shows_its_commands(group: str) -> None:
    shown = CliRunner().invoke(app, [group])
    assert "Commands" in shown.output
    assert "Usage: cadenza" in shown.output


def test_a_group_that_is_misspelt_is_guessed() -> None:
    assert "Did you mean 'campaign'" in CliRunner().invoke(app, ["campain", "list"]).output
