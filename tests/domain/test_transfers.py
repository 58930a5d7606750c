"""Whom a callee may be connected to, and what a transfer's end means."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from cadenza.domain.calling_hours import WeeklyHours
from cadenza.domain.outcomes import AttemptOutcome
from cadenza.domain.policy import CampaignPolicy
from cadenza.domain.transfers import TransferState, TransferTarget, outcome_of_transfers, state_of_dial

SALES = {"id": "sales", "label": "our sales team", "phone": "+12125550142"}
TUESDAY_NOON = datetime(2026, 12, 1, 17, 0, tzinfo=UTC)  # in New York
SUNDAY = datetime(2026, 12, 6, 17, 0, tzinfo=UTC)


def test_a_number_is_kept_in_one_form() -> None:
    assert TransferTarget(**{**SALES, "phone": "+1 (212) 555-0142"}).phone == "+12125550142"


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"phone": "212-555-0142"}, "phone", "country"),
        ({"phone": "+19005550123"}, "phone", "premium"),
        ({"phone": "+12125550142 ext 7"}, "phone", "extension"),
        ({"phone": "my boss"}, "phone", ""),
        ({"id": "Sales Team"}, "id", "pattern"),
        ({"label": "<b>sales</b>"}, "label", "pattern"),
        ({"label": "s"}, "label", "at least 2"),
        ({"label": "s" * 61}, "label", "at most 60"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "IANA"),
        ({"if_unanswered": "shrug"}, "if_unanswered", "callback"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TransferTarget(**{**SALES, **changes})
    error = refused.value.errors()[0]
    assert error["loc"] == (field,) and says in error["msg"].lower().replace("iana", "IANA")
    assert "0142" not in error["msg"]


def test_two_targets_need_two_ids() -> None:
    with pytest.raises(ValidationError, match="same id"):
        CampaignPolicy.model_validate({"transfer_targets": [SALES, SALES]})


def test_a_call_may_last_longer_where_it_may_be_transferred() -> None:
    assert CampaignPolicy().longest_call_seconds == 600
    policy = CampaignPolicy.model_validate({"transfer_targets": [SALES], "max_transfer_seconds": 900})
    assert (policy.max_call_seconds, policy.longest_call_seconds) == (600, 1500)


def test_a_target_is_there_in_its_hours_only() -> None:
    target = TransferTarget(**SALES, hours=WeeklyHours.business())
    assert target.is_there(TUESDAY_NOON) and not target.is_there(SUNDAY)
    assert target.there_from(SUNDAY) == datetime(2026, 12, 7, 14, 0, tzinfo=UTC)
    assert TransferTarget(**SALES).is_there(SUNDAY)


@pytest.mark.parametrize(
    ("status", "bridged", "state"),
    [
        ("completed", True, TransferState.COMPLETED),
        ("completed", False, TransferState.NO_ANSWER),
        ("no-answer", False, TransferState.NO_ANSWER),
        ("busy", False, TransferState.BUSY),
        ("failed", False, TransferState.FAILED),
        ("canceled", False, TransferState.NO_ANSWER),
        ("", True, TransferState.UNKNOWN),
        ("a word of tomorrow", True, TransferState.UNKNOWN),
    ],
)
def test_the_carriers_last_word_is_read(status: str, bridged: bool, state: TransferState) -> None:
    assert state_of_dial(status, bridged=bridged) is state


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ([], None),
        ([TransferState.NO_ANSWER], AttemptOutcome.INTERESTED),
        ([TransferState.DIALLING], AttemptOutcome.INTERESTED),
        ([TransferState.ANSWERED], AttemptOutcome.TRANSFERRED),
        ([TransferState.BUSY, TransferState.COMPLETED], AttemptOutcome.TRANSFERRED),
    ],
)
def test_a_call_without_a_last_word_ends_as_its_transfers_did(
    states: list[TransferState], outcome: AttemptOutcome | None
) -> None:
    assert outcome_of_transfers(states) is outcome
