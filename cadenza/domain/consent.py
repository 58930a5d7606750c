"""What the called party agreed to, and which kinds of line the law tells apart."""

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict


class ConsentGrade(StrEnum):
    """How strong a consent is. Each includes the one before."""

    NONE = "none"
    ORAL = "oral"  # express, in any form
    WRITTEN = "written"

    def satisfies(self, needed: "ConsentGrade") -> bool:
        return _STRENGTH[self] >= _STRENGTH[needed]


_STRENGTH = {grade: strength for strength, grade in enumerate(ConsentGrade)}


def stronger(one: ConsentGrade, other: ConsentGrade) -> ConsentGrade:
    return one if one.satisfies(other) else other


class Consent(BaseModel):
    """A consent to be called by an artificial voice. It counts from `given_at` until `expires_at`, if there is one."""

    model_config = ConfigDict(frozen=True)

    grade: ConsentGrade
    given_at: AwareDatetime
    expires_at: AwareDatetime | None = None

    def holds_at(self, instant: datetime) -> bool:
        return self.given_at <= instant and (self.expires_at is None or instant < self.expires_at)


class LineType(StrEnum):
    """The kinds of line that may be called; a number that says nothing is held to the rules of all."""

    FIXED = "fixed"
    MOBILE = "mobile"
    VOIP = "voip"
    UNKNOWN = "unknown"
