"""Consent to be called, as lead files state it: which kind, when, from where, and the proof.

The kinds are grades, since laws ask for different ones: express written consent is the strongest, and a bare "yes" is
taken as plain express consent, never as written.
"""

import re
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from pydantic import BaseModel, ConfigDict


class ConsentKind(StrEnum):
    """How strong a consent is, the strongest first."""

    EXPRESS_WRITTEN = "express_written"
    EXPRESS = "express"  # said, or given in a way that the file does not tell
    IMPLIED = "implied"  # an existing business relationship, an inquiry
    REFUSED = "refused"  # withheld or withdrawn: the person is not called


class StatedConsent(BaseModel):
    """One statement of consent. `given_on` is the day where the person gave it; None if the file does not say."""

    model_config = ConfigDict(frozen=True)

    kind: ConsentKind
    given_on: date | None = None
    source: str = ""
    proof: str = ""


_WORDS: tuple[tuple[ConsentKind, re.Pattern[str]], ...] = (
    # What was refused or withdrawn is read first: "no written consent" must never count as written.
    (
        ConsentKind.REFUSED,
        re.compile(
            r"^(no|n|false|0|none|nein|off)$|\b(not?|never|without)\b|refus|revok|withdr|denied|declin|"
            r"opt(ed)?[ -]?out|unsubscrib|do not call"
        ),
    ),
    (ConsentKind.EXPRESS_WRITTEN, re.compile(r"written|\bpewc\b|signed|signature|e-?sign")),
    (ConsentKind.IMPLIED, re.compile(r"impli(ed|cit)|existing|relationship|[ie]nquir|\bebr\b|customer|legitimate")),
    (
        ConsentKind.EXPRESS,
        re.compile(r"^(yes|y|true|1|x|ja|on|t)$|express|explicit|verbal|oral|opt(ed)?[ -]?in|given|granted|obtained|"
                   r"consent|agreed|subscribed"),
    ),
)  # fmt: skip

_REPEATED = 4096  # answers remembered: the rows of a file say the same again and again
_NAMED_MONTH = ("%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%b-%y")
_EXCEL_EPOCH = date(1899, 12, 30)
_EXCEL_DAYS = range(36_526, 73_051)  # 2000 to 2099: a spreadsheet's day number that lost its format


@lru_cache(_REPEATED)
def consent_kind(text: str) -> ConsentKind | None:
    """`Express written`, `yes`, `opted out`; None if it is not understood, which counts as no consent."""
    plain = re.sub(r"[\s_]+", " ", text).strip().casefold()
    return next((kind for kind, pattern in _WORDS if pattern.search(plain)), None)


@lru_cache(_REPEATED)
def read_day(text: str, *, month_first: bool) -> date | None:
    """The day of `2026-03-04T10:00Z`, `4 Mar 2026`, `3/4/2026`, an Excel day number or epoch milliseconds; else None.

    `month_first` decides what 3/4/2026 is; where only one reading is a day, that one counts.
    """
    plain = re.sub(r"\s+", " ", text.replace(",", " ")).strip()
    if iso := re.match(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", plain):
        return _day(*(int(part) for part in iso.groups()))
    if numbers := re.match(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)", plain):
        first, second, year = int(numbers[1]), int(numbers[3]), int(numbers[4])
        year += 2000 if year < 100 else 0
        readings = [(year, first, second), (year, second, first)]
        if not month_first or numbers[2] == ".":
            readings.reverse()
        return _day(*readings[0]) or _day(*readings[1])
    if re.fullmatch(r"\d{5}(\.\d+)?", plain) and int(float(plain)) in _EXCEL_DAYS:
        return _EXCEL_EPOCH + timedelta(days=int(float(plain)))
    if re.fullmatch(r"1\d{12}", plain):
        return datetime.fromtimestamp(int(plain) / 1000, UTC).date()
    for form in _NAMED_MONTH:
        try:
            return datetime.strptime(plain, form).date()
        except ValueError:
            continue
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
