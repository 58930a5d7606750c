"""The calling rules in force, their history, and the operator's changes."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cadenza.domain.open_times import Span
from cadenza.domain.rules.jurisdiction import BlackoutDay, Jurisdiction
from cadenza.domain.rules.open_week import clock

_VERSION = "2026-11-1a2b3c4d"
_CHANGED = "2026-11.2026-12-5e6f7a8b"
_RULE: dict[str, Any] = {
    "field": "attempt_caps",
    "words": "at most 3 calls to a number in 24 hours",
    "grade": "P",
    "source": "SB 1120 (2021), Fla. Stat. 501.616(6)",
    "note": "",
}
_ROW: dict[str, Any] = {
    "id": "US-FL",
    "name": "Florida",
    "covers": [],
    "rules": [_RULE],
    "data": {"attempt_caps": [{"calls": 3, "within_hours": 24, "grade": "P", "source": "SB 1120 (2021)"}]},
}
_DAY: dict[str, Any] = {"day": "2027-02-08", "places": ["US-LA"], "reason": "proclaimed by the governor"}
_OVERLAY: dict[str, Any] = {
    "version": "2026-12",
    "jurisdictions": {"US-FL": {"hours": [{"days": "daily", "opens": "09:00", "closes": "19:00"}]}},
    "blackout_days": [_DAY],
}
_WEAKER = ["US-FL: at most 3 calls to a number in 24 hours"]
_CHANGE_LINES = ["US-FL: - calls 08:00 to 20:00 every day (P)", "US-FL: + calls 09:00 to 19:00 every day (O)"]
_IN_FORCE: dict[str, Any] = {
    "version": _CHANGED,
    "in_force_at": "2026-11-21T09:00:00Z",
    "in_force_until": None,
    "who": "key:ak_1bejv0k3gq9x2m4t6w8y",
    "why": "counsel's letter of 20 November",
    "zone_data": "2026f",
    "changes": _CHANGE_LINES,
    "weakened": [],
}


def _example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class RuleOut(BaseModel):
    """A rule in words, how sure it is, and where it is from."""

    model_config = _example(_RULE)

    field: str = Field(description="The field of the row that holds it")
    words: str
    grade: str = Field(
        description="P law read, S account of it read, M not confirmed, R no law known to ask for it, O operator's own"
    )
    source: str
    note: str


class JurisdictionOut(BaseModel):
    """The rules of a country, a union or a state."""

    model_config = _example(_ROW)

    id: str
    name: str
    covers: list[str] = Field(description="Countries of a union")
    rules: list[RuleOut]
    data: dict[str, Any] = Field(description="The row as an overlay writes it (docs/rules.md)")

    @classmethod
    def of(cls, row: Jurisdiction) -> "JurisdictionOut":
        rules = [
            RuleOut(field=name, words=rule.words, grade=rule.grade.value, source=rule.source, note=rule.note)
            for name, rule in row.named_rules
        ]
        data = row.model_dump(mode="json", exclude_defaults=True, exclude={"id"})
        return cls(id=row.id, name=row.name, covers=list(row.covers), rules=rules, data=data)


class BlackoutDayOut(BaseModel):
    """A day without calls."""

    model_config = _example(_DAY)

    day: date
    places: list[str] = Field(description="Jurisdictions; none: everywhere")
    reason: str

    @classmethod
    def of(cls, one: BlackoutDay) -> "BlackoutDayOut":
        return cls(day=one.day, places=list(one.places), reason=one.reason)


class OverlayOut(BaseModel):
    """The changes made over the API that hold now. `overlay` is null if there are none, or none any more."""

    model_config = _example({"overlay": _OVERLAY, "who": "key:ak_1bejv0k3gq9x2m4t6w8y",
                             "why": "counsel's letter of 20 November", "at": "2026-11-21T09:00:00Z"})  # fmt: skip

    overlay: dict[str, Any] | None
    who: str | None = None
    why: str | None = None
    at: datetime | None = None


class RulesOut(BaseModel):
    """The rule book in force. Equal versions are equal rules."""

    model_config = _example(
        {"version": _VERSION, "base_version": _VERSION, "zone_data": "2026f", "weakened": [], "jurisdictions": [_ROW],
         "blackout_days": [_DAY]}
    )  # fmt: skip

    version: str
    base_version: str = Field(description="Without the changes made over the API: standard rules and CALLING_RULES")
    zone_data: str = Field(description="IANA version of the time zone data")
    weakened: list[str] = Field(description="Rules of law (grades P, S, M) that the operator's changes do not keep")
    jurisdictions: list[JurisdictionOut]
    blackout_days: list[BlackoutDayOut]


class DayHours(BaseModel):
    """Local time; both null: closed."""

    model_config = _example({"opens": "08:00", "closes": "20:00"})

    opens: str | None
    closes: str | None = Field(description="Excluded; 24:00 is the end of the day")

    @classmethod
    def of(cls, span: Span | None) -> "DayHours":
        opens, closes = (clock(span[0]), clock(span[1])) if span else (None, None)
        return cls(opens=opens, closes=closes)


class PlaceRulesOut(BaseModel):
    """What holds in one place: its own rules and its country's."""

    model_config = _example(
        {"id": "US-FL", "version": _VERSION, "is_known": True, "zones": ["America/Chicago", "America/New_York"],
         "week": {"monday": {"opens": "08:00", "closes": "20:00"}}, "jurisdictions": [_ROW], "blackout_days": []}
    )  # fmt: skip

    id: str
    version: str
    is_known: bool = Field(description="false: the book has no row for the country, and the strictest of all rows hold")
    zones: list[str]
    week: dict[str, DayHours] = Field(description="What all rows together leave open; holidays and caps come on top")
    jurisdictions: list[JurisdictionOut] = Field(description="Every row that holds there")
    blackout_days: list[BlackoutDayOut]


class RuleVersionOut(BaseModel):
    """A rule book that was in force, from when to when, and what it changed."""

    model_config = _example(_IN_FORCE)

    version: str
    in_force_at: datetime
    in_force_until: datetime | None = Field(None, description="When the next one came; null: in force now")
    who: str = Field(description="key:ID; engine: it came with a process that started")
    why: str
    zone_data: str
    changes: list[str] = Field(description="Against the book before: rules that went (-) and came (+)")
    weakened: list[str] = Field(description="Rules of law that it does not keep")


class RuleVersionDetail(RuleVersionOut):
    """A rule book whole, as it was."""

    model_config = _example({**_IN_FORCE, "rules": {"jurisdictions": {"US-FL": _ROW["data"]}, "blackout_days": [_DAY]}})

    rules: dict[str, Any] = Field(description="All jurisdictions and blackout days")


class OverlayIn(BaseModel):
    """Changes to the rules; they take the place of those made over the API before. The form is in docs/rules.md."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_OVERLAY]})

    version: str = Field(description="Your name for it: letters, digits, `.`, `_`, `-`")
    jurisdictions: dict[str, dict[str, Any]] = Field({}, description="Rows by id; null takes a field away")
    blackout_days: list[dict[str, Any]] = Field([], description="Days without calls")


class RuleChangeOut(BaseModel):
    """What the change does, or with `dry_run` would do."""

    model_config = _example({"version": _CHANGED, "is_in_force": True, "changes": _CHANGE_LINES, "weakened": _WEAKER})

    version: str
    is_in_force: bool = Field(description="false after a dry run")
    changes: list[str] = Field(description="Rules that go (-) and come (+); none: nothing was changed")
    weakened: list[str] = Field(description="Rules of law that held before and do not hold any more")
