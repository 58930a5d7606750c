"""Pins down: what people read in a terminal about an upload, a running campaign and its end."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from api.schemas.breakers import EXAMPLE_BREAKER
from api.schemas.reports import EXAMPLE_REPORT, CampaignProgress
from api.schemas.uploads import EXAMPLE_FINDING
from cadenza.operations.campaign_view import progress_view, report_view, upload_view


def shown(view: RenderableType) -> str:
    text = StringIO()
    Console(file=text, width=140).print(view)
    return text.getvalue()


def upload(**changes: Any) -> dict[str, Any]:
    return {"rows": 43, "accepted": 42, "rejected": 1, "findings": [EXAMPLE_FINDING], **changes}


def test_an_upload_says_what_was_taken_and_each_bad_row_with_its_fix() -> None:
    text = shown(upload_view(upload()))
    assert "42 leads taken of 43 rows, 1 not taken" in text
    assert "scientific notation" in text
    assert "Format the column as Text" in text


def test_a_file_that_was_here_before_says_so() -> None:
    assert "nothing was changed" in shown(upload_view(upload(findings=[], already_uploaded=True)))


def test_the_live_view_shows_progress_calls_and_why_nothing_is_dialled() -> None:
    progress = CampaignProgress.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    now = datetime(2026, 11, 20, 15, 0, 20, tzinfo=UTC)
    text = shown(progress_view({**progress, "dialer_paused_reason": "the carrier refuses our calls"}, now))
    assert "17 of 42 leads have their outcome" in text
    assert "booked 6" in text
    assert "in progress" in text
    assert " 12" in text, "seconds since the answer"
    assert "the carrier refuses our calls" in text


@pytest.mark.parametrize(
    ("changes", "goes_on"),
    [
        ({}, "One call is tried at Fri 20 Nov"),
        ({"probe_at": None}, "Waits for you: when it is put right, `cadenza campaign resume cp_"),
        ({"state": "probing"}, "One call goes out now"),
    ],
)
def test_a_campaign_that_paused_by_itself_shows_why_and_how_it_goes_on(changes: dict[str, Any], goes_on: str) -> None:
    progress = CampaignProgress.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    breaker = {**EXAMPLE_BREAKER, **changes}
    text = shown(progress_view({**progress, "state_reason": breaker["reason"], "breaker": breaker}))
    assert "6 of 8 attempts that ended in the last 120 s failed at the carrier" in text
    assert goes_on in text


def test_what_stands_in_the_way_of_calls_is_shown() -> None:
    progress = CampaignProgress.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    assert "the carrier's queue is long" in shown(
        progress_view({**progress, "dialer_waiting_reason": "the carrier's queue is long"})
    )


def test_leads_that_wait_for_a_person_are_shown_by_rule() -> None:
    progress = CampaignProgress.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    assert "12 leads are held for you (no consent)" in shown(progress_view(progress))
    assert "held" not in shown(progress_view({**progress, "held": {}}))


def test_with_nobody_on_the_line_the_next_step_is_shown() -> None:
    progress = CampaignProgress.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    assert "Next: attempt 2 after no answer" in shown(progress_view({**progress, "under_way": []}))


@pytest.mark.parametrize(
    "words",
    [
        "38 leads, completed",
        "voicemail left",
        "71.8%",
        "heard",
        "p95 under 1500 ms: met",
        "1.93 USD",
        "0.14 an appointment",
        "outside hours 3",
    ],
)
def test_the_report_shows(words: str) -> None:
    assert words in shown(report_view(EXAMPLE_REPORT))


def test_the_report_shows_when_people_answer_with_a_dot_where_too_few_calls_were_counted() -> None:
    cell = {"rung": 40, "answered": 9, "share": 0.225, "low": 0.12, "high": 0.38}
    hours = [{"weekday": 0, "hour": 17, **cell}, {"weekday": 1, "hour": 19, **cell}]
    text = shown(report_view({**EXAMPLE_REPORT, "answer_hours": {"hours": hours, "parts": {"evening": cell}}}))
    monday = next(line for line in text.splitlines() if line.startswith("monday"))
    assert monday.split() == ["monday", "22%", "·", "·"]
    assert "evening 22% of 40 (12% to 38%)" in text


def test_appointments_are_shown_in_the_rep_s_own_time() -> None:
    appointment = {
        "starts_at": "2026-11-24T19:30:00Z", "time_zone": "America/New_York", "rep": "Dana Reyes",
        "provider": "calendly", "state": "confirmed",
    }  # fmt: skip
    text = shown(report_view({**EXAMPLE_REPORT, "appointments": [appointment]}))
    assert "Tue 24 Nov 14:30 EST" in text


def test_leads_without_an_outcome_are_named() -> None:
    lead = {"lead_id": "ld_1", "state": "waiting", "next_step": "attempt 2", "due_at": None}
    assert "ld_1" in shown(report_view({**EXAMPLE_REPORT, "unfinished": 1, "without_final_outcome": [lead]}))
