"""`cadenza lead why` as a user meets it."""

import pytest

from api.schemas.why import EXAMPLE_WHY, WhyOut
from cadenza.operations.lead_commands import show_why


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadenza.operations.screen.console._width", 240)


def shown(capsys: pytest.CaptureFixture[str], *, everything: bool = False, **changes: object) -> str:
    show_why(WhyOut.model_validate({**EXAMPLE_WHY, **changes}).model_dump(mode="json"), everything=everything)
    return capsys.readouterr().out


def test_the_refusing_rule_is_shown_with_its_source_and_the_times_by_both_clocks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = shown(capsys)
    assert "Not called because of outside_legal_hours: US-FL allows calls 08:00 to 20:00" in words
    assert "SB 1120 (2021)" in words
    local = "Sat 2026-11-21 07:00 in America/Chicago; Sat 2026-11-21 08:00 in America/New_York"
    assert f"2026-11-21 13:00 UTC ({local})" in words
    assert "the number is not suppressed" not in words
    assert "the number is not suppressed" in shown(capsys, everything=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_final": True, "next_allowed": None}, "(final)"),
        ({"next_allowed": None, "held_rule": "no_consent"}, "(a person has to act)"),
        ({"allowed": True, "rule": None, "reason": "", "verdicts": []}, "The rules let it be called now."),
        ({"state": "final", "outcome": "uncallable", "due": None, "next_step": ""}, "final: uncallable"),
    ],
)
def test_what_stands_next_is_said(capsys: pytest.CaptureFixture[str], changes: dict[str, object], words: str) -> None:
    assert words in shown(capsys, **changes)
