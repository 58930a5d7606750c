"""Which consent counts, out of all that were stated for a number. Pure.

A refusal takes back what was stated before it, on its day too. Of what is left the strongest grade counts, and of equal
ones the latest. An implied consent (a customer, an inquiry) is none for an artificial voice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from cadenza.domain.consent import Consent, ConsentGrade
from cadenza.domain.stated_consent import ConsentKind

_GRADES = {ConsentKind.EXPRESS_WRITTEN: ConsentGrade.WRITTEN, ConsentKind.EXPRESS: ConsentGrade.ORAL}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """A statement as it was recorded. `given_on` is the day where the person is; None: the file did not say."""

    kind: ConsentKind
    given_on: date | None
    recorded_at: datetime

    @property
    def given_at(self) -> datetime:
        """When it began to count. A day that has only begun where the person is, is no day in the future."""
        if self.given_on is None:
            return self.recorded_at
        began = datetime.combine(self.given_on, time(0), tzinfo=UTC)
        return min(began, self.recorded_at) if began - self.recorded_at < _DAY else began


def best_consent(stated: Iterable[StoredConsent]) -> Consent | None:
    """The consent that counts; None if there is none, or the last word was a refusal."""
    found = list(stated)
    refused = max((one.given_at for one in found if one.kind is ConsentKind.REFUSED), default=None)
    consents = [
        Consent(grade=_GRADES[one.kind], given_at=one.given_at)
        for one in found
        if one.kind in _GRADES and (refused is None or one.given_at.date() > refused.date())
    ]
    return max(consents, key=lambda one: (one.grade is ConsentGrade.WRITTEN, one.given_at), default=None)
