"""Pins down: the process's rules are the book with the operator's file over it, or there is no start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cadenza.calling_rules import read_rules, rules_for
from cadenza.domain.rules.rule_book import RulesRefused, standard_rules
from cadenza.operations.settings_check import problems_for_calling
from cadenza.settings import Settings

GOOD = '{"version": "mine", "blackout_days": [{"day": "2026-12-24", "reason": "closed"}]}'


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "rules.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_process_has_one_book_with_its_operators_rules(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, calling_rules=write(tmp_path, GOOD))
    rules = rules_for(settings)
    assert rules is rules_for(settings)
    assert [day.reason for day in rules.blackout_days] == ["closed"]
    assert rules_for(Settings(_env_file=None)).version == standard_rules().version


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        (b"\xff\xfe{", "not text in UTF-8"),
        ('{"version": "x", "jurisdictions": {"US-FL": {"hour": []}}}', "jurisdictions.US-FL.hour"),
    ],
)
def test_rules_that_cannot_be_used_stop_the_start_and_name_field_and_fix(
    tmp_path: Path, content: str | bytes | None, words: str
) -> None:
    path = tmp_path / "missing.json" if content is None else write(tmp_path, content)
    with pytest.raises(RulesRefused) as refused:
        read_rules(path)
    assert any(words in f"{one.field}: {one.message}" or words in one.field for one in refused.value.problems)
    problems = problems_for_calling(Settings(_env_file=None, calling_rules=path))
    [problem] = [one for one in problems if one.variable == "CALLING_RULES"]
    assert words in problem.problem
    assert problem.fix


@pytest.mark.parametrize("module", ["api", "workflows", "voice_bridge"])
def test_no_process_starts_with_rules_that_it_cannot_use(module: str, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "CADENZA_ENV_FILE": "", "DATA_DIR": str(tmp_path)}
    rules = {"CALLING_RULES": str(tmp_path / "missing.json")}
    process = subprocess.run(
        [sys.executable, "-m", module], env={**os.environ, **settings, **rules}, capture_output=True, timeout=60
    )
    assert process.returncode == 2
    assert b"CALLING_RULES: the file: " in process.stderr


@pytest.mark.parametrize("changes", [{}, {"API_PORT": "many"}])
def test_a_process_names_everything_that_keeps_it_from_starting(tmp_path: Path, changes: dict[str, str]) -> None:
    """Also what is only found once the others are put right."""
    settings = {"CADENZA_ENV_FILE": "", "CALLING_RULES": str(tmp_path / "missing.json"), **changes}
    process = subprocess.run(
        [sys.executable, "-m", "api"], env={**os.environ, **settings}, capture_output=True, timeout=60
    )
    assert process.returncode == 2
    named = {line.partition(b":")[0].decode() for line in process.stderr.splitlines()}
    assert named == {"CALLING_RULES", *(changes or {"DATABASE_URL"})}
