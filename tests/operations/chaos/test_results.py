"""Results are kept whole, and many files are summed up as one report."""

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cadenza.domain.judge_rules import TITLES, BrokenRule
from cadenza.operations.chaos.chaos_command import app
from cadenza.operations.chaos.results import NotResults, read_results, running_commit, write_results
from cadenza.operations.chaos.score_view import report_view, result_view
from tests.operations.chaos.showing import result

DROPPED = BrokenRule.LIVE_CALL_DROPPED


def shown(view: object) -> str:
    console = Console(width=1000)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def test_results_come_back_as_they_were_from_all_files_in_the_order_of_their_seeds(tmp_path: Path) -> None:
    late, early, middle = result(seed=9), result(BrokenRule.LEAD_LOST, seed=2), result(seed=5)
    write_results(tmp_path / "a.json", [late, early])
    write_results(tmp_path / "b.json", [middle])
    assert read_results([tmp_path / "a.json", tmp_path / "b.json"]) == [early, middle, late]


@pytest.mark.parametrize("content", ["", "{}", '[{"seed": 1}]'])
def test_another_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(NotResults, match=r"other\.json"):
        read_results([file])


@pytest.mark.parametrize(
    ("one", "passed"),
    [
        (result(), True),
        (result(DROPPED), True),
        (result(BrokenRule.LEAD_LOST), False),
        (result(timed_out=True), False),
    ],
)
def test_a_run_passes_that_broke_no_promise_and_came_to_its_end(one: object, passed: bool) -> None:
    assert one.passed is passed  # type: ignore[attr-defined]


def test_the_report_sums_up_in_markdown() -> None:
    words = shown(
        report_view([result(DROPPED, DROPPED), result(BrokenRule.LEAD_LOST, seed=7, waits={"worker": [9.0]})])
    )
    assert "2 runs of commit abc1234567: 120 leads, 170 calls, 160 rings, 100 answered; 6 kills, 2 freezes" in words
    assert "1 violations, 0 runs out of time" in words
    rows = {cells[0]: cells[1:] for cells in map(_cells, words.splitlines()) if cells}
    assert rows[TITLES[BrokenRule.LEAD_LOST]] == ["1", "7"]
    assert rows[f"{TITLES[DROPPED]} (counted)"] == ["2", ""]
    assert rows["worker"] == ["4", "3", "4.0 s", "9.0 s"]
    assert rows["7"][6:8] == ["120", "1"]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def test_a_single_run_shows_every_rule_and_what_was_not_played() -> None:
    words = shown(result_view(result(BrokenRule.LINE_LEAKED, not_played=["rolling restart"], breaker_trips=3)))
    assert all(title in words for title in TITLES.values())
    assert "1 violations" in words
    assert "3 trips of circuit breakers; not played: rolling restart" in words


@pytest.mark.parametrize(("rules", "code"), [((), 0), ((BrokenRule.LEAD_LOST,), 1)])
def test_the_report_command_ends_with_one_where_a_promise_was_broken(
    tmp_path: Path, rules: tuple[BrokenRule, ...], code: int
) -> None:
    file = tmp_path / "results.json"
    write_results(file, [result(*rules)])
    assert CliRunner().invoke(app, ["report", str(file)]).exit_code == code


def test_the_report_command_names_a_file_that_is_not_there_and_what_it_wants(tmp_path: Path) -> None:
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["report", str(tmp_path / "none.json")])
    assert done.exit_code == 2
    assert "none.json cannot be read" in done.stderr
    assert "cadenza chaos --json FILE" in done.stderr
    assert "Errno" not in done.stderr


def test_the_commit_is_that_of_the_code_that_runs() -> None:
    commit = running_commit()
    assert commit is None or len(commit.removesuffix("-dirty")) >= 7
