"""Pins down: the strongest consent that was not taken back counts, from the day on which it was given."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cadenza.domain.best_consent import StoredConsent, best_consent
from cadenza.domain.consent import ConsentGrade
from cadenza.domain.stated_consent import ConsentKind

NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)


def said(kind: ConsentKind, on: date | None = None, recorded: datetime = NOON) -> StoredConsent:
    return StoredConsent(kind, on, recorded)


WRITTEN, ORAL = ConsentKind.EXPRESS_WRITTEN, ConsentKind.EXPRESS
IMPLIED, REFUSED = ConsentKind.IMPLIED, ConsentKind.REFUSED


@pytest.mark.parametrize(
    ("stated", "grade"),
    [
        ([], None),
        ([said(IMPLIED)], None),
        ([said(ORAL, date(2026, 11, 10)), said(WRITTEN, date(2026, 1, 1))], ConsentGrade.WRITTEN),
        ([said(WRITTEN, date(2026, 11, 1)), said(REFUSED, date(2026, 11, 2))], None),
        ([said(WRITTEN, date(2026, 11, 2)), said(REFUSED, date(2026, 11, 2))], None),  # the refusal wins its day
        ([said(REFUSED, date(2026, 11, 1)), said(ORAL, date(2026, 11, 2))], ConsentGrade.ORAL),
        ([said(WRITTEN, date(2026, 1, 1)), said(REFUSED, date(2026, 6, 1)), said(ORAL, date(2026, 7, 1))],
         ConsentGrade.ORAL),
    ],
)  # fmt: skip
def test_the_strongest_that_was_not_taken_back_counts(stated: list[StoredConsent], grade: ConsentGrade | None) -> None:
    found = best_consent(stated)
    assert (found and found.grade) == grade


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        (None, NOON),
        (date(2026, 3, 4), datetime(2026, 3, 4, tzinfo=UTC)),
        (date(2026, 11, 17), datetime(2026, 11, 17, tzinfo=UTC)),
        (date(2026, 11, 18), NOON),  # it is the 18th in Sydney already
        (date(2026, 11, 19), datetime(2026, 11, 19, tzinfo=UTC)),  # a day that has begun nowhere
    ],
)
def test_a_consent_counts_from_its_day_on(day: date | None, begins: datetime) -> None:
    found = best_consent([said(WRITTEN, day)])
    assert found is not None
    assert found.given_at == begins


def test_of_two_as_strong_the_latest_counts() -> None:
    found = best_consent([said(WRITTEN, recorded=NOON), said(WRITTEN, recorded=NOON - timedelta(days=400))])
    assert found is not None
    assert found.given_at == NOON
